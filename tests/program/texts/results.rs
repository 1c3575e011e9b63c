//! Output of successful commands, and of those with minor problems.

use std::fs;
use std::time::Duration;

use discord_sim::{Damage, FaultKind, Match};

use super::sandbox;
use super::transcript::Transcript;

#[test]
fn results_take_a_few_lines() {
    let (sandbox, mut transcript) = (sandbox(), Transcript::default());
    let world = sandbox.sim.world();
    let chat = world.channel_named(super::GUILD, "chat-1").unwrap();
    transcript.run("before the first sync", &sandbox, &["check"]);
    transcript.run("before the first sync", &sandbox, &["plan"]);
    sandbox.sim.faults().when(Match::page_of(chat), FaultKind::MalformedMessage(3, Damage::WrongTypes));
    transcript.run(
        "the first sync, with a malformed message",
        &sandbox,
        &["start", "--max-channel-workers", "1"],
    );
    transcript.run("after it", &sandbox, &["status"]);
    transcript.run("after it", &sandbox, &["status", "--max-age", "1ms"]);
    transcript.run("the next sync", &sandbox, &["start"]);
    world.advance(Duration::from_hours(48));
    transcript.run("two days later", &sandbox, &["start"]);
    transcript.run("nothing new", &sandbox, &["start"]);
    transcript.run("nothing new", &sandbox, &["plan"]);
    transcript.run("nothing new", &sandbox, &["check", "--privacy"]);
    world.delete_channel(chat);
    transcript.run("a channel was deleted", &sandbox, &["start"]);
    transcript.run("a channel was deleted", &sandbox, &["status"]);
    let config = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    let filters = "include_channels = [\"chat_0\"]\nexclude_channels = [\"off-topic\"]\n";
    sandbox.write("sync.toml", &format!("{config}{filters}"));
    transcript.run("channels are named that aren't there", &sandbox, &["check"]);
    transcript.run("channels are named that aren't there", &sandbox, &["plan"]);
    sandbox.write("sync.toml", &config);
    transcript.run(
        "forgetting an unknown user",
        &sandbox,
        &["forget", "--user", "80351110224678912", "--yes"],
    );
    transcript.run("resetting progress", &sandbox, &["reset", "--tenant", "takaro", "--yes"]);
    transcript.run("purging the tenant", &sandbox, &["reset", "--tenant", "takaro", "--purge", "--yes"]);
    transcript.run("after that", &sandbox, &["status"]);
    transcript.expect("results");
}
