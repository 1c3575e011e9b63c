use std::path::Path;
use std::time::Duration;

use super::super::{Environment, Overrides, TokenSource};
use super::{TENANT, assert_problem, config, discord, resolved, with_tenant};
use crate::model::ReactionMode;
use crate::platform::discord::SPEC;

const VARIABLES: [(&str, &str); 3] = [
    ("SYNC_MAX_CHANNEL_WORKERS", "20"),
    ("SYNC_CHANNEL_BATCH_SIZE", " 6\n"),
    ("SYNC_MESSAGE_FETCH_SIZE", "70"),
];

#[test]
fn the_environment_overrides_the_file_and_a_flag_overrides_both() {
    let file = "[sync]\nmax_channel_workers = 3\nchannel_batch_size = 3\nmessage_fetch_size = 3\n";
    let text = with_tenant(file);
    let sync = resolved(&text, &VARIABLES, &Overrides::default()).unwrap().sync;
    assert_eq!(sync.max_channel_workers, 20);
    assert_eq!(sync.channel_batch_size, 6);
    assert_eq!(sync.message_fetch_size, 70);
    let flags = Overrides { max_channel_workers: Some(30) };
    let sync = resolved(&text, &VARIABLES, &flags).unwrap().sync;
    assert_eq!(sync.max_channel_workers, 30);
}

#[test]
fn an_empty_variable_changes_nothing() {
    let variables = [("SYNC_MAX_CHANNEL_WORKERS", "")];
    let config = resolved(TENANT, &variables, &Overrides::default()).unwrap();
    assert_eq!(config.sync.max_channel_workers, 10);
}

#[test]
fn problems_name_the_invalid_variable_or_flag() {
    let variables = [
        ("SYNC_MAX_CHANNEL_WORKERS", "many"),
        ("SYNC_CHANNEL_BATCH_SIZE", "-1"),
        ("SYNC_MESSAGE_FETCH_SIZE", "101"),
    ];
    let flags = Overrides { max_channel_workers: Some(0) };
    let error = resolved(TENANT, &variables, &flags).unwrap_err();
    assert_eq!(
        error.to_string(),
        "read the configuration sync.toml: 4 problems
  $SYNC_CHANNEL_BATCH_SIZE: sync.channel_batch_size: \"-1\" is out of range
      use a whole number from 1 to 10000
  $SYNC_MAX_CHANNEL_WORKERS: sync.max_channel_workers: \"many\" is out of range
      use a whole number from 1 to 1000
  $SYNC_MESSAGE_FETCH_SIZE: sync.message_fetch_size: \"101\" is out of range
      use a whole number from 1 to 100
  --max-channel-workers: sync.max_channel_workers: 0 is out of range
      use a whole number from 1 to 1000"
    );
}

#[test]
fn a_tenant_overrides_the_sync_section_and_that_overrides_the_default() {
    let text = format!(
        "[sync]\nreactions = \"counts\"\nrefresh_window = \"1h\"\n{TENANT}\
         reactions = \"off\"\nrefresh_window = \"2h\"\n\
         [[tenant]]\nname = \"other\"\nguild_id = \"2\"\n"
    );
    let tenants = config(&text).tenants;
    let value = |index: usize| (tenants[index].reactions, tenants[index].refresh_window);
    assert_eq!(value(0), (ReactionMode::Off, Duration::from_hours(2)));
    assert_eq!(value(1), (ReactionMode::Counts, Duration::from_hours(1)));
}

#[test]
fn paths_are_relative_to_the_file_and_variables_are_expanded() {
    let paths = "[archive]\npath = \"~/a.db\"\n[discord]\ntoken_file = \"$DIR/token\"\n";
    let variables = [("HOME", "/home/ada"), ("DIR", "secrets")];
    let config = resolved(&with_tenant(paths), &variables, &Overrides::default()).unwrap();
    assert_eq!(config.archive.path, Path::new("/home/ada/a.db"));
    assert_eq!(config.platform(&SPEC).token(), TokenSource::File("/srv/secrets/token".into()));
}

#[test]
fn an_unset_variable_in_the_archive_path_is_a_problem() {
    assert_problem(
        &with_tenant("[archive]\npath = \"$STATE_DIRECTORY/a.db\"\n"),
        "2: archive.path: \"$STATE_DIRECTORY/a.db\" uses the variable STATE_DIRECTORY, which is not set",
        "set it, or use an absolute path",
    );
}

#[test]
fn an_unset_variable_in_the_token_path_fails_only_when_the_token_is_read() {
    let text = with_tenant("[discord]\ntoken_file = \"$CREDENTIALS_DIRECTORY/token\"\n");
    let error = discord(&text).read_token(&Environment::new::<&str, &str>([], "/srv")).unwrap_err();
    assert!(error.to_string().contains("$CREDENTIALS_DIRECTORY is not set"));
}

#[test]
fn tenants_are_returned_in_the_requested_order() {
    let text = format!("{TENANT}[[tenant]]\nname = \"other\"\nguild_id = \"2\"\n");
    let config = config(&text);
    let named = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        config
            .tenants_named(&names)
            .map(|tenants| tenants.iter().map(|tenant| tenant.name.clone()).collect::<Vec<_>>())
            .map_err(|unknown| unknown.to_string())
    };
    assert_eq!(named(&[]).unwrap(), ["takaro", "other"]);
    assert_eq!(named(&["other", "takaro", "other"]).unwrap(), ["other", "takaro"]);
    assert_eq!(
        named(&["takro", "other", "xyz"]).unwrap_err(),
        "find the tenants takro, xyz; the configuration has takaro, other"
    );
}
