//! The whole program with a second platform beside Discord in one archive.
//!
//! To add a platform takes a folder ([`parley`]) and a line ([`PLATFORMS`]). The tests run
//! this binary as the program that supports both platforms, hence its own `main`.
//! `cargo test --test second_platform NAME` runs the tests whose name contains `NAME`.

#![allow(missing_docs, clippy::missing_panics_doc, clippy::unwrap_used, reason = "tests")]

mod erasure;
mod limits;
mod output;
mod parley;
mod privacy;
mod runs;
mod sandbox;
mod server;
#[path = "../util/mod.rs"]
mod util;
mod views;
mod wire;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Duration;

use verta_sync::config::Environment;
use verta_sync::model::PlatformSpec;
use verta_sync::platform::registry::{REGISTRY, RegisteredPlatform, Registry, specs};
use verta_sync::{cli, commands};

/// The environment variable that makes this binary act as the program.
pub const PROGRAM: &str = "SECOND_PLATFORM_PROGRAM";
/// How long this program waits for another process that holds the database; the real one
/// waits 30 s.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

const DISCORD: &RegisteredPlatform = &REGISTRY.platforms[0];
const PLATFORMS: [RegisteredPlatform; 2] = [
    RegisteredPlatform { spec: DISCORD.spec, connect: DISCORD.connect },
    RegisteredPlatform { spec: &parley::SPEC, connect: parley::connect },
];
const SPECS: [&PlatformSpec; 2] = specs(&PLATFORMS);

macro_rules! tests {
    ($($module:ident: $($test:ident)+;)+) => {
        &[$($((concat!(stringify!($module), "::", stringify!($test)), $module::$test),)+)+]
    };
}

const TESTS: &[(&str, fn())] = tests! {
    views:
        ids_are_a_bijection
        views_format_ids_as_each_platform_does
        private_channel_is_not_archived;
    privacy:
        users_are_hashed_by_the_text_of_their_id
        user_seen_later_is_scrubbed_from_older_texts
        files_contain_no_raw_user_id_of_either_platform;
    runs:
        second_run_changes_no_row
        next_run_completes_a_killed_run
        permanent_database_lock_is_named_as_the_cause
        refresh_window_picks_up_edits_and_deletions
        rejected_token_exits_with_4
        token_revoked_during_a_run_loses_no_message;
    limits:
        page_sizes_follow_each_platforms_maximum
        each_platform_has_its_own_request_rate;
    output:
        start_formats_ids_as_the_platform_does
        status_formats_ids_as_the_platform_does
        plan_formats_ids_as_the_platform_does
        channel_flag_accepts_the_platforms_id_format
        malformed_message_is_reported_with_its_channels_name;
    erasure:
        erased_user_leaves_no_trace_in_the_files
        reset_tenant_is_reread_and_the_other_is_unaffected;
};

fn main() -> ExitCode {
    if std::env::var_os(PROGRAM).is_some() { act_as_program() } else { run_tests() }
}

fn act_as_program() -> ExitCode {
    commands::panics::install_hook();
    commands::process::apply_settings();
    let env = Environment::new(std::env::vars_os(), std::env::current_dir().unwrap());
    let registry = Registry { specs: &SPECS, platforms: &PLATFORMS };
    let setup = cli::Setup { env, registry, busy_timeout: BUSY_TIMEOUT };
    match commands::panics::catch_panics(|| cli::run_with(std::env::args_os(), setup)) {
        Ok(code) => code.into(),
        Err(failure) => {
            failure.print();
            failure.exit_code().into()
        }
    }
}

/// Flags of Rust's test harness that take a value.
const WITH_VALUE: [&str; 4] = ["--test-threads", "--format", "--color", "--logfile"];

/// Runs the tests. Supports `--skip` and `--list` of Rust's test harness and ignores its
/// other flags.
fn run_tests() -> ExitCode {
    let (mut filters, mut skipped) = (Vec::new(), Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => {
                for (name, _) in TESTS {
                    println!("{name}: test");
                }
                return ExitCode::SUCCESS;
            }
            "--skip" => skipped.extend(arguments.next()),
            flag if WITH_VALUE.contains(&flag) => drop(arguments.next()),
            flag if flag.starts_with('-') => {}
            _ => filters.push(argument),
        }
    }
    let matches_any = |filters: &[String], name: &str| filters.iter().any(|filter| name.contains(filter));
    let is_selected =
        |name: &str| (filters.is_empty() || matches_any(&filters, name)) && !matches_any(&skipped, name);
    let (mut failed, mut ran) = (0, 0);
    for (name, test) in TESTS.iter().filter(|(name, _)| is_selected(name)) {
        ran += 1;
        let is_ok = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if is_ok { "ok" } else { "FAILED" });
        failed += u8::from(!is_ok);
    }
    println!("{ran} tests ran, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
