//! No byte that verta-sync writes contains a raw user ID, name or picture hash: not the
//! archive, the files beside it, the logs or the output.

mod killed;
mod stored;
mod traces;
use std::time::Duration;

use crate::util::{CommandOutput, Sandbox, wait_for_exit, wait_until};
use discord_sim::{BodyKind, Damage, Description, FaultKind, Match, RouteKind, Scope, World};
use traces::Traces;

const HOUR: Duration = Duration::from_hours(1);

/// As many users as most tests write about: scrubbing takes most of their time, and more
/// users bring no new kind of text.
const FEW_USERS: usize = 40;

/// A small world with every feature, and the IDs of the first `named_users` users in every
/// kind of text. The texts in which only a known ID can be told from other numbers come
/// first.
fn sandbox(named_users: usize) -> Sandbox {
    let sandbox =
        Sandbox::with_config(World::new(&Description::everything(11)), "[sync]\nretry_base_delay = \"10ms\"");
    let world = sandbox.sim.world();
    let guild = world.guilds()[0].0;
    let chat =
        world.truth(guild).iter().find(|channel| channel.bot_can_read && channel.kind == 0).unwrap().id;
    let mut users = world.users(guild);
    users.truncate(named_users);
    for id in users.iter().map(|user| user.id) {
        world.append_text(chat, 1, &unmarked(id));
    }
    for id in users.iter().map(|user| user.id) {
        world.append_text(chat, 1, &disguised(id));
        world.append_text(chat, 1, &in_mentions_and_urls(guild, id));
    }
    for user in &users {
        let hashes = user.names.iter().filter(|name| name.len() >= 32);
        let urls: Vec<String> = hashes.flat_map(|hash| picture_urls(guild, user.id, hash)).collect();
        // A message has at most 2,000 characters.
        for urls in urls.chunks(8) {
            world.append_text(chat, 1, &urls.join(" "));
        }
    }
    // Most of these users are still unknown when the names of the emoji are stored.
    let reacted_to = world.append_text(chat, 1, "what a day").unwrap();
    for (index, user) in users.iter().rev().take(12).enumerate() {
        let emoji = match index % 4 {
            0 => user.id.to_string(),
            1 => format!("x{}:{}", user.id, 777_000_000_000_000_000 + index),
            2 => separated(user.id, "\u{200b}"),
            _ => in_digits_from('０', user.id),
        };
        world.react(chat, reacted_to, 1, &emoji, index % 2 == 0);
    }
    world.set_topic(chat, Some(&format!("ask <@{}> or {}", users[2].id, users[3].id)));
    world.rename(chat, &format!("room-of-{}", users[4].id));
    for thread in world.truth(guild).iter().filter(|channel| channel.is_thread) {
        world.set_bot_in_thread(thread.id, true);
    }
    let starter = world.append(chat, 1)[0];
    world.create_thread(chat, &format!("for {}", users[5].id), Some(starter));
    sandbox
}

/// An ID among other characters, as users, programs and encoders write it.
fn unmarked(id: u64) -> String {
    format!(
        "bare {id}, quoted \"{id}\", \\{id}\\, x{id}y, bad{id}face, _{id}_ **{id}** ||{id}|| `{id}` 1.{id}.5 \
         {{\"user\":\"{id}\",\"n\":{id}}} <t:{id}> ü{id}界 \u{1}{id}\u{1f} %40{id}%20 %2F{id} %c3%A9{id} \\u0040{id} \
         \\u00e9{id} \\x40{id} 0{id} 100%{id} ?user={id}&x=1 ticket-{id}.txt @{id}"
    )
}

/// An ID in other decimal digits, which start at `zero`.
fn in_digits_from(zero: char, id: u64) -> String {
    let digit = |digit: char| char::from_u32(u32::from(zero) + digit.to_digit(10).unwrap()).unwrap();
    id.to_string().chars().map(digit).collect()
}

fn separated(id: u64, separator: &str) -> String {
    id.to_string().chars().map(String::from).collect::<Vec<_>>().join(separator)
}

/// An ID with every digit escaped.
fn with_escaped_digits(id: u64, escape: fn(u8) -> String) -> String {
    id.to_string().bytes().map(escape).collect()
}

/// An ID in forms that disguise it: escapes, separators, other digits.
fn disguised(id: u64) -> String {
    let forms = [
        with_escaped_digits(id, |digit| format!("%{digit:02x}")),
        with_escaped_digits(id, |digit| format!("%25{digit:02x}")),
        with_escaped_digits(id, |digit| format!("&#{digit};")),
        with_escaped_digits(id, |digit| format!("&#x{digit:x};")),
        with_escaped_digits(id, |digit| format!("\\u{digit:04x}")),
        with_escaped_digits(id, |digit| format!("\\x{digit:02x}")),
        separated(id, "\u{200b}"),
        separated(id, "\u{ad}"),
        separated(id, "\u{202e}"),
        in_digits_from('０', id),
        in_digits_from('٠', id),
        in_digits_from('𝟎', id),
        format!("<@{}>", separated(id, "\u{2060}")),
        format!("https://discord.com/users/{}", with_escaped_digits(id, |digit| format!("%{digit:02X}"))),
    ];
    forms.join(" ")
}

