//! Mistakes in commands, flags and their values.

use super::sandbox;
use super::transcript::Transcript;

#[test]
fn command_line_mistakes_are_reported_with_a_suggestion() {
    let (sandbox, mut transcript) = (sandbox(), Transcript::default());
    for arguments in [
        &["strat"][..],
        &["sync"],
        &["start", "takaro"],
        &["start", "--token", "x"],
        &["start", "--tenent", "takaro"],
        &["start", "--tenant", "takraro"],
        &["start", "--tenant", "takraro", "--tenant", "nobody"],
        &["status", "--tenant", "nobody"],
        &["status", "--tenant", "takraro"],
        &["start", "--since", "yesterday"],
        &["start", "--since", "2024-13-01"],
        &["start", "--since", "2024-02-31"],
        &["start", "--since", "99999-01-01"],
        &["start", "--since", "2014-12-31"],
        &["start", "--until", "2014-12-31"],
        &["start", "--since", "2024-06-01", "--until", "2024-01-01"],
        &["start", "--max-runtime", "50"],
        &["start", "--wait=soon"],
        &["start", "--wait", "5s"],
        &["check", "--messages", "100"],
        &["check", "--messages=0"],
        &["start", "--max-channel-workers", "0"],
        &["start", "--channel", "general"],
        &["start", "--channel", "99999999999999999999"],
        &["start", "--format", "yaml"],
        &["status", "--max-age", "2 fortnights"],
        &["status", "--job-id", "20260101-000000-0000-1"],
        &["reset"],
        &["reset", "--tenant", "takaro"],
        &["reset", "--tenant", "nobody", "--yes"],
        &["forget"],
        &["forget", "takaro"],
        &["forget", "--user", "somebody", "--yes"],
        &["forget", "--user", "80351110224678912"],
        &["completions", "tcsh"],
        &["--config", "nowhere.toml", "start"],
    ] {
        transcript.run("a mistake", &sandbox, arguments);
    }
    transcript.expect("usage");
}
