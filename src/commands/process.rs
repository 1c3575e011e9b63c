//! Process-wide settings: signal dispositions and core dumps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Applies all settings. Called once, before anything else.
pub fn apply_settings() {
    catch_file_size_signal();
    forbid_core_dumps();
}

/// Installs a handler for SIGXFSZ, so that a write beyond the file size limit fails with
/// EFBIG instead of killing the process.
fn catch_file_size_signal() {
    let signal = rustix::process::Signal::XFSZ.as_raw();
    // Nothing reads the flag; it is enough that a handler exists. If installing it fails,
    // the signal kills the process and the next run resumes.
    signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).ok();
}

/// Makes the process non-dumpable, because its memory holds the bot token: a crash leaves
/// no core dump, and no other process of this user can attach to it.
#[cfg(target_os = "linux")]
fn forbid_core_dumps() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
}

#[cfg(not(target_os = "linux"))]
fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).ok();
}
