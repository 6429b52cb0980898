//! What packages install: completions and the manual page.

use std::io;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Arguments;
use crate::error::Error;
use crate::screen::Screen;

pub(super) fn completions(screen: Screen, shell: Shell) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "agentctl", &mut script);
    screen.print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn manual(screen: Screen) -> Result<ExitCode, Error> {
    let page = page()?;
    screen.print(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}

/// One page for the program and all of its commands.
fn page() -> io::Result<Vec<u8>> {
    let mut command = Arguments::command();
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone()).manual("pull-agent");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(b".SH COMMANDS\n");
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        page.extend_from_slice(&section(sub)?);
    }
    man.render_extra_section(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// One command as a part of the page: its name, what it does, its own options.
fn section(sub: &clap::Command) -> io::Result<Vec<u8>> {
    let own = |argument: &clap::Arg| !argument.is_global_set() && argument.get_id() != "help";
    let only_own = |argument: clap::Arg| if own(&argument) { argument } else { argument.hide(true) };
    let man = Man::new(sub.clone().disable_help_flag(true).mut_args(only_own));
    let mut part = Vec::new();
    man.render_synopsis_section(&mut part)?;
    man.render_description_section(&mut part)?;
    if sub.get_arguments().any(own) {
        man.render_options_section(&mut part)?;
    }
    let mut text = format!(".SS {}\n", sub.get_name());
    for line in String::from_utf8_lossy(&part).lines() {
        // The headings of a page of its own would break this one up.
        text.push_str(if line.starts_with(".SH ") { ".PP" } else { line });
        text.push('\n');
    }
    Ok(text.into_bytes())
}