/// URLs of a user's pictures, plain and encoded.
fn picture_urls(guild: u64, id: u64, hash: &str) -> Vec<String> {
    let cdn = "https://cdn.discordapp.com";
    vec![
        format!("{cdn}/avatars/{id}/{hash}.png"),
        format!("{cdn}/banners/{id}/{hash}.webp?size=64&quality=lossless"),
        format!("{cdn}/avatar-decorations/{id}/{hash}.png,"),
        format!("{cdn}/avatar-decoration-presets/{hash}.png"),
        format!("[x](<{cdn}/guilds/{guild}/users/{id}/avatars/{hash}.gif>)"),
        format!("**{cdn}/guilds/{guild}/users/{id}/banners/{hash}.gif**"),
        format!("https://media.discordapp.net/avatars/{id}/{hash}"),
        format!(
            "https://images-ext-1.discordapp.net/external/abcdefghijklmnopqrstuv/https/cdn.discordapp.com/avatars/{id}/{hash}.png"
        ),
        format!(
            "https://wsrv.nl/?url=https%3A%2F%2Fcdn.discordapp.com%2Favatars%2F{id}%2F{hash}.png%3Fsize%3D64&w=9"
        ),
        format!("https://x/?u=https%253A%252F%252Fcdn.discordapp.com%252Favatars%252F{id}%252F{hash}.png"),
        format!("{{\"icon\":\"https:\\/\\/cdn.discordapp.com\\/avatars\\/{id}\\/{hash}.png\"}}"),
        format!("{cdn}/avatars/{}/{hash}.png", separated(id, "\u{200d}")),
    ]
}

/// An ID in mentions and URLs, most of which can only hold a user's ID.
fn in_mentions_and_urls(guild: u64, id: u64) -> String {
    format!(
        "<@{id}> <@!{id}> <#{id}> <@&{id}> <:a:{id}> https://discord.com/channels/{guild}/{id} **<@{id}>** ||<@!{id}>|| \\<@{id}> &lt;@{id}&gt; \\u003c@{id}\\u003e %3C%40{id}%3E \
         %3C@!{id}%3E https://discord.com/users/{id} [x](<https://discord.com/users/{id}>) \
         https:\\/\\/discord.com\\/users\\/{id}\\/ https%3A%2F%2Fdiscord.com%2Fusers%2F{id} \
         https://cdn.discordapp.com/avatars/{id}/a.png https://cdn.discordapp.com/banners/{id}/b.png \
         https://cdn.discordapp.com/guilds/{guild}/users/{id}/avatars/c.png"
    )
}

/// Runs a command with all logging enabled.
fn run_verbosely(sandbox: &Sandbox, arguments: &[&str]) -> CommandOutput {
    let mut command = sandbox.command(arguments);
    command.env("RUST_LOG", "trace").env("DEBUG_RATE_LIMITS", "1").env("RUST_BACKTRACE", "1");
    CommandOutput::from(command.output().unwrap())
}

#[test]
fn no_written_or_printed_byte_reveals_a_user() {
    let sandbox = sandbox(usize::MAX);
    let world = sandbox.sim.world();
    let traces = Traces::of(&sandbox);
    for command in [
        vec!["start", "-vv"],
        vec!["start", "--full", "--format", "json", "-vv", "--log-format", "json"],
        vec!["plan"],
        vec!["plan", "--format", "json", "-vv", "--log-format", "json"],
        vec!["status", "-vv"],
        vec!["status", "--format", "json"],
        vec!["check"],
        vec!["check", "--privacy"],
    ] {
        traces.assert_none_printed(&command.join(" "), &run_verbosely(&sandbox, &command));
        world.advance(HOUR);
    }
    for command in [["start", "-vv"], ["check", "-v"]] {
        traces.assert_none_printed(command[0], &sandbox.run(&command));
    }
    for format in ["jsonl", "csv", "parquet", "dce-json", "sqlite"] {
        let command =
            ["export", "--out", format, "--format", format, "--include-deleted", "--include-closed", "-vv"];
        traces.assert_none_printed(&command.join(" "), &run_verbosely(&sandbox, &command));
    }
    traces.assert_none_written(&sandbox);
    assert!(sandbox.count("SELECT count(*) FROM message_log WHERE content LIKE '%<@%'") > 100);
}

