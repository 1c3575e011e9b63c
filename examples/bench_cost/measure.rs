//! Resource usage of a process, read from `/proc`.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::BenchResult;

/// Clock ticks per second in `/proc/*/stat`; Linux fixes this value for user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// Wall-clock time, and the processor time used so far.
pub struct ResourceSnapshot {
    at: Instant,
    cpu_seconds: f64,
}

impl ResourceSnapshot {
    pub fn now() -> BenchResult<Self> {
        Ok(Self { at: Instant::now(), cpu_seconds: cpu_seconds("/proc/self/stat")? })
    }

    pub fn cost_until_now(&self) -> BenchResult<Cost> {
        Ok(Cost {
            wall_seconds: self.at.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds("/proc/self/stat")? - self.cpu_seconds,
            peak_mebibytes: peak_mebibytes(Path::new("/proc/self/status"))?,
        })
    }
}

/// The resources that a step used.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub wall_seconds: f64,
    pub cpu_seconds: f64,
    pub peak_mebibytes: f64,
}

impl Cost {
    pub fn line(&self) -> String {
        format!("{} {} {}", self.wall_seconds, self.cpu_seconds, self.peak_mebibytes)
    }

    pub fn read(line: &str) -> BenchResult<Self> {
        let numbers: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [wall_seconds, cpu_seconds, peak_mebibytes] = numbers[..] else {
            return Err("a cost has three numbers".into());
        };
        Ok(Self { wall_seconds, cpu_seconds, peak_mebibytes })
    }

    #[allow(clippy::cast_precision_loss, reason = "rates")]
    pub fn describe(&self, messages: u64) -> String {
        let messages = messages as f64;
        format!(
            "{messages} messages in {:.1} s ({:.0} a second), {:.2} CPU s for a million, peak of {:.1} MiB",
            self.wall_seconds,
            messages / self.wall_seconds,
            self.cpu_seconds * 1e6 / messages,
            self.peak_mebibytes
        )
    }
}

/// Processor time of all threads of a process, including ended ones, from its `stat`
/// file.
pub fn cpu_seconds(path: &str) -> BenchResult<f64> {
    let stat = fs::read_to_string(path)?;
    let fields = stat.rsplit_once(')').ok_or("stat has no name")?.1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
}

/// Peak resident memory of a process, from its `status` file.
pub fn peak_mebibytes(path: &Path) -> BenchResult<f64> {
    let status = fs::read_to_string(path)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("status has no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}
