//! No raw user ID, name or picture in any byte that verta-sync writes: the
//! archive, what stands beside it, the logs, the output.

mod killed;
mod stored;
mod traces;
use std::time::Duration;

use crate::util::{Ran, Sandbox, ended, wait_until};
use discord_sim::{BodyKind, Damage, Description, Match, RouteKind, Scope, What, World};
use traces::Traces;

const HOUR: Duration = Duration::from_hours(1);

/// A small world with everything in it, and every user in every kind of text:
/// first where only somebody who is known can be told from other numbers.
fn sandbox() -> Sandbox {
    let sandbox =
        Sandbox::with_config(World::new(&Description::everything(11)), "[sync]\nretry_base_delay = \"10ms\"");
    let world = sandbox.sim.world();
    let guild = world.guilds()[0].0;
    let chat =
        world.truth(guild).iter().find(|channel| channel.bot_can_read && channel.kind == 0).unwrap().id;
    let users = world.users(guild);
    for id in users.iter().map(|user| user.id) {
        world.append_text(chat, 1, &bare(id));
    }
    for id in users.iter().map(|user| user.id) {
        world.append_text(chat, 1, &disguised(id));
        world.append_text(chat, 1, &pointed_at(guild, id));
    }
    for user in &users {
        let hashes = user.names.iter().filter(|name| name.len() >= 32);
        let addresses: Vec<String> = hashes.flat_map(|hash| pictures(guild, user.id, hash)).collect();
        // A message has at most 2,000 characters.
        for addresses in addresses.chunks(8) {
            world.append_text(chat, 1, &addresses.join(" "));
        }
    }
    // Nobody has met most of them when the names of these emoji are stored.
    let reacted_to = world.append_text(chat, 1, "what a day").unwrap();
    for (index, user) in users.iter().rev().take(12).enumerate() {
        let emoji = match index % 4 {
            0 => user.id.to_string(),
            1 => format!("x{}:{}", user.id, 777_000_000_000_000_000 + index),
            2 => apart(user.id, "\u{200b}"),
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

/// An ID among other characters, as people, programs and encoders leave it.
fn bare(id: u64) -> String {
    format!(
        "bare {id}, quoted \"{id}\", \\{id}\\, x{id}y, bad{id}face, _{id}_ **{id}** ||{id}|| `{id}` 1.{id}.5 \
         {{\"user\":\"{id}\",\"n\":{id}}} <t:{id}> ü{id}界 \u{1}{id}\u{1f} %40{id}%20 %2F{id} %c3%A9{id} \\u0040{id} \
         \\u00e9{id} \\x40{id} 0{id} 100%{id} ?user={id}&x=1 ticket-{id}.txt @{id}"
    )
}

fn in_digits_from(zero: char, id: u64) -> String {
    let digit = |digit: char| char::from_u32(u32::from(zero) + digit.to_digit(10).unwrap()).unwrap();
    id.to_string().chars().map(digit).collect()
}

fn apart(id: u64, separator: &str) -> String {
    id.to_string().chars().map(String::from).collect::<Vec<_>>().join(separator)
}

/// An ID with each digit escaped.
fn escaped(id: u64, escape: fn(u8) -> String) -> String {
    id.to_string().bytes().map(escape).collect()
}

/// An ID as nobody writes one who doesn't want to hide it.
fn disguised(id: u64) -> String {
    let forms = [
        escaped(id, |digit| format!("%{digit:02x}")),
        escaped(id, |digit| format!("%25{digit:02x}")),
        escaped(id, |digit| format!("&#{digit};")),
        escaped(id, |digit| format!("&#x{digit:x};")),
        escaped(id, |digit| format!("\\u{digit:04x}")),
        escaped(id, |digit| format!("\\x{digit:02x}")),
        apart(id, "\u{200b}"),
        apart(id, "\u{ad}"),
        apart(id, "\u{202e}"),
        in_digits_from('０', id),
        in_digits_from('٠', id),
        in_digits_from('𝟎', id),
        format!("<@{}>", apart(id, "\u{2060}")),
        format!("https://discord.com/users/{}", escaped(id, |digit| format!("%{digit:02X}"))),
    ];
    forms.join(" ")
}

/// Addresses of somebody's picture, and what encoders make of them.
fn pictures(guild: u64, id: u64, hash: &str) -> Vec<String> {
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
        format!("{cdn}/avatars/{}/{hash}.png", apart(id, "\u{200d}")),
    ]
}

/// An ID in places that only a user's can stand in.
fn pointed_at(guild: u64, id: u64) -> String {
    format!(
        "<@{id}> <@!{id}> <#{id}> <@&{id}> <:a:{id}> https://discord.com/channels/{guild}/{id} **<@{id}>** ||<@!{id}>|| \\<@{id}> &lt;@{id}&gt; \\u003c@{id}\\u003e %3C%40{id}%3E \
         %3C@!{id}%3E https://discord.com/users/{id} [x](<https://discord.com/users/{id}>) \
         https:\\/\\/discord.com\\/users\\/{id}\\/ https%3A%2F%2Fdiscord.com%2Fusers%2F{id} \
         https://cdn.discordapp.com/avatars/{id}/a.png https://cdn.discordapp.com/banners/{id}/b.png \
         https://cdn.discordapp.com/guilds/{guild}/users/{id}/avatars/c.png"
    )
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
        traces.assert_none_said(&command.join(" "), &run_loudly(&sandbox, &command));
        world.advance(HOUR);
    }
    for command in [["start", "-vv"], ["check", "-v"]] {
        traces.assert_none_said(command[0], &sandbox.run(&command));
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
    let kept: String = sandbox.archive().query_row(&stored, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, text);
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
fn no_fault_makes_it_talk() {
    let sandbox = sandbox();
    let traces = Traces::of(&sandbox);
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
    for (index, damage) in DAMAGES.into_iter().enumerate() {
        faults.when(
            Match { probability: 0.3, ..Match::route(RouteKind::Messages).always() },
            What::BrokenMessage(index, damage),
        );
    }
    for route in [RouteKind::Reactions, RouteKind::Messages] {
        faults.when(Match::route(route).after(3).times(5), What::Status(400, BodyKind::Json(50_035)));
    }
    for command in [
        vec!["start", "-vv"],
        vec!["start", "-vv", "--format", "json", "--log-format", "json"],
        vec!["plan", "-vv"],
        vec!["check", "-vv"],
        vec!["status", "-vv"],
        vec!["status", "--format", "json"],
    ] {
        traces.assert_none_said(&command.join(" "), &run_loudly(&sandbox, &command));
    }
    faults.clear();
    run_loudly(&sandbox, &["start"]);
    traces.assert_none_written(&sandbox);
}

#[test]
fn whoever_waits_tells_no_more() {
    let sandbox = sandbox();
    let traces = Traces::of(&sandbox);
    let first = sandbox.spawn_slow(&["start"]);
    let second = sandbox.spawn(&["start", "--wait", "-vv"]);
    let is_queued = || traces::written(&sandbox).iter().any(|(name, _)| name.contains(".queue"));
    wait_until("somebody waits", is_queued);
    for (name, bytes) in traces::written(&sandbox).iter().filter(|(name, _)| name.contains(".queue")) {
        traces.assert_none_in(name, bytes);
    }
    traces.assert_none_said("locked", &run_loudly(&sandbox, &["start", "-vv"]).expect_code(5));
    sandbox.sim.set_latency(Duration::ZERO, Duration::ZERO);
    traces.assert_none_said("first", &ended(first));
    traces.assert_none_said("second", &ended(second));
    traces.assert_none_written(&sandbox);
}

#[test]
fn an_erasure_and_a_reset_repeat_no_id() {
    let sandbox = sandbox();
    let traces = Traces::of(&sandbox);
    let world = sandbox.sim.world();
    let (guild, tenant) = world.guilds()[0].clone();
    run_loudly(&sandbox, &["start"]);
    let id = world.user_id(guild, 1).unwrap().to_string();
    for command in [
        vec!["forget", "-vv", "--user", &id, "--yes"],
        vec!["forget", "-vv", "--user", &id],
        vec!["forget", &id],
        vec!["forget", "--user", &id, &id],
        vec!["forget", "--usr", &id],
        vec!["reset", "-vv", "--tenant", &tenant, "--purge", "--yes"],
    ] {
        traces.assert_none_said(command[0], &run_loudly(&sandbox, &command));
    }
    traces.assert_none_written(&sandbox);
}
