//! The archive contains no raw user ID of either platform.

use memchr::memmem;

use crate::sandbox::{BOB, EVE, GUILD, LATE, RANDOM, Sandbox, hash};

fn content(sandbox: &Sandbox, id: &str) -> String {
    let sql =
        format!("SELECT content FROM message_log WHERE channel_id = '{RANDOM}' AND message_id = '{id}'");
    sandbox.texts(&sql).pop().unwrap()
}

pub fn users_are_hashed_by_the_text_of_their_id() {
    let sandbox = Sandbox::new();
    sandbox.run(&["start"]).expect_code(0);
    // printf U07ABCDEF | sha256sum
    assert_eq!(hash(EVE), "44f3b78442588bc6df7b62f2a4d3971119f7de47c5edbf69f274755941bf2129");
    let bob = hash(BOB);
    assert_eq!(
        content(&sandbox, &sandbox.question),
        format!("<@{bob}>, see https://parley.example/team/{bob} and ask {LATE}")
    );
    assert_eq!(content(&sandbox, &sandbox.reply), format!("thanks <@{}>", hash(EVE)));
}

/// Sends a message by [`LATE`], who was only mentioned before, and syncs.
fn send_late_users_message(sandbox: &Sandbox) {
    let (seconds, micros) = sandbox.reply.split_once('.').unwrap();
    let id = format!("{}.{micros}", seconds.parse::<u64>().unwrap() + 60);
    sandbox.parley.world().send(RANDOM, &id, LATE, "here I am");
    sandbox.run(&["start"]).expect_code(0);
}

pub fn user_seen_later_is_scrubbed_from_older_texts() {
    let sandbox = Sandbox::with_config("requests_per_second = 5000", "refresh_window = \"0\"");
    sandbox.run(&["start"]).expect_code(0);
    assert!(content(&sandbox, &sandbox.question).ends_with(&format!("ask {LATE}")));
    send_late_users_message(&sandbox);
    assert!(content(&sandbox, &sandbox.question).ends_with(&format!("ask {}", hash(LATE))));
}

pub fn files_contain_no_raw_user_id_of_either_platform() {
    let sandbox = Sandbox::new();
    sandbox.run(&["start"]).expect_code(0);
    send_late_users_message(&sandbox);
    sandbox.run(&["check", "--privacy"]).expect_code(0);
    let of_discord = sandbox.common.sim.world().users(GUILD).into_iter().map(|user| user.id.to_string());
    let of_parley = [EVE, BOB, LATE, "U0THEREADER", "bob.smith"].map(str::to_owned);
    let bytes = sandbox.bytes();
    assert!(memmem::find(&bytes, hash(EVE).as_bytes()).is_some(), "users are archived as hashes");
    for id in of_discord.chain(of_parley) {
        assert!(memmem::find(&bytes, id.as_bytes()).is_none(), "{id} is in the archive");
    }
}
