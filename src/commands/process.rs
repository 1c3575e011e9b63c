//! What holds for the process as a whole.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Lets no limit and no crash do harm that the program could prevent.
pub fn set_up() {
    survive_file_size_limit();
    forbid_core_dumps();
}

/// A write beyond the limit of a file's size fails like one to a full disk,
/// instead of killing the process.
fn survive_file_size_limit() {
    let signal = rustix::process::Signal::XFSZ.as_raw();
    // Nothing reads the flag: that a handler exists is enough. Where none can be
    // set, the signal still kills, and the next run goes on.
    signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).ok();
}

/// The memory of the process holds the bot token: no crash writes it to a disk,
/// and no other process of this user reads it.
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
