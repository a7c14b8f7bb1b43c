//! A stack's progress as a bar.

use indicatif::{ProgressBar, ProgressStyle};
use stackfold::stack::{Event, Progress};

/// Shows one bar on the terminal: a step a fit of a member.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar with this caption; nothing is drawn where stderr is no terminal.
    pub fn new(caption: &str) -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(caption.to_owned());
        Self(bar)
    }
}

impl Progress for Bar {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Planned { n_fits } => self.0.set_length(*n_fits as u64),
            Event::Fitted { member, .. } => {
                self.0.set_message((*member).to_owned());
                self.0.inc(1);
            }
            Event::Failed { member, error, .. } => {
                self.0.inc(1);
                self.0.println(format!("{member} failed: {error}"));
            }
            Event::Blended => self.0.finish_and_clear(),
            _ => {}
        }
    }
}
