//! What a user sees when all is well, or nearly.

use std::fs;
use std::time::Duration;

use discord_sim::{Damage, Match, What};

use super::sandbox;
use super::transcript::Transcript;

#[test]
fn results_are_told_in_a_few_lines() {
    let (sandbox, mut said) = (sandbox(), Transcript::default());
    let world = sandbox.sim.world();
    let chat = world.channel_named(super::GUILD, "chat-1").unwrap();
    said.run("before the first sync", &sandbox, &["check"]);
    said.run("before the first sync", &sandbox, &["plan"]);
    sandbox.sim.faults().when(Match::page_of(chat), What::BrokenMessage(3, Damage::WrongTypes));
    said.run(
        "the first sync, with a message that can't be read",
        &sandbox,
        &["start", "--max-channel-workers", "1"],
    );
    said.run("after it", &sandbox, &["status"]);
    said.run("after it", &sandbox, &["status", "--max-age", "1ms"]);
    said.run("the next sync", &sandbox, &["start"]);
    world.advance(Duration::from_hours(48));
    said.run("two days later", &sandbox, &["start"]);
    said.run("nothing new", &sandbox, &["start"]);
    said.run("nothing new", &sandbox, &["plan"]);
    said.run("nothing new", &sandbox, &["check", "--privacy"]);
    world.delete_channel(chat);
    said.run("a channel was deleted", &sandbox, &["start"]);
    said.run("a channel was deleted", &sandbox, &["status"]);
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    let wish = "include_channels = [\"chat_0\"]\nexclude_channels = [\"off-topic\"]\n";
    sandbox.write("sync.toml", &format!("{config}{wish}"));
    said.run("channels are named that aren't there", &sandbox, &["check"]);
    said.run("channels are named that aren't there", &sandbox, &["plan"]);
    sandbox.write("sync.toml", &config);
    said.run("to forget nobody that is known", &sandbox, &["forget", "--user", "80351110224678912", "--yes"]);
    said.run("to forget progress", &sandbox, &["reset", "--tenant", "takaro", "--yes"]);
    said.run("to forget all", &sandbox, &["reset", "--tenant", "takaro", "--purge", "--yes"]);
    said.run("after that", &sandbox, &["status"]);
    said.expect("results");
}
