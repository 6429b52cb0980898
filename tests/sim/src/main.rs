//! Runs many seeds, or one again with everything that happened in it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the program that people call")]

use std::process::ExitCode;

use pull_agent_sim::faults::Death;
use pull_agent_sim::run::{Plan, run};
use pull_agent_sim::scripts;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().skip(1).filter_map(|text| text.parse().ok()).collect();
    match (arguments.first().map(String::as_str), numbers.as_slice()) {
        (Some("replay"), [seed]) => replay(Plan { seed: *seed, ..Plan::default() }),
        (Some("fleet"), []) => {
            print!("{}", pull_agent_sim::fleet::table());
            ExitCode::SUCCESS
        }
        (Some("script"), _) => script(&arguments[1..]),
        (Some("run"), [start, count]) => many(*start, *count),
        (Some(_) | None, _) => {
            eprintln!(
                "usage: pull-agent-sim replay SEED | run START COUNT | fleet | script NAME SEED [POINT:DEATH]…"
            );
            ExitCode::from(2)
        }
    }
}

fn script(arguments: &[String]) -> ExitCode {
    let named =
        arguments.first().and_then(|name| scripts::all().into_iter().find(|script| script.name == *name));
    let (Some(script), Some(Ok(seed))) = (named, arguments.get(1).map(|text| text.parse())) else {
        for script in scripts::all() {
            println!("{}", script.name);
        }
        return ExitCode::from(2);
    };
    let die_at = arguments[2..].iter().filter_map(|text| {
        let (point, death) = text.split_once(':')?;
        let death = Death::ALL.into_iter().find(|known| format!("{known:?}") == death)?;
        Some((point.parse().ok()?, death))
    });
    replay(Plan {
        seed,
        die_at: die_at.collect(),
        script: script.actions,
        policy: Some(script.policy),
        ..Plan::default()
    })
}

fn replay(plan: Plan) -> ExitCode {
    let seed = plan.seed;
    let report = run(&Plan { log: true, ..plan });
    for line in &report.log {
        println!("{line}");
    }
    match report.violation {
        Some(violation) => {
            println!("seed {seed}: {violation}");
            ExitCode::FAILURE
        }
        None => {
            println!("seed {seed}: {} points, {} decisions, nothing wrong", report.points, report.events);
            ExitCode::SUCCESS
        }
    }
}

fn many(start: u64, count: u64) -> ExitCode {
    let mut points = 0;
    for seed in start..start + count {
        let report = run(&Plan { seed, ..Plan::default() });
        points += report.points;
        if let Some(violation) = report.violation {
            println!("seed {seed}: {violation}");
            return ExitCode::FAILURE;
        }
    }
    println!("{count} seeds, {points} points, nothing wrong");
    ExitCode::SUCCESS
}
