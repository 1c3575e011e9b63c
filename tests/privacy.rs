//! No raw user ID in any byte that verta-sync writes: the archive, what stands
//! beside it, the logs, the output.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod util;

use std::fs;
use std::time::Duration;

use discord_sim::{BodyKind, Description, Match, RouteKind, Scope, What, World};
use rustix::process::Signal;
use util::{Ran, Sandbox, ended, send};

const HOUR: Duration = Duration::from_hours(1);

/// A small world with everything in it, and every user in every kind of text.
fn sandbox() -> Sandbox {
    let sandbox =
        Sandbox::with_config(World::new(&Description::everything(11)), "[sync]\nretry_base_delay = \"10ms\"");
    let world = sandbox.sim.world();
    let guild = world.guilds()[0].0;
    let chat =
        world.truth(guild).iter().find(|channel| channel.bot_can_read && channel.kind == 0).unwrap().id;
    for user in world.users(guild) {
        let id = user.id;
        let text = format!(
            "<@{id}> <@!{id}> bare {id}, quoted \"{id}\", \\{id}\\, x{id}y, https://discord.com/users/{id} \
             https://cdn.discordapp.com/avatars/{id}/a.png https://cdn.discordapp.com/banners/{id}/b.png \
             https://cdn.discordapp.com/guilds/{guild}/users/{id}/avatars/c.png {{\"user\":\"{id}\"}} <t:{id}>"
        );
        world.append_text(chat, 1, &text);
    }
    let users = world.users(guild);
    world.set_topic(chat, Some(&format!("ask <@{}> or {}", users[2].id, users[3].id)));
    world.rename(chat, &format!("room-of-{}", users[4].id));
    let starter = world.append(chat, 1)[0];
    world.create_thread(chat, &format!("for {}", users[5].id), Some(starter));
    sandbox
}

/// What must be nowhere: every ID in every form that a program writes numbers
/// in, and the token.
fn traces(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let world = sandbox.sim.world();
    let mut ids: Vec<u64> =
        world.guilds().iter().flat_map(|(guild, _)| world.users(*guild)).map(|user| user.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() > 100, "{} users", ids.len());
    let forms = ids.into_iter().flat_map(|id| {
        let text = id.to_string();
        [
            ("text", text.clone().into_bytes()),
            ("UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("a big-endian number", id.to_be_bytes().to_vec()),
            ("a little-endian number", id.to_le_bytes().to_vec()),
            ("hexadecimal", format!("{id:x}").into_bytes()),
            ("JSON escapes", text.bytes().flat_map(|byte| format!("\\u{byte:04x}").into_bytes()).collect()),
        ]
        .map(|(form, bytes)| (format!("user {id} as {form}"), bytes))
    });
    forms.chain([("the token".to_owned(), sandbox.sim.token().into_bytes())]).collect()
}

#[track_caller]
fn assert_clean(sandbox: &Sandbox, place: &str, bytes: &[u8]) {
    for (what, trace) in traces(sandbox) {
        assert!(memchr::memmem::find(bytes, &trace).is_none(), "{what} is in {place}");
    }
}

#[track_caller]
fn assert_clean_output(sandbox: &Sandbox, command: &str, ran: &Ran) {
    // An invitation has to name the application, whose ID may be its bot's.
    let invitations = ran
        .stdout
        .split("client_id=")
        .map(|text| text.trim_start_matches(|char: char| char.is_ascii_digit()));
    let without_applications: String = invitations.collect();
    assert_clean(sandbox, &format!("stdout of {command}"), without_applications.as_bytes());
    assert_clean(sandbox, &format!("stderr of {command}"), ran.stderr.as_bytes());
}

#[track_caller]
fn assert_clean_files(sandbox: &Sandbox) {
    for name in sandbox.listing().into_iter().filter(|name| name.starts_with("archive.db")) {
        assert_clean(sandbox, &name, &fs::read(sandbox.dir.path().join(&name)).unwrap());
    }
}

/// The most talkative way to run a command.
fn run_loudly(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(arguments);
    command.env("RUST_LOG", "trace").env("DEBUG_RATE_LIMITS", "1").env("RUST_BACKTRACE", "1");
    Ran::from(command.output().unwrap())
}

#[test]
fn no_user_is_in_any_byte_that_is_written_or_said() {
    let sandbox = sandbox();
    let world = sandbox.sim.world();
    for commands in [
        vec!["start", "-vv"],
        vec!["start", "--full", "--format", "json", "-vv", "--log-format", "json"],
        vec!["plan"],
        vec!["plan", "--format", "json", "-vv"],
        vec!["status", "-vv"],
        vec!["status", "--format", "json"],
        vec!["check"],
        vec!["check", "--privacy"],
    ] {
        let ran = run_loudly(&sandbox, &commands);
        assert_clean_output(&sandbox, &commands.join(" "), &ran);
        world.advance(HOUR);
    }
    assert_clean_files(&sandbox);
    assert!(sandbox.count("SELECT count(*) FROM message_log WHERE content LIKE '%<@%'") > 100);
}

#[test]
fn no_fault_makes_it_talk() {
    let sandbox = sandbox();
    let faults = sandbox.sim.faults();
    for what in [
        What::Status(500, BodyKind::Html),
        What::Status(403, BodyKind::Json(50_001)),
        What::InvalidJson,
        What::TruncatedBody,
        What::ResetBeforeHeaders,
        What::NullBody,
        What::RateLimited { retry_after: 0.0, scope: Scope::User },
    ] {
        faults.when(Match { probability: 0.1, ..Match::default().always() }, what);
    }
    for route in [RouteKind::Reactions, RouteKind::Messages] {
        faults.when(Match::route(route).after(3).times(5), What::Status(400, BodyKind::Json(50_035)));
    }
    for command in [vec!["start", "-vv"], vec!["start", "-vv", "--format", "json"], vec!["check", "-vv"]] {
        assert_clean_output(&sandbox, &command.join(" "), &run_loudly(&sandbox, &command));
    }
    faults.clear();
    run_loudly(&sandbox, &["start"]);
    assert_clean_files(&sandbox);
}

#[test]
fn a_killed_run_is_cleaned_up_after_by_the_next_one() {
    let sandbox = sandbox();
    let run = sandbox.spawn_slow(&["start"]);
    send(&run, Signal::KILL);
    ended(run);
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    run_loudly(&sandbox, &["start"]);
    assert_clean_files(&sandbox);
}
