//! One host: boots when made, is removed when dropped.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::command::{self, CommandError, Output};
use crate::lab::{self, Lab, LabError};

/// How long a command inside a host may take.
const COMMAND: Duration = Duration::from_secs(300);
/// What a command that was told to end at its deadline may take to do so.
const GRACE: Duration = Duration::from_secs(15);

/// A running (or cut) host. Dropping it removes it with all that it has written.
#[derive(Debug)]
pub struct Host {
    lab: &'static Lab,
    name: String,
    hostname: String,
    address: Ipv4Addr,
    root: PathBuf,
}

impl Host {
    /// Boots a new host that calls itself `hostname`, with `nixos-rebuild` on its PATH and no NixOS system yet. Returns
    /// when its systemd has booted.
    ///
    /// # Errors
    /// Where the host does not boot, or its `nixos-rebuild` cannot be put in place.
    pub fn up(lab: &'static Lab, hostname: &str) -> Result<Self, LabError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Machine-wide: several test runs may be under way.
        let name = format!("{hostname}-{}-{number}", std::process::id());
        let mut host = Self {
            lab,
            hostname: hostname.to_owned(),
            address: Ipv4Addr::UNSPECIFIED,
            root: PathBuf::new(),
            name,
        };
        host.boot()?;
        host.root = PathBuf::from(host.script(&["root"])?);
        lab.nixos_rebuild().install(&host)?;
        Ok(host)
    }

    /// Its name in the lab, other than any other host's; `host.sh exec NAME` looks at it by hand.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the host calls itself.
    #[must_use]
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// Its address on the hosts' network.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Its root file system as this machine sees it, for files and directories of any size; `/run`, `/tmp` and `/dev` are
    /// not in it. Root's files in here are root's inside.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Runs a command inside as root, to its end.
    ///
    /// # Errors
    /// Where it cannot be run or takes longer than five minutes. A command that fails is no error: see [`Output::ok`].
    pub fn exec(&self, words: &[&str]) -> Result<Output, CommandError> {
        self.exec_with(words, b"")
    }

    /// [`Host::exec`], with `input` as standard input.
    ///
    /// # Errors
    /// As [`Host::exec`].
    pub fn exec_with(&self, words: &[&str], input: &[u8]) -> Result<Output, CommandError> {
        // The kill outside does not reach what runs inside: the deadline must be kept in there.
        let seconds = COMMAND.as_secs().to_string();
        let bounded = [&["timeout", "--kill-after=5", seconds.as_str()], words].concat();
        command::run(self.command(&bounded), input, COMMAND + GRACE)
    }

    /// Runs a line of bash inside, with `set -eu`.
    ///
    /// # Errors
    /// As [`Host::exec`].
    pub fn shell(&self, line: &str) -> Result<Output, CommandError> {
        self.exec(&["bash", "-euc", line])
    }

