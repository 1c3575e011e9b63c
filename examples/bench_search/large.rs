//! The archive that the benchmarks of reading share, and what they measure of themselves.

#[path = "../bench_queries/world.rs"]
mod world;

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;

use tempfile::TempDir;

use self::world::Shape;

/// An archive of invented messages, in a folder.
pub struct LargeArchive {
    pub messages: i64,
    pub path: PathBuf,
    /// Removed with everything in it, unless another folder was named.
    _temporary: TempDir,
}

impl LargeArchive {
    /// The archive of the arguments `[MESSAGES [FOLDER]]`, written unless it is there.
    pub fn of_arguments(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, Box<dyn Error>> {
        let messages = arguments.next().map_or(Ok(1_000_000), |text| text.to_string_lossy().parse())?;
        let temporary = tempfile::tempdir()?;
        let folder = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("search-{messages}.db"));
        if !path.exists() {
            let shape = Shape { messages, channels: 120, threads: 0, people: 20_000, vocabulary: 300_000 };
            world::create(&path, shape)?;
        }
        Ok(Self { messages, path, _temporary: temporary })
    }
}

/// The most memory that the process has had resident, in MB.
pub fn memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or_default();
    kib * 1024 / 1_000_000
}
