//! Servers that developer commands start and stop: the service itself, and real ones to compare with.

mod search_node;
mod vigie;

pub(crate) use search_node::{Kind, SearchNode};
pub(crate) use vigie::Vigie;

use std::process::Child;

/// A child process; ended when dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
