//! The detector through its public interface, over a history in memory.

mod concurrency;
mod lifecycle;
mod memory;
mod patterns;