    /// A command to run inside, not started yet: for tests that let it run beside them. No deadline is kept for it.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = lab::host_script();
        command.args(["exec", &self.name]).args(words);
        command
    }

    /// Writes a file inside, and the directories above it, with this mode.
    ///
    /// # Errors
    /// Where the host is not up or the file cannot be written.
    pub fn write_file(&self, path: &str, content: &[u8], mode: u32) -> Result<(), CommandError> {
        let write = r#"mkdir -p "$(dirname "$0")"; cat > "$0.new"; chmod "$1" "$0.new"; mv -f "$0.new" "$0""#;
        self.exec_with(&["bash", "-euc", write, path, &format!("{mode:o}")], content)?.ok()?;
        Ok(())
    }

    /// Copies a file of this machine into the host, with this mode.
    ///
    /// # Errors
    /// Where the file cannot be read or not be written inside.
    pub fn install(&self, file: &Path, path: &str, mode: u32) -> Result<(), CommandError> {
        let content = std::fs::read(file)
            .map_err(|source| CommandError::Run { command: format!("read {}", file.display()), source })?;
        self.write_file(path, &content, mode)
    }

    /// A file inside, as text.
    ///
    /// # Errors
    /// Where there is none.
    pub fn read_file(&self, path: &str) -> Result<String, CommandError> {
        let output = self.exec(&["cat", "--", path])?;
        if output.code == 0 { Ok(output.stdout) } else { Err(CommandError::Failed(output)) }
    }

    /// Where a symbolic link inside finally leads, e.g. `/run/current-system`.
    ///
    /// # Errors
    /// Where it leads nowhere.
    pub fn resolve(&self, link: &str) -> Result<String, CommandError> {
        self.exec(&["readlink", "--canonicalize-existing", "--", link])?.ok()
    }

    /// What `systemctl show` has for one property of a unit, e.g. `ActiveState`.
    ///
    /// # Errors
    /// Where systemd cannot be asked.
    pub fn unit_property(&self, unit: &str, property: &str) -> Result<String, CommandError> {
        self.exec(&["systemctl", "show", "--property", property, "--value", "--", unit])?.ok()
    }

    /// The lines of this boot's journal that match, e.g. `--unit=pull-agent.service` or `--identifier=nixos`: the messages
    /// alone.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn journal(&self, matching: &[&str]) -> Result<String, CommandError> {
        let words = [&["journalctl", "--boot", "--no-pager", "--output=cat", "--quiet"], matching].concat();
        self.exec(&words)?.ok()
    }

    /// Reboots cleanly and waits for the next boot.
    ///
    /// # Errors
    /// Where it does not come up again.
    pub fn reboot(&self) -> Result<(), CommandError> {
        self.script(&["reboot"]).map(drop)
    }

    /// Kills every process of the host at once, the first included. What it has written stays; [`Host::boot`] starts it.
    ///
    /// # Errors
    /// Where processes survive.
    pub fn cut(&self) -> Result<(), CommandError> {
        self.script(&["cut"]).map(drop)
    }

    /// Powers off cleanly.
    ///
    /// # Errors
    /// Where the host is not there.
    pub fn off(&self) -> Result<(), CommandError> {
        self.script(&["off"]).map(drop)
    }

    /// Starts the host again after [`Host::cut`] or [`Host::off`].
    ///
    /// # Errors
    /// Where it does not boot.
    pub fn boot(&mut self) -> Result<(), CommandError> {
        let output = self.lab.host_script(&["up", &self.name, &self.hostname])?;
        let answer = output.clone().ok()?;
        let address = answer.split_whitespace().next().and_then(|word| word.parse().ok());
        self.address = address.ok_or(CommandError::Failed(output))?;
        Ok(())
    }

    /// Stops every process of the host where it is, until [`Host::thaw`].
    ///
    /// # Errors
    /// Where the host is not up.
    pub fn freeze(&self) -> Result<(), CommandError> {
        self.script(&["freeze"]).map(drop)
    }

    /// Lets a frozen host go on.
    ///
    /// # Errors
    /// Where the host is not up.
    pub fn thaw(&self) -> Result<(), CommandError> {
        self.script(&["thaw"]).map(drop)
    }

    /// Pulls the network cable, or plugs it in.
    ///
    /// # Errors
    /// Where the host is not there.
    pub fn link(&self, up: bool) -> Result<(), CommandError> {
        let word = if up { "up" } else { "down" };
        self.lab.host_script(&["link", &self.name, word])?.ok().map(drop)
    }

    /// Removes the host, as dropping it does, and says what went wrong.
    ///
    /// # Errors
    /// Where something of it could not be removed.
    pub fn down(self) -> Result<(), CommandError> {
        let removed = self.script(&["rm"]).map(drop);
        // Not a second time in `drop`.
        std::mem::forget(self);
        removed
    }

    fn script(&self, words: &[&str]) -> Result<String, CommandError> {
        let words = [words, &[self.name.as_str()]].concat();
        self.lab.host_script(&words)?.ok()
    }
}

impl Drop for Host {
    #[expect(
        clippy::print_stderr,
        reason = "a drop cannot return its error, and a host left behind should be seen"
    )]
    fn drop(&mut self) {
        // For looking at what a failed test left; `host.sh down` removes it.
        if lab::keeps_hosts() {
            eprintln!("kept: {}", self.name);
            return;
        }
        if let Err(error) = self.script(&["rm"]) {
            eprintln!("host {} was not removed: {error}", self.name);
        }
    }
}
