//! Mistakes in sync.toml and the environment.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::transcript::Transcript;
use super::{sandbox, with_config};

#[test]
fn configuration_mistakes_are_reported_with_line_and_remedy() {
    let mut transcript = Transcript::default();
    let sandbox = sandbox();
    let valid = fs::read_to_string(sandbox.dir.path().join("sync.toml")).unwrap();
    let with = |text: &str| format!("{text}\n{valid}");
    for (situation, text) in [
        ("an empty file", String::new()),
        ("no TOML", "tenant = [".to_owned()),
        ("a name without quotes", valid.replace("\"takaro\"", "takaro")),
        ("a mode without quotes", with("[archive]\nmode = 0640")),
        (
            "two tenants in single brackets",
            valid.replace("[[tenant]]", "[tenant]") + "\n[tenant]\nname = \"b\"\n",
        ),
        ("a misspelt section", with("[archiv]\npath = \"a.db\"")),
        ("a misspelt key", with("[archive]\npth = \"a.db\"")),
        ("a wrong type", valid.replace("requests_per_second = 5000", "requests_per_second = \"fast\"")),
        ("a duration without unit", valid.replace("\"1ms\"", "\"1\"")),
        ("a token in the file", valid.replace("[discord]", "[discord]\ntoken = \"abc.def.ghi\"")),
        (
            "a token where its variable's name belongs",
            valid.replace(
                "[discord]",
                "[discord]\ntoken_env = \"MTA5.GhIjKl.abcdefghijklmnopqrstuvwxyz0123456789ab\"",
            ),
        ),
        ("plain HTTP to another machine", valid.replace("http://127", "http://8127")),
        ("more than Discord allows", with_discord("requests_per_second = 60")),
        ("the same server twice", format!("{valid}\n{}", &valid[valid.find("[[tenant]]").unwrap()..])),
        ("an unknown platform", valid.replace("\"discord\"", "\"slack\"")),
        ("a name for an ID", valid.replace("\"77000000000000001\"", "\"takaro\"")),
        (
            "several mistakes at once",
            with("[archive]\nmode = \"rw\"\nsize = 3").replace("\"1ms\"", "\"soon\""),
        ),
    ] {
        sandbox.write("sync.toml", &text);
        transcript.run(situation, &sandbox, &["start"]);
    }
    fs::remove_file(sandbox.dir.path().join("sync.toml")).unwrap();
    transcript.run("no configuration anywhere", &sandbox, &["start"]);
    transcript.expect("configuration");
}

fn with_discord(key: &str) -> String {
    format!("[discord]\n{key}\n\n[[tenant]]\nname = \"takaro\"\nguild_id = \"77000000000000001\"\n")
}

#[test]
fn token_mistakes_are_reported_without_the_token() {
    let mut transcript = Transcript::default();
    let sandbox = sandbox();
    for (situation, token) in [
        ("no token", None),
        ("a wrong token", Some("wrong.token.indeed")),
        ("two lines", Some("a.b\nc.d")),
        ("a token in quotes", Some("'abc'")),
        ("a placeholder", Some("changeme")),
        ("a placeholder in quotes", Some("\"none\"")),
        ("a variable that was not resolved", Some("${TOKEN}")),
    ] {
        let mut command = sandbox.command(&["start"]);
        match token {
            Some(token) => command.env("DISCORD_BOT_TOKEN", token),
            None => command.env_remove("DISCORD_BOT_TOKEN"),
        };
        let ran = command.output().unwrap().into();
        transcript.add(situation, &sandbox, &["start"], &ran);
    }
    let from_file = with_config("token_file = \"token\"");
    transcript.run("a token file that isn't there", &from_file, &["start"]);
    from_file.write("token", "");
    transcript.run("an empty token file", &from_file, &["start"]);
    from_file.write("token", "DISCORD_BOT_TOKEN=a.b.c\n");
    transcript.run("a file of variables", &from_file, &["start"]);
    from_file.write("token", "wrong.token.indeed\n");
    transcript.run("a wrong token in a file", &from_file, &["start"]);
    let readable = fs::Permissions::from_mode(0o644);
    fs::set_permissions(from_file.dir.path().join("token"), readable).unwrap();
    transcript.run("a wrong token in a world-readable file", &from_file, &["check"]);
    let from_service = with_config("token_file = \"$CREDENTIALS_DIRECTORY/token\"");
    transcript.run("a service's token by hand", &from_service, &["start"]);
    transcript.expect("token");
}
