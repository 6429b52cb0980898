//! What happened, for the one who looks for the cause of a failure. Nothing is written in a run that nobody looks at.

/// The lines so far.
#[derive(Debug, Default)]
pub struct Log {
    enabled: bool,
    lines: Vec<String>,
}

impl Log {
    /// A log that keeps its lines, or drops them.
    #[must_use]
    pub const fn new(enabled: bool) -> Self {
        Self { enabled, lines: Vec::new() }
    }

    /// Notes a line; it is made only when somebody reads it.
    pub fn note(&mut self, now: u64, line: impl FnOnce() -> String) {
        if self.enabled {
            self.lines.push(format!("{:>9}.{:03}  {}", now / 1000, now % 1000, line()));
        }
    }

    /// The last lines, oldest first.
    #[must_use]
    pub fn tail(&self, count: usize) -> &[String] {
        &self.lines[self.lines.len().saturating_sub(count)..]
    }
}
