//! A second platform in one archive with Discord, through the whole program.
//!
//! Here, a platform is a folder ([`parley`]) and a line ([`PLATFORMS`]). The tests run this
//! binary as the program that knows both, so they bring their own `main`.
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

use verta_sync::config::Environment;
use verta_sync::model::PlatformSpec;
use verta_sync::platform::registry::{REGISTRY, Registered, Registry, specs};
use verta_sync::{cli, commands};

/// The variable that makes this binary the program.
pub const PROGRAM: &str = "SECOND_PLATFORM_PROGRAM";

const DISCORD: &Registered = &REGISTRY.registered[0];
const PLATFORMS: [Registered; 2] = [
    Registered { spec: DISCORD.spec, connect: DISCORD.connect },
    Registered { spec: &parley::SPEC, connect: parley::connect },
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
        views_show_the_texts_of_both_platforms
        a_channel_that_is_not_public_is_left_out;
    privacy:
        people_are_hashed_by_the_text_of_their_id
        a_user_who_turns_up_late_is_scrubbed_from_older_texts
        no_raw_id_of_either_platform_is_in_the_file;
    runs:
        a_second_start_changes_no_row
        a_killed_start_is_completed_by_the_next
        edits_and_deletions_of_the_last_day_are_followed
        a_rejected_token_ends_the_run_with_4
        a_token_revoked_on_the_way_costs_nothing;
    limits:
        pages_are_as_long_as_each_platform_allows
        each_platform_is_asked_at_its_own_rate;
    output:
        start_shows_the_texts_of_ids
        status_shows_the_texts_of_ids
        plan_shows_the_texts_of_ids
        a_channel_is_asked_for_by_the_text_of_its_id
        a_channel_that_was_read_is_named_with_what_is_malformed_there;
    erasure:
        a_forgotten_person_is_gone_from_every_byte
        a_reset_tenant_is_read_again_and_the_other_is_not;
};

fn main() -> ExitCode {
    if std::env::var_os(PROGRAM).is_some() { act_as_program() } else { run_tests() }
}

fn act_as_program() -> ExitCode {
    commands::panics::say_only_where();
    commands::process::set_up();
    let env = Environment::new(std::env::vars_os(), std::env::current_dir().unwrap());
    let registry = Registry { specs: &SPECS, registered: &PLATFORMS };
    match commands::panics::caught(|| cli::run_with(std::env::args_os(), env, registry)) {
        Ok(code) => code.into(),
        Err(failure) => {
            failure.tell();
            failure.exit_code().into()
        }
    }
}

/// Flags of Rust's own harness that take a value.
const WITH_VALUE: [&str; 4] = ["--test-threads", "--format", "--color", "--logfile"];

/// Of the flags of Rust's own harness, `--skip` and `--list` are known; others change nothing.
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
    let holds = |filters: &[String], name: &str| filters.iter().any(|filter| name.contains(filter));
    let is_wanted = |name: &str| (filters.is_empty() || holds(&filters, name)) && !holds(&skipped, name);
    let (mut failed, mut ran) = (0, 0);
    for (name, test) in TESTS.iter().filter(|(name, _)| is_wanted(name)) {
        ran += 1;
        let is_ok = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if is_ok { "ok" } else { "FAILED" });
        failed += u8::from(!is_ok);
    }
    println!("{ran} tests ran, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
