//! Progress for a person: bars on a terminal, silence everywhere else.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bars of a stage.
#[derive(Debug, Clone)]
pub struct Progress {
    bars: Option<MultiProgress>,
}

impl Progress {
    /// Bars where standard error is a terminal.
    #[must_use]
    pub fn new() -> Self {
        let visible = std::io::stderr().is_terminal();
        Self {
            bars: visible.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())),
        }
    }

    /// No bars at all.
    #[must_use]
    pub fn hidden() -> Self {
        Self { bars: None }
    }

    /// The bars on the terminal, for one who draws others among them; nothing where there is no
    /// terminal. Log lines are written while all of them are out of the way.
    #[must_use]
    pub fn bars(&self) -> Option<&MultiProgress> {
        self.bars.as_ref()
    }

    /// A bar that counts bytes up to a total.
    #[must_use]
    pub fn bytes(&self, what: &str, total_bytes: u64) -> Bar {
        self.bar(
            what,
            total_bytes,
            "{prefix:24} {bar:30} {bytes:>11} of {total_bytes:11} {bytes_per_sec}",
        )
    }

    /// A bar that counts things up to a total.
    #[must_use]
    pub fn count(&self, what: &str, total: u64) -> Bar {
        self.bar(
            what,
            total,
            "{prefix:24} {bar:30} {human_pos:>11} of {human_len:11}",
        )
    }

    /// A spinner for work whose length nobody knows.
    #[must_use]
    pub fn spinner(&self, what: &str) -> Bar {
        let Some(bars) = &self.bars else {
            return Bar { bar: None };
        };
        let bar = bars.add(ProgressBar::new_spinner().with_prefix(what.to_owned()));
        if let Ok(style) = ProgressStyle::with_template("{prefix:24} {spinner} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Bar { bar: Some(bar) }
    }

    /// Does something, such as writing a log line, while no bar is in the way.
    pub fn suspend<T>(&self, action: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(action),
            None => action(),
        }
    }

    /// Takes all bars away.
    pub fn clear(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    fn bar(&self, what: &str, total: u64, template: &str) -> Bar {
        let Some(bars) = &self.bars else {
            return Bar { bar: None };
        };
        let bar = bars.add(ProgressBar::new(total).with_prefix(what.to_owned()));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Bar { bar: Some(bar) }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// One bar; gone when dropped.
#[derive(Debug, Clone)]
pub struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    /// So much more is done.
    pub fn increase(&self, by: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(by);
        }
    }

    /// So much more is to be done.
    pub fn increase_total(&self, by: u64) {
        if let Some(bar) = &self.bar {
            bar.inc_length(by);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
