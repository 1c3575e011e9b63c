use super::{TENANT, assert_key_problem, assert_problem, error, with_tenant};

#[test]
fn all_problems_are_reported_at_once_in_the_files_order() {
    let text = r#"[archive]
mode = "rw-------"

[discord]
requests_per_second = 60

[snyc]
max_channel_worker = 0
refresh_window = "1 day and a bit"

[[tenant]]
name = "takaro"
platform = "slack"
"#;
    assert_eq!(
        error(text),
        r#"read the configuration sync.toml: 8 problems
  sync.toml:2: archive.mode: "rw-------" is not an octal file mode
      use "0600", or "0640" to let a group read the archive
  sync.toml:5: discord.requests_per_second: 60 exceeds the 50 requests per second that Discord allows a bot
      use 50 or less; a higher rate requires the api_url of a proxy
  sync.toml:7: snyc: unknown section
      did you mean [sync]?
  sync.toml:8: sync.max_channel_worker: unknown key
      did you mean max_channel_workers?
  sync.toml:8: sync.max_channel_workers: 0 is out of range
      use a whole number from 1 to 1000
  sync.toml:9: sync.refresh_window: "1 day and a bit" is not a duration
      use a number with a unit, such as "500ms", "30s", "15m", "24h" or "7d"
  sync.toml:11: tenant.guild_id: is missing
      add guild_id = "…", the ID of the Discord server
  sync.toml:13: tenant.platform: "slack" is not a valid value
      use "discord""#
    );
}

#[test]
fn a_file_without_a_tenant_is_rejected() {
    for text in ["", "tenant = []", "# nothing\n"] {
        assert_problem(
            text,
            "1: tenant: no tenant is configured, so there is nothing to archive",
            "add a [[tenant]] section with a name and the guild_id of a Discord server",
        );
    }
}

#[test]
fn a_tenant_needs_a_name_and_a_guild_id() {
    assert_eq!(
        error("\n[[tenant]]\n[[tenant]]\nname = \"a\"\n"),
        "read the configuration sync.toml: 3 problems
  sync.toml:2: tenant.name: is missing
      add name = \"…\", your name for the tenant
  sync.toml:2: tenant.guild_id: is missing
      add guild_id = \"…\", the ID of the Discord server
  sync.toml:3: tenant.guild_id: is missing
      add guild_id = \"…\", the ID of the Discord server"
    );
}

#[test]
fn tenant_in_single_brackets_is_reported() {
    for text in ["[tenant]\nname = \"a\"\nguild_id = \"1\"\n", "[tenant.takaro]\nguild_id = \"1\"\n"] {
        assert_problem(
            text,
            "1: tenant: must be a list of sections",
            "use [[tenant]] in double brackets, once for each Discord server",
        );
    }
}

#[test]
fn duplicate_guild_ids_and_names_are_reported_with_both_lines() {
    let text = format!("{TENANT}\n[[tenant]]\nguild_id = \"0123456789012345678\"\nname = \"takaro\"\n");
    assert_eq!(
        error(&text),
        "read the configuration sync.toml: 2 problems
  sync.toml:6: tenant.guild_id: duplicates line 3
      keep one of the two tenants; a server can be archived only once
  sync.toml:7: tenant.name: duplicates line 2
      give each tenant a unique name"
    );
}

#[test]
fn a_duplicate_name_on_the_same_line_is_reported() {
    assert_problem(
        "tenant = [{ name = \"a\", guild_id = \"1\" }, { name = \"a\", guild_id = \"2\" }]",
        "1: tenant.name: duplicates line 1",
        "give each tenant a unique name",
    );
}

#[test]
fn unknown_keys_and_sections_get_a_suggestion_or_the_list_of_known_ones() {
    assert_key_problem("sync", "max-retries = 3", "max-retries: unknown key", "did you mean max_retries?");
    assert_key_problem("discord", "reactions = \"off\"", "reactions: unknown key", "move it to [sync]");
    assert_key_problem(
        "archive",
        "colour = \"red\"",
        "colour: unknown key",
        "remove it; valid keys of [archive] are path, mode, hash_key_file",
    );
    assert_problem(&with_tenant("max_retries = 3\n"), "1: max_retries: unknown key", "move it to [sync]");
    assert_problem(
        &with_tenant("[colours]\nred = 1\n"),
        "1: colours: unknown section",
        "remove it; valid sections are [archive], [discord], [sync], [search], [insights], [metrics], [[tenant]]",
    );
    assert_problem(
        &TENANT.replace("tenant", "tenants"),
        "1: tenants: unknown section",
        "did you mean [[tenant]]?",
    );
    assert_problem(
        &with_tenant("[[sync]]\nmax_retries = 3\n"),
        "1: sync: must be one section",
        "use [sync] once, with its keys below it",
    );
}

