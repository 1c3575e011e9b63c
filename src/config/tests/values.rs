use super::{TENANT, assert_key_problem, assert_problem, error, with_tenant};

/// Asserts one problem with `line`, which becomes line 4, at the end of a tenant.
#[track_caller]
fn assert_tenant_problem(line: &str, problem: &str, remedy: &str) {
    let text = format!("{TENANT}{line}\n");
    assert_problem(&text, &format!("4: tenant.{problem}"), remedy);
}

#[test]
fn a_guild_id_must_be_digits_in_quotes() {
    let tenant = |id: &str| format!("[[tenant]]\nname = \"a\"\nguild_id = {id}\n");
    assert_problem(
        &tenant("123456789012345678"),
        "3: tenant.guild_id: must be text, not a whole number",
        "put it in double quotes: \"123456789012345678\"",
    );
    for id in ["", "0", "-1", " 1", "1.5", "9223372036854775808", "takaro", "١"] {
        assert_problem(
            &tenant(&format!("\"{id}\"")),
            &format!("3: tenant.guild_id: \"{id}\" is not the ID of a Discord server"),
            "use its ID, up to 19 digits in quotes (in Discord: turn on Developer Mode, \
             right click the server, Copy Server ID)",
        );
    }
}

#[test]
fn invalid_tenant_values_are_reported() {
    for (date, shown) in [("\"01.02.2024\"", "01.02.2024"), ("12:00:00", "12:00:00")] {
        assert_tenant_problem(
            &format!("since = {date}"),
            &format!("since: \"{shown}\" is not a date"),
            "use a date such as \"2024-01-31\" or a time such as \"2024-01-31T18:00:00Z\"",
        );
    }
    assert_tenant_problem(
        "visibility = \"history_\"",
        "visibility: \"history_\" is not a valid value",
        "did you mean \"history\"? use \"everyone\" or \"history\"",
    );
    assert_tenant_problem(
        "include_channels = \"general\"",
        "include_channels: must be a list, not text",
        "use a list, such as [\"general\", \"123456789012345678\"]",
    );
    assert_problem(
        &format!("{TENANT}exclude_channels = [\n  \"a\",\n  12,\n]\n"),
        "6: tenant.exclude_channels: must be text, not a whole number",
        "put it in double quotes: \"12\"",
    );
    let long = "x".repeat(101);
    for (name, what) in [
        ("", "is empty"),
        (" a", "starts or ends with a space"),
        ("a\\n", "starts or ends with a space"),
        ("a\\u0007b", "contains a control character"),
        (&long, "is longer than 100 characters"),
    ] {
        let text = format!("[[tenant]]\nname = \"{name}\"\nguild_id = \"1\"\n");
        assert!(error(&text).contains(what), "{what}");
    }
}

#[test]
fn a_wrong_type_is_reported_with_a_remedy() {
    let mode = "use \"0600\", or \"0640\" to let a group read the archive";
    let time = "use a unit and quotes, such as \"30s\", \"15m\" or \"24h\"";
    let words = "use \"users\", \"counts\" or \"off\"";
    for (section, key, value, expected, actual, remedy) in [
        ("archive", "mode", "600", "text", "a whole number", mode),
        ("archive", "path", "[\"a\"]", "text", "a list", "put it in double quotes"),
        ("archive", "path", "1.5", "text", "a number with a fraction", "put it in double quotes: \"1.5\""),
        ("sync", "max_retries", "\"3\"", "a whole number", "text", "use 3 without quotes"),
        (
            "sync",
            "max_retries",
            "1.5",
            "a whole number",
            "a number with a fraction",
            "use a whole number from 0 to 10",
        ),
        ("sync", "refresh_window", "24", "a duration", "a whole number", time),
        ("sync", "reactions", "true", "text", "true or false", words),
        ("discord", "requests_per_second", "\"48\"", "a number", "text", "use a number without quotes"),
    ] {
        let problem = format!("{key}: must be {expected}, not {actual}");
        assert_key_problem(section, &format!("{key} = {value}"), &problem, remedy);
    }
}

#[test]
fn a_value_out_of_range_is_reported_with_the_range() {
    for (key, value, least, most) in [
        ("max_channel_workers", "0", 1, 1000),
        ("max_channel_workers", "-1", 1, 1000),
        ("channel_batch_size", "99999999999999999999", 1, 10_000),
        ("message_fetch_size", "101", 1, 100),
        ("message_fetch_size", "65637", 1, 100),
        ("max_retries", "11", 0, 10),
    ] {
        assert_key_problem(
            "sync",
            &format!("{key} = {value}"),
            &format!("{key}: {value} is out of range"),
            &format!("use a whole number from {least} to {most}"),
        );
    }
    for (key, value, range) in
        [("request_timeout", "0", "\"1ms\" to \"1h\""), ("retry_base_delay", "11m", "\"0\" to \"10m\"")]
    {
        assert_key_problem(
            "sync",
            &format!("{key} = \"{value}\""),
            &format!("{key}: \"{value}\" is out of range"),
            &format!("use a duration from {range}"),
        );
    }
    for mode in ["888", "1777", "07777", "0440", "", "60"] {
        assert!(
            error(&with_tenant(&format!("[archive]\nmode = \"{mode}\"\n"))).contains("2: archive.mode: "),
            "{mode}"
        );
    }
}

#[test]
fn an_invalid_rate_is_rejected() {
    for (rate, shown) in [("0", "0"), ("-1", "-1"), ("1e-9", "1e-9"), ("1e308", "1e308")] {
        assert_key_problem(
            "discord",
            &format!("requests_per_second = {rate}"),
            &format!("requests_per_second: {shown} is out of range"),
            "use a number from 0.01 to 50",
        );
    }
    for rate in ["inf", "nan", "-inf"] {
        assert_key_problem(
            "discord",
            &format!("requests_per_second = {rate}"),
            "requests_per_second: is not a number",
            "use a number such as 48",
        );
    }
    let proxied = "[discord]\nrequests_per_second = 10001\napi_url = \"https://proxy\"\n";
    assert_problem(
        &with_tenant(proxied),
        "2: discord.requests_per_second: 10001 is out of range",
        "use a number from 0.01 to 10000",
    );
}

#[test]
fn a_rate_above_discords_limit_needs_another_host() {
    let text =
        |url: &str| with_tenant(&format!("[discord]\nrequests_per_second = 51\napi_url = \"{url}\"\n"));
    let canary = error(&text("https://canary.discord.com"));
    assert!(canary.contains("51 exceeds the 50"), "{canary}");
    let both = error(&text("https://discord.com/api/v10"));
    assert!(both.contains("2 problems") && both.contains("has a path or query"), "{both}");
    super::config(&text("https://proxy.example"));
}

#[test]
fn an_api_url_that_would_leak_the_token_is_rejected() {
    assert_key_problem(
        "discord",
        "api_url = \"http://proxy.example\"",
        "api_url: http would send the token unencrypted to another machine",
        "use https://, or a host on this machine (localhost, 127.0.0.1, [::1])",
    );
}
