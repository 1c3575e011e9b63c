use super::super::Overrides;
use super::{TENANT, TOKEN, assert_problem, error, resolved, with_tenant};

const REMEDY: &str = "set token_env to the name of an environment variable, or token_file \
     to a path; if anyone else could read this file, reset the token in Discord's developer portal";

#[track_caller]
fn assert_hidden(text: &str) {
    let shown = resolved(text, &[], &Overrides::default())
        .map_or_else(|error| format!("{error} {error:?}"), |config| format!("{config:?}"));
    for part in TOKEN.split('.') {
        assert!(!shown.contains(part), "{shown}");
    }
}

#[test]
fn a_pasted_token_is_rejected_and_not_shown() {
    let what = "this looks like a bot token, which must not be in this file";
    for (line, problem) in [
        (format!("token = \"{TOKEN}\""), format!("2: token: {what}")),
        (format!("token_env = \"{TOKEN}\""), format!("2: token_env: {what}")),
        (format!("token_file = \"Bot {TOKEN}\""), format!("2: token_file: {what}")),
        (format!("token = {TOKEN}"), format!("2: token: {what}")),
        (format!("# {TOKEN}"), format!("2: {what}")),
        (format!("\"{TOKEN}\" = 1"), format!("2: {what}")),
        ("token = \"hush\"".to_owned(), format!("2: discord.token: {what}")),
        ("bot_token = \"a.b.c\"".to_owned(), format!("2: discord.bot_token: {what}")),
    ] {
        let text = with_tenant(&format!("[discord]\n{line}\n"));
        assert_problem(&text, &problem, REMEDY);
        assert_hidden(&text);
    }
}

#[test]
fn an_invalid_variable_name_in_token_env_is_not_shown() {
    assert_problem(
        &with_tenant("[discord]\ntoken_env = \"hush.hush.hush\"\n"),
        "2: discord.token_env: this is not the name of an environment variable; \
         if it is the bot token itself, it must not be in this file",
        REMEDY,
    );
    assert_problem(
        &with_tenant("[discord]\ntoken_env = \"$MY_TOKEN\"\n"),
        "2: discord.token_env: \"$MY_TOKEN\" is not just the name of a variable",
        "use \"MY_TOKEN\"",
    );
}

#[test]
fn a_variable_name_under_the_key_token_is_an_unknown_key() {
    assert_problem(
        &with_tenant("[discord]\ntoken = \"DISCORD_BOT_TOKEN\"\n"),
        "2: discord.token: unknown key",
        "did you mean token_env?",
    );
}

#[test]
fn token_env_and_token_file_exclude_each_other() {
    assert_problem(
        &with_tenant("[discord]\ntoken_file = \"token\"\n\ntoken_env = \"TOKEN\"\n"),
        "4: discord.token_env: token_file is also set, on line 2",
        "keep one of the two",
    );
}

#[test]
fn a_syntax_error_does_not_show_a_line_that_may_hold_a_secret() {
    for line in ["token = hush", "bot.token hush", "password = 'hush", "token_env = hush hush"] {
        let text = with_tenant(&format!("[discord]\n{line}\n"));
        let shown = error(&text);
        assert!(shown.contains("invalid TOML") && !shown.contains("hush"), "{shown}");
    }
}

#[test]
fn a_token_is_not_shown_under_any_key() {
    let parts: Vec<&str> = TOKEN.split('.').collect();
    for part in parts.iter().filter(|part| part.len() > 20).copied().chain([TOKEN]) {
        for line in [
            format!("[archive]\npath = \"{part}/\""),
            format!("[archive]\nmode = \"{part}\""),
            format!("[{part}]"),
            format!("[discord]\napi_url = \"https://{part}\"\nrequests_per_second = 99999"),
            format!("[discord]\napi_url = \"https://{part}@host\""),
            format!("[discord]\napi_url = \"https://host/{part}\""),
            format!("[discord]\n\"{part}\" = 1"),
            format!("[sync]\nreactions = \"{part}\"\nrefresh_window = \"{part}\""),
            format!("[sync]\nreactions = {part}"),
            format!("[sync]\nreactions {part}"),
        ] {
            assert_hidden(&with_tenant(&line));
        }
        assert_hidden(&TENANT.replace("123456789012345678", part));
        assert_hidden(&format!("{TENANT}since = \"{part}\"\nplatform = \"{part}\"\nvisibility = \"{part}\""));
    }
    let variables = [("SYNC_MAX_CHANNEL_WORKERS", TOKEN)];
    let error = resolved(TENANT, &variables, &Overrides::default()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(parts[0]));
}
