//! A folder with a configuration that has a tenant of each platform, and commands of the
//! program that supports both.

use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use discord_sim::{Description, Simulator, World as DiscordWorld};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::PROGRAM;
use crate::parley::ids;
use crate::server::{Server, TEAM, World};
use crate::util::{self, CommandOutput, tenant_table};
use crate::wire::{File, Question};

pub const GUILD: u64 = 77_000_000_000_000_001;
pub const GENERAL: &str = "C0K3PT9";
pub const RANDOM: &str = "C0R4ND0M";
pub const BOARD: &str = "C0B0ARD";

pub const EVE: &str = "U07ABCDEF";
pub const BOB: &str = "U00B0BSM1TH";
/// Is mentioned before her first message.
pub const LATE: &str = "U0LATEC0MER";

/// Number of messages in [`GENERAL`]: three pages.
pub const GENERAL_MESSAGES: u64 = 450;
pub const FIRST_OF_GENERAL: &str = "1718000000.123456";
const TOKEN: &str = "parley-token-of-the-bot";

pub struct Sandbox {
    /// The folder and the Discord simulator. Its `run` starts the real binary, which
    /// doesn't support Parley.
    pub common: util::Sandbox,
    pub parley: Server,
    /// IDs of the messages that Eve and Bob sent two hours ago in [`RANDOM`].
    pub question: String,
    pub reply: String,
}

impl Sandbox {
    pub fn new() -> Self {
        Self::with_config("requests_per_second = 5000", "")
    }

    /// With additional keys in `[parley]`, and the keys of `[sync]`.
    pub fn with_config(parley: &str, sync: &str) -> Self {
        let discord = Simulator::start(DiscordWorld::new(&Description::community(GUILD, 2, 120)));
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let (world, [question, reply]) = world(since);
        let common = util::Sandbox { dir: TempDir::new().unwrap(), sim: discord };
        let sandbox = Self { common, parley: Server::start(world), question, reply };
        sandbox.write_config(parley, sync);
        sandbox
    }

    fn write_config(&self, parley: &str, sync: &str) {
        let mut text = format!(
            "[discord]\napi_url = \"{}\"\nrequests_per_second = 5000\n[parley]\napi_url = \"{}\"\n{parley}\n[sync]\n{sync}\n",
            self.common.sim.url(),
            self.parley.url(),
        );
        text.push_str(&tenant_table(GUILD, "guild"));
        writeln!(text, "[[tenant]]\nname = \"team\"\nplatform = \"parley\"\nteam_id = \"{TEAM}\"").unwrap();
        self.common.write("sync.toml", &text);
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(arguments)
            .current_dir(self.common.dir.path())
            .env_clear()
            .env(PROGRAM, "1")
            .env("HOME", self.common.dir.path())
            .env("DISCORD_BOT_TOKEN", self.common.sim.token())
            .env("PARLEY_TOKEN", TOKEN)
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.command(arguments).output().unwrap().into()
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The rows of a query, with a space between columns and `-` for NULL.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let archive = self.common.archive();
        let mut select = archive.prepare(sql).unwrap();
        let columns = select.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let cell = |column| row.get::<_, Option<String>>(column).map(|text| text.unwrap_or("-".into()));
            (0..columns).map(cell).collect::<Result<Vec<_>, _>>()
        };
        select.query_map([], row).unwrap().map(|cells| cells.unwrap().join(" ")).collect()
    }

    /// Every row of the content tables, prefixed with the table's name.
    pub fn content(&self) -> Vec<String> {
        let tables = [
            "channels",
            "users",
            "messages",
            "message_attachments",
            "message_emoji_reactions",
            "message_reaction_counts",
            "emoji",
        ];
        let rows = |table| {
            let rows = self.common.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5"));
            rows.into_iter().map(move |row| format!("{table} {row}"))
        };
        tables.into_iter().flat_map(rows).collect()
    }

    /// Asserts that [`Self::content`] is unchanged.
    #[track_caller]
    pub fn assert_content(&self, expected: &[String]) {
        let actual = self.content();
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().zip(expected) {
            assert_eq!(actual, expected);
        }
    }

    /// The bytes of the archive and of the files beside it (write-ahead log, lock, …).
    pub fn bytes(&self) -> Vec<u8> {
        let names = self.common.listing().into_iter().filter(|name| name.starts_with("archive.db"));
        names.filter_map(|name| fs::read(self.common.dir.path().join(name)).ok()).flatten().collect()
    }

    /// Asserts that the archive holds exactly the public messages of the team, each once.
    #[track_caller]
    pub fn assert_team_archived(&self) {
        let mut expected: Vec<String> = self
            .parley
            .world()
            .public_messages()
            .into_iter()
            .map(|[channel, id, user, _]| format!("{channel} {id} {}", hash(&user)))
            .collect();
        expected.sort();
        let archived = self.texts(
            "SELECT channel_id, message_id, author FROM message_log
              WHERE tenant = 'team' AND deleted_at IS NULL ORDER BY 1, 2",
        );
        assert_eq!(archived.len(), expected.len());
        assert_eq!(archived, expected);
    }

    /// The page sizes that were requested from Parley.
    pub fn page_limits(&self) -> Vec<u16> {
        let world = self.parley.world();
        let limit = |question: &Question| match question {
            Question::History { limit, .. } => Some(*limit),
            _ => None,
        };
        world.journal.iter().filter_map(|(_, question)| limit(question)).collect()
    }
}

pub fn hash(user: &str) -> String {
    format!("{:x}", Sha256::digest(user))
}

/// A team with a long channel, one with messages of today, and a private one. Also
/// returns the IDs of two messages of today.
fn world(now: Duration) -> (World, [String; 2]) {
    let mut world = World::new(TOKEN);
    for (id, name, is_private) in
        [(GENERAL, "general", false), (RANDOM, "random", false), (BOARD, "board", true)]
    {
        world.add_channel(id, name, is_private);
    }
    for index in 0..GENERAL_MESSAGES {
        let id = ids::message(FIRST_OF_GENERAL).unwrap().get() + index * 1_000_000;
        let id = format!("{}.{:06}", id / 1_000_000, id % 1_000_000);
        world.send(GENERAL, &id, if index % 2 == 0 { EVE } else { BOB }, &format!("number {index}"));
    }
    let [question, reply] = [7200, 7100].map(|ago| format!("{}.000456", now.as_secs() - ago));
    world.send(BOARD, &question, EVE, "a secret");
    let text = format!("<@{BOB}|bob.smith>, see https://parley.example/team/{BOB} and ask {LATE}");
    world.send(RANDOM, &question, EVE, &text);
    let message = world.send(RANDOM, &reply, BOB, &format!("thanks <@{EVE}>"));
    message.reply_to = Some((question.clone(), EVE.to_owned()));
    message.files.push(File {
        id: "F0AA".to_owned(),
        name: "plan.pdf".to_owned(),
        bytes: 77,
        url: "https://files.parley.example/F0AA/plan.pdf".to_owned(),
    });
    world.react(RANDOM, &question, "🎉", &[BOB, EVE, "U0THEREADER"]);
    (world, [question, reply])
}
