//! A configuration in several files.

use std::fs;

use discord_sim::{ChannelDescription, Description, GuildDescription, World};

use crate::util::{Sandbox, tenant_table};

const SERVERS: u64 = 200;
const FIRST: u64 = 77_000_000_000_000_001;

/// A world of many servers, each in a file of its own.
fn sandbox() -> Sandbox {
    let guild = |index| GuildDescription {
        id: FIRST + index,
        name: format!("Server {index:03}"),
        users: 3,
        channels: vec![ChannelDescription::text("general", 2)],
        ..GuildDescription::default()
    };
    let guilds = (0..SERVERS).map(guild).collect();
    let sandbox = Sandbox::new(World::new(&Description { guilds, ..Description::default() }));
    let folder = sandbox.dir.path().join("tenants.d");
    fs::create_dir(&folder).unwrap();
    for (id, name) in sandbox.sim.world().guilds() {
        fs::write(folder.join(format!("{id}.toml")), tenant_table(id, &name)).unwrap();
    }
    let url = sandbox.sim.url();
    sandbox.write(
        "sync.toml",
        &format!(
            "include = [\"tenants.d/*.toml\"]\n[discord]\napi_url = \"{url}\"\nrequests_per_second = 5000\n"
        ),
    );
    sandbox
}

#[test]
fn two_hundred_servers_are_read_from_files_of_their_own() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["start"]).expect_code(0);
    assert_eq!(ran.stdout.matches("2 new messages").count(), 200, "{}", ran.stdout);
    assert_eq!(sandbox.rows("SELECT DISTINCT tenant FROM message_log").len(), 200);
    let status = sandbox.run(&["status"]).expect_code(0).stdout;
    let names: Vec<&str> = status.lines().filter(|line| line.starts_with("Server ")).collect();
    assert!(names.len() == 200 && names.is_sorted(), "{status}");
}

#[test]
fn mistakes_name_the_file_and_its_line() {
    let sandbox = sandbox();
    let folder = sandbox.dir.path().join("tenants.d");
    let first = fs::read_to_string(folder.join(format!("{FIRST}.toml"))).unwrap();
    fs::write(folder.join("a.toml"), format!("# another\n{first}max_retries = 3\n")).unwrap();
    fs::write(folder.join("b.toml"), "\nname = \"x\"\n[sync]\nmax_retries = 3\n").unwrap();
    fs::write(folder.join("c.toml"), "[[tenant]]\nname = unquoted\nguild_id = \"1\"\n").unwrap();
    let ran = sandbox.run(&["status"]).expect_code(2);
    for expected in [
        "tenants.d/a.toml:3: tenant.name: duplicates tenants.d/77000000000000001.toml:2",
        "tenants.d/a.toml:6: tenant.max_retries: unknown key",
        "tenants.d/b.toml:2: an included file has only [[tenant]] sections",
        "tenants.d/b.toml:3: an included file has only [[tenant]] sections",
        "tenants.d/c.toml:2:8: missing quotes",
        "      2 | name = unquoted",
    ] {
        assert!(ran.stderr.contains(expected), "{expected}\n{}", ran.stderr);
    }
    for name in ["a", "b", "c"] {
        fs::remove_file(folder.join(format!("{name}.toml"))).unwrap();
    }
    sandbox.run(&["status"]).expect_code(0);
    let with = |include: &str| {
        sandbox.write(
            "sync.toml",
            &format!("{include}\n[discord]\n[[tenant]]\nname = \"x\"\nguild_id = \"1234567890123456\"\n"),
        );
        sandbox.run(&["status"]).expect_code(2).stderr
    };
    for (include, expected) in [
        ("include = \"tenants.d\"", "sync.toml:1: include: must be a list"),
        ("include = [3]", "sync.toml:1: include: must hold texts"),
        ("include = [\"nowhere.toml\"]", "sync.toml:1: include: \"nowhere.toml\" does not exist"),
        ("include = [\"no/*.toml\"]", "is in a folder that does not exist"),
        ("include = [\"*/x.toml\"]", "has \"*\" in a folder"),
        ("includes = [\"x\"]", "did you mean include?"),
        ("[sync]\ninclude = [\"x\"]", "move it to the top of the file"),
    ] {
        let stderr = with(include);
        assert!(stderr.contains(expected), "{include}: {stderr}");
    }
}

#[test]
fn a_file_that_others_can_change_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = sandbox();
    let file = sandbox.dir.path().join("tenants.d").join(format!("{FIRST}.toml"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let ran = sandbox.run(&["status"]).expect_code(2);
    assert!(ran.stderr.contains(&format!("{FIRST}.toml")), "{}", ran.stderr);
}