#[test]
fn ids_of_channels_roles_emoji_and_messages_stay_usable() {
    let sandbox = Sandbox::new(World::new(&Description::everything(12)));
    let world = sandbox.sim.world();
    let guild = world.guilds()[0].0;
    let chat =
        world.truth(guild).iter().find(|channel| channel.bot_can_read && channel.kind == 0).unwrap().id;
    let text = format!(
        "<#{chat}> <@&{guild}> <:gg:{chat}> </shop:{chat}> https://discord.com/channels/{guild}/{chat}/{chat}"
    );
    let message = world.append_text(chat, 1, &text).unwrap();
    sandbox.run(&["start"]);
    let stored = format!("SELECT content FROM message_log WHERE message_id = '{message}'");
    let content: String = sandbox.archive().query_row(&stored, [], |row| row.get(0)).unwrap();
    assert_eq!(content, text);
}

const DAMAGES: [Damage; 13] = [
    Damage::MissingId,
    Damage::BadId,
    Damage::NullAuthor,
    Damage::MissingAuthor,
    Damage::NullContent,
    Damage::MissingContent,
    Damage::BadTimestamp,
    Damage::UnknownType,
    Damage::WrongTypes,
    Damage::NullEmoji,
    Damage::NullLists,
    Damage::Null,
    Damage::NotAnObject,
];

#[test]
fn faults_reveal_no_user() {
    let sandbox = sandbox(FEW_USERS);
    let traces = Traces::of(&sandbox);
    let faults = sandbox.sim.faults();
    for what in [
        FaultKind::Status(500, BodyKind::Html),
        FaultKind::Status(403, BodyKind::Json(50_001)),
        FaultKind::InvalidJson,
        FaultKind::TruncatedBody,
        FaultKind::ResetBeforeHeaders,
        FaultKind::NullBody,
        FaultKind::RateLimited { retry_after: 0.0, scope: Scope::User },
    ] {
        faults.when(Match { probability: 0.1, ..Match::default().always() }, what);
    }
    for (index, damage) in DAMAGES.into_iter().enumerate() {
        faults.when(
            Match { probability: 0.3, ..Match::route(RouteKind::Messages).always() },
            FaultKind::MalformedMessage(index, damage),
        );
    }
    for route in [RouteKind::Reactions, RouteKind::Messages] {
        faults.when(Match::route(route).after(3).times(5), FaultKind::Status(400, BodyKind::Json(50_035)));
    }
    for command in [
        vec!["start", "-vv"],
        vec!["start", "-vv", "--format", "json", "--log-format", "json"],
        vec!["plan", "-vv"],
        vec!["check", "-vv"],
        vec!["status", "-vv"],
        vec!["status", "--format", "json"],
    ] {
        traces.assert_none_printed(&command.join(" "), &run_verbosely(&sandbox, &command));
    }
    faults.clear();
    run_verbosely(&sandbox, &["start"]);
    traces.assert_none_written(&sandbox);
}

#[test]
fn waiting_run_reveals_no_user() {
    let sandbox = sandbox(FEW_USERS);
    let traces = Traces::of(&sandbox);
    let first = sandbox.spawn_slow(&["start"]);
    let second = sandbox.spawn(&["start", "--wait", "-vv"]);
    let is_queued = || traces::written_files(&sandbox).iter().any(|(name, _)| name.contains(".queue"));
    wait_until("the second run is queued", is_queued);
    for (name, bytes) in traces::written_files(&sandbox).iter().filter(|(name, _)| name.contains(".queue")) {
        traces.assert_none_in(name, bytes);
    }
    traces.assert_none_printed("locked", &run_verbosely(&sandbox, &["start", "-vv"]).expect_code(5));
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    traces.assert_none_printed("first", &wait_for_exit(first));
    traces.assert_none_printed("second", &wait_for_exit(second));
    traces.assert_none_written(&sandbox);
}

#[test]
fn erasure_and_reset_repeat_no_id() {
    let sandbox = sandbox(FEW_USERS);
    let traces = Traces::of(&sandbox);
    let world = sandbox.sim.world();
    let (guild, tenant) = world.guilds()[0].clone();
    run_verbosely(&sandbox, &["start"]);
    let id = world.user_id(guild, 1).unwrap().to_string();
    for command in [
        vec!["forget", "-vv", "--user", &id, "--yes"],
        vec!["forget", "-vv", "--user", &id],
        vec!["forget", &id],
        vec!["forget", "--user", &id, &id],
        vec!["forget", "--usr", &id],
        vec!["reset", "-vv", "--tenant", &tenant, "--purge", "--yes"],
    ] {
        traces.assert_none_printed(command[0], &run_verbosely(&sandbox, &command));
    }
    traces.assert_none_written(&sandbox);
}
