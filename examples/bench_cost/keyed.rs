//! What the hash key costs: first syncs with and without one, alternating.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::{BenchResult, Case, SimulatorProcess, command, configure, folder};

const ROUNDS: u32 = 3;

pub fn measure(case: &Case) -> BenchResult<()> {
    for round in 1..=ROUNDS {
        let plain = first_sync(case, false)?;
        let keyed = first_sync(case, true)?;
        println!(
            "keyed          round {round}: {plain:.2} CPU s without a key, {keyed:.2} with one: {:.3} times",
            keyed / plain
        );
    }
    Ok(())
}

/// The processor seconds of a first sync.
fn first_sync(case: &Case, has_key: bool) -> BenchResult<f64> {
    let folder = folder("keyed")?;
    let folder = folder.path();
    let simulator = SimulatorProcess::start(case.name)?;
    configure(folder, &simulator)?;
    if has_key {
        add_key(folder)?;
    }
    Ok(command(folder, &["start"])?.cpu_seconds)
}

fn add_key(folder: &Path) -> BenchResult<()> {
    let key = folder.join("archive.key");
    fs::write(&key, "0123456789abcdef".repeat(4))?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let config = folder.join("sync.toml");
    let text = fs::read_to_string(&config)?;
    Ok(fs::write(&config, format!("[archive]\nhash_key_file = \"archive.key\"\n{text}"))?)
}
