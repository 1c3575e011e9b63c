//! The views, which format IDs as each platform does.

use verta_sync::model::{ChannelId, IdCodec as _, MessageId};

use crate::parley::{
    SPEC,
    ids::{self, ParleyIds, user},
};
use crate::sandbox::{BOB, EVE, FIRST_OF_GENERAL, GENERAL, GUILD, RANDOM, Sandbox, hash};
use crate::server::TEAM;
use crate::util::truth::{assert_archived, assert_reactors};

/// Each ID text has exactly one number and vice versa.
pub fn ids_are_a_bijection() {
    for text in ["U0", "UZ", "U00", "U07ABCDEF", "UZZZZZZZZZZZZ"] {
        assert_eq!(user(text).map(|user| ParleyIds.user_text(user)).as_deref(), Some(text));
    }
    for number in [1, 36, 37, 1296, 1_000_000_007, i64::MAX as u64] {
        let channel_id = ChannelId::new(number).unwrap();
        assert_eq!(ParleyIds.parse_channel(&ParleyIds.channel_text(channel_id)), Ok(channel_id));
    }
    for text in ["", "U", "C07ABCDEF", "u07ABCDEF", "U07abcdef", "U07ABCDEF ", "UZZZZZZZZZZZZZ"] {
        assert_eq!(user(text), None, "{text}");
    }
    assert_eq!(ParleyIds.parse_user("U07ABCDE"), None, "it may be a word");
    assert_eq!(ids::message("1718000000.000456").map(MessageId::get), Some(1_718_000_000_000_456));
    assert_eq!(SPEC.message_text(ids::message("1718000000.000456").unwrap()), "1718000000.000456");
    assert_eq!(ids::message("1718000000.456"), None);
    assert_eq!(ParleyIds.mask("unexpected: U07ABCDEF, u07abcdef"), "unexpected: …, …");
}

/// Covers every view column with an ID of the platform.
pub fn views_format_ids_as_each_platform_does() {
    let sandbox = Sandbox::new();
    sandbox.run(&["start"]).expect_code(0);
    let world = sandbox.common.sim.world();
    assert_archived(world, &sandbox.common.archive(), GUILD);
    assert_reactors(world, &sandbox.common.archive(), GUILD);
    sandbox.assert_team_archived();
    let Sandbox { question, reply, .. } = &sandbox;
    let (eve, bob) = (hash(EVE), hash(BOB));
    let of_team = |columns: &str, view: &str, rest: &str| {
        sandbox.texts(&format!("SELECT {columns} FROM {view} WHERE tenant = 'team' {rest}"))
    };
    let digits = |id: &str| id.replace('.', "");
    assert_eq!(
        of_team(
            "guild_id, channel_id, message_id, author, reply_to_message_id, reply_to_channel_id, reply_to_author, url",
            "message_log",
            &format!(
                "AND (channel_id = '{RANDOM}' OR message_id = '{FIRST_OF_GENERAL}') ORDER BY message_id"
            ),
        ),
        [
            format!(
                "{TEAM} {GENERAL} {FIRST_OF_GENERAL} {eve} - - - https://parley.example/{TEAM}/archives/{GENERAL}/p1718000000123456"
            ),
            format!(
                "{TEAM} {RANDOM} {question} {eve} - - - https://parley.example/{TEAM}/archives/{RANDOM}/p{}",
                digits(question)
            ),
            format!(
                "{TEAM} {RANDOM} {reply} {bob} {question} {RANDOM} {eve} https://parley.example/{TEAM}/archives/{RANDOM}/p{}",
                digits(reply)
            ),
        ]
    );
    assert_eq!(
        of_team("guild_id, channel_id, message_id, attachment_id, filename", "attachment_log", ""),
        [format!("{TEAM} {RANDOM} {reply} F0AA plan.pdf")]
    );
    assert_eq!(
        of_team(
            "guild_id, channel_id, message_id, author, reply_to_message_id, reply_to_author",
            "reply_log",
            ""
        ),
        [format!("{TEAM} {RANDOM} {reply} {bob} {question} {eve}")]
    );
    assert_eq!(
        of_team("guild_id, channel_id, message_id, emoji, CAST(count AS TEXT)", "reaction_count_log", ""),
        [format!("{TEAM} {RANDOM} {question} 🎉 3")]
    );
    let mut reactors =
        [EVE, BOB, "U0THEREADER"].map(|user| format!("{TEAM} {RANDOM} {question} {}", hash(user)));
    reactors.sort();
    assert_eq!(of_team("guild_id, channel_id, message_id, user", "reaction_log", "ORDER BY user"), reactors);
    assert_eq!(
        of_team("guild_id, channel_id, channel", "channel_log", "ORDER BY channel_id"),
        [format!("{TEAM} {GENERAL} general"), format!("{TEAM} {RANDOM} random")]
    );
    let guild = sandbox.texts("SELECT DISTINCT guild_id FROM message_log WHERE tenant = 'guild'");
    assert_eq!(guild, [GUILD.to_string()]);
    let url = format!("https://discord.com/channels/{GUILD}/");
    let other = format!(
        "SELECT count(*) FROM message_log WHERE tenant = 'guild' AND url <> '{url}' || channel_id || '/' || message_id"
    );
    assert_eq!(sandbox.common.count(&other), 0);
}

pub fn private_channel_is_not_archived() {
    let sandbox = Sandbox::new();
    sandbox.run(&["start"]).expect_code(0);
    assert_eq!(sandbox.common.count("SELECT count(*) FROM message_log WHERE content LIKE '%secret%'"), 0);
    assert_eq!(sandbox.common.count("SELECT count(*) FROM channel_log WHERE channel = 'board'"), 0);
}
