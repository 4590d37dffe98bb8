//! The memory allocator, and how it is told what to do.

/// Indexing makes and frees many small values on different threads: less memory and processor time than with the
/// system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Its settings here, unless the environment says otherwise.
///
/// No huge pages: one of which a part is used is wholly in memory, which makes a fifth of the peak while events are loaded,
/// nearly half of what an idle service holds, and no difference in processor time. What is free goes back to the system
/// after a second, as is the default: giving it back after 50 ms makes no more than 100 MB of difference at the peak, and
/// taking it anew, page after page, a fifth of the processor time of loading.
const SETTINGS: [(&str, &str); 1] = [("MIMALLOC_ALLOW_THP", "0")];

/// Runs the program anew with these settings: the allocator reads them before `main`.
pub(crate) fn settle() {
    #[cfg(target_os = "linux")]
    if SETTINGS.iter().any(|(name, _)| std::env::var_os(name).is_none())
        && let Ok(program) = std::env::current_exe()
    {
        use std::{os::unix::process::CommandExt, process::Command};
        let missing = SETTINGS.into_iter().filter(|(name, _)| std::env::var_os(name).is_none());
        // It only returns if it fails; then all goes on as it is.
        let mut arguments = std::env::args_os();
        let mut again = Command::new(program);
        if let Some(name) = arguments.next() {
            again.arg0(name);
        }
        let _ = again.args(arguments).envs(missing).exec();
    }
}