#[test]
fn a_misspelled_required_key_is_not_reported_as_missing() {
    assert_problem(
        "[[tenant]]\nname = \"a\"\nguildid = \"1\"\n",
        "3: tenant.guildid: unknown key",
        "did you mean guild_id?",
    );
}

#[test]
fn a_syntax_error_is_shown_with_its_line_and_column() {
    assert_eq!(
        error("[archive]\npath = archive.db\nmode = 0640\n[sync]\nmax_retries = 99\nmax_retries = 3\n"),
        "read the configuration sync.toml: 5 problems
  sync.toml:2:8: missing quotes
      2 | path = archive.db
        |        ^
      use path = \"archive.db\"
  sync.toml:3:8: missing quotes
      3 | mode = 0640
        |        ^
      use mode = \"0640\"
  sync.toml:5: sync.max_retries: 99 is out of range
      use a whole number from 0 to 10
  sync.toml:6: tenant: no tenant is configured, so there is nothing to archive
      add a [[tenant]] section with a name and the guild_id of a Discord server
  sync.toml:6:1: invalid TOML: duplicate key
      6 | max_retries = 3
        | ^
      keep one of the two"
    );
}

#[test]
fn the_remedy_for_an_unquoted_word_shows_it_quoted() {
    for word in ["takaro", "false", "friends", "nightly", "insiders", "Team"] {
        let text = format!("[[tenant]]\nname = {word} # ours\nguild_id = \"1\"\n");
        let message = error(&text);
        assert!(message.contains("1 problem\n"), "{message}");
        let is_boolean = word == "false";
        assert!(is_boolean || message.contains(&format!("use name = \"{word}\"")), "{message}");
    }
    let several = error("[[tenant]]\nname = \"a\"\nguild_id = \"1\"\ninclude_channels = [general]\n");
    assert!(several.contains("put the value in double quotes"), "{several}");
    let number = error("[sync]\nmax_retries = 03\n[[tenant]]\nname = \"a\"\nguild_id = \"1\"\n");
    assert!(number.contains("or remove the zero"), "{number}");
}

#[test]
fn after_an_unquoted_duration_or_date_the_rest_is_still_checked() {
    let text = format!("[sync]\nrefresh_window = 24h\nmax_retries = 99\n{TENANT}since = 2024-1-1\n");
    let message = error(&text);
    for part in
        ["3 problems", "use refresh_window = \"24h\"", "99 is out of range", "use since = \"2024-1-1\""]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn two_tenants_in_single_brackets_are_one_problem() {
    let tenant = |id| format!("[tenant]\nname = \"t{id}\"\nguild_id = \"{id}\"\n");
    for header in ["[tenant]", "[tenant]  # ours", "[ tenant ]"] {
        let message = error(&(tenant(1) + &tenant(2)).replace("[tenant]", header));
        let is_reported =
            message.contains("1 problem\n") && message.contains("use [[tenant]] in double brackets");
        assert!(is_reported, "{header}: {message}");
    }
    let mixed = error(&(TENANT.to_owned() + &tenant(2)));
    assert!(mixed.contains("duplicate key") && mixed.contains("in double brackets"), "{mixed}");
}

#[test]
fn a_section_in_an_unclosed_list_is_not_reported_as_a_duplicate() {
    let list = "exclude_channels = [\"a\"\n# more\n\n[sync]\nmax_retries = 99\n";
    let message = error(&format!("[sync]\n{TENANT}{list}"));
    assert!(message.contains("1 problem\n") && message.contains("or the previous one"), "{message}");
    let closed = error(&format!("[sync]\n{TENANT}exclude_channels = [\n\"a\",\n]\n[sync]\n"));
    assert!(closed.contains("1 problem\n") && closed.contains("keep one of the two"), "{closed}");
}

#[test]
fn after_an_unrecoverable_syntax_error_nothing_else_is_reported() {
    assert_eq!(
        error("[[tenant]]\nname = \"é\"\nexclude_channels = [\"a\"\n\n[sync]\nmax_retries = 99\n"),
        "read the configuration sync.toml: 1 problem
  sync.toml:5:1: invalid TOML: missing comma between array elements, expected `,`
      5 | [sync]
        | ^
      correct this line or the previous one"
    );
}
