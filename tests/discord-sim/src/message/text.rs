//! Generated message content.

use crate::dice::Dice;
use crate::world::Scene;

const OPENERS: [&str; 18] = [
    "",
    "",
    "",
    "",
    "hey, ",
    "ok so ",
    "lol ",
    "hmm, ",
    "update: ",
    "fyi ",
    "honestly ",
    "wait, ",
    "yeah, ",
    "nice, ",
    "sorry, ",
    "quick question: ",
    "good morning, ",
    "tbh ",
];
const SUBJECTS: [&str; 24] = [
    "the server",
    "my shop module",
    "the economy hook",
    "this cronjob",
    "our Rust server",
    "the new dashboard",
    "the teleport command",
    "the wiki page",
    "the last update",
    "that mod",
    "the ban list",
    "the map reset",
    "the API client",
    "the discord bridge",
    "the loot table",
    "the player count",
    "the Palworld box",
    "the 7D2D server",
    "the beta build",
    "the backup job",
    "the roadmap",
    "the voice channel",
    "the event",
    "our clan",
];
const VERBS: [&str; 22] = [
    "keeps restarting after",
    "works fine since",
    "broke again with",
    "needs a fix for",
    "looks great with",
    "got a lot faster after",
    "is waiting for",
    "doesn't show",
    "finally supports",
    "times out on",
    "still ignores",
    "is going live with",
    "lost",
    "syncs with",
    "replaces",
    "runs out of memory because of",
    "shows the wrong",
    "should read",
    "gets stuck on",
    "forgot about",
    "depends on",
    "ships with",
];
const OBJECTS: [&str; 26] = [
    "the patch",
    "the config",
    "the new permission system",
    "tonight's wipe",
    "the daily reward",
    "that workaround",
    "the blood moon",
    "the currency rates",
    "the vote rewards",
    "the whitelist",
    "the time zone",
    "the item list",
    "every reconnect",
    "the second instance",
    "last night's raid",
    "the stats page",
    "the custom commands",
    "the docs example",
    "the log viewer",
    "the kill feed",
    "the latency spike",
    "the admin tools",
    "the starter kit",
    "the zombie horde",
    "the invite link",
    "the release notes",
];
const CLOSERS: [&str; 20] = [
    "",
    "",
    "",
    "",
    ".",
    "!",
    "?",
    " :)",
    " 😅",
    " 👍",
    " 🎉",
    " 😂",
    " 🔥",
    ", any ideas?",
    ", thanks!",
    " again...",
    ", see the pinned message",
    " — will check later",
    " (since yesterday)",
    ", can someone confirm?",
];
const SHORT: [&str; 24] = [
    "lol",
    "gg",
    "thanks!",
    "same here",
    "yep",
    "nope",
    "on it",
    "👍",
    "😂",
    "nice one",
    "good luck",
    "brb",
    "works for me",
    "what?",
    "haha true",
    "welcome!",
    "agreed",
    "done",
    "🔥🔥🔥",
    "see you there",
    "let's go",
    "no idea tbh",
    "+1",
    "good night all",
];

/// A plausible message text; 30 % are short.
pub(crate) fn sentence(dice: &mut Dice) -> String {
    if dice.percent(30) {
        return (*dice.pick(&SHORT)).to_owned();
    }
    clause(dice)
}

/// A generated clause with subject, verb and object.
pub(crate) fn clause(dice: &mut Dice) -> String {
    let parts = [
        *dice.pick(&OPENERS),
        *dice.pick(&SUBJECTS),
        " ",
        *dice.pick(&VERBS),
        " ",
        *dice.pick(&OBJECTS),
        *dice.pick(&CLOSERS),
    ];
    parts.concat()
}

/// A text of exactly `count` characters (Unicode scalar values).
pub(crate) fn of_length(dice: &mut Dice, count: usize) -> String {
    let mut text = String::with_capacity(count * 2);
    let mut chars = 0;
    while chars < count {
        let piece = clause(dice) + "\n";
        let room = count - chars;
        chars += piece.chars().count().min(room);
        text.extend(piece.chars().take(room));
    }
    text
}

/// Content variant `which` (0 to 15) out of those that break scrubbers, parsers and
/// terminals.
pub(crate) fn special(scene: &Scene<'_>, which: u8, dice: &mut Dice) -> String {
    let pool = &scene.guild.pool;
    let user = pool.id(pool.random_user(dice));
    let (guild, channel) = (scene.guild.id, scene.channel.id);
    let said = clause(dice);
    match which {
        0 => format!("<@{user}> {said}"),
        1 => format!("{said} <@!{user}>, and <@{}>", pool.id(pool.random_user(dice))),
        2 => format!("see <#{channel}>: {said}"),
        3 => format!("<@&{}> {said}", scene.guild.roles[0].id),
        4 => custom_emoji(scene, dice),
        5 => format!("{said} https://docs.takaro.io/advanced/modules?x=1&y=%20#top"),
        6 => format!("https://discord.com/channels/{guild}/{channel}/{}", dice.roll() >> 4),
        7 => format!(
            "https://discord.com/users/{user} https://cdn.discordapp.com/avatars/{user}/a_0123.png \
             https://cdn.discordapp.com/banners/{user}/b.png \
             https://cdn.discordapp.com/guilds/{guild}/users/{user}/avatars/c.png"
        ),
        8 => format!("banned {user} ({said}), id={user}"),
        9 => format!("not a person: {}", dice.roll() % 1_000_000_000_000_000_000),
        10 => format!("👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪 {said}"),
        11 => format!("שלום עולם \u{202e}{said}\u{202c} مرحبا"),
        12 => format!("Z̸͑a̴̓l̵͝g̷͌o̶͋ e\u{301}\u{308} {said} ﷽"),
        13 => format!("你好,世界 こんにちは 안녕하세요 {said}"),
        14 => format!("tab\there\u{1}\u{1b}[31mred\u{7f}\u{200b}\u{2028}\u{feff}\r\n{said}"),
        _ => format!(r#""quoted" \back\slash\ 'x' `code` %s {{}} <b> & ||{said}||"#),
    }
}

fn custom_emoji(scene: &Scene<'_>, dice: &mut Dice) -> String {
    let emoji = dice.pick(&scene.guild.emojis);
    let prefix = if emoji.animated { "a" } else { "" };
    format!("{} <{prefix}:{}:{}>", clause(dice), emoji.name, emoji.id)
}
