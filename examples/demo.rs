//! The demo: a simulated Discord, a real sync, and queries on the archive.
//!
//! `cargo run --example demo [-- FOLDER]` needs no token and no network. It leaves an
//! archive and a configuration in FOLDER (default: `verta-demo`).

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use discord_sim::{Description, Limits, Options, Simulator, World};
use rusqlite::Connection;
use verta_sync::cli;
use verta_sync::config::Environment;

/// Latency of a simulated response, like Discord's.
const LATENCY: Duration = Duration::from_millis(60);
/// Port of the simulator in the commands that the demo prints.
const PORT: u16 = 8901;

const QUESTIONS: [(&str, &str); 3] = [
    (
        "Which channels are the busiest?",
        "SELECT tenant || '  #' || channel, messages || ' messages'
           FROM channel_log ORDER BY messages DESC LIMIT 5",
    ),
    (
        "Who replies to whom the most?",
        "SELECT substr(author, 1, 8) || '… to ' || substr(reply_to_author, 1, 8) || '…', count(*) || ' replies'
           FROM reply_log WHERE author <> reply_to_author
          GROUP BY author, reply_to_author ORDER BY count(*) DESC LIMIT 5",
    ),
    (
        "Which emoji are used the most?",
        "SELECT emoji, sum(count) || ' reactions'
           FROM reaction_count_log GROUP BY emoji ORDER BY sum(count) DESC LIMIT 5",
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "verta-demo".into()));
    let description = Description::demo();
    // Only Discord's global limit for a bot. Its limit for one channel, 100 messages per
    // second, would make the largest channel take over a minute.
    let options = Options { latency: LATENCY, limits: Limits::global(50), ..Options::default() };
    let sim = Simulator::start_with(World::new(&description), options);
    prepare(&folder, &sim.url())?;
    let demo = Demo { folder: fs::canonicalize(&folder)?, token: sim.token().clone() };

    title("A simulated Discord with two servers. First sync: verta-sync start");
    demo.run("start")?;
    let first = sim.journal().len();
    sim.journal().clear();

    title("Second sync: nothing is fetched twice");
    demo.run("start")?;
    println!("requests: {first} the first time, {} the second time", sim.journal().len());

    title("verta-sync status");
    demo.run("status")?;

    let archive = Connection::open(demo.folder.join("archive.db"))?;
    for (question, sql) in QUESTIONS {
        title(question);
        print_answer(&archive, sql)?;
    }

    title("Which messages speak of a wipe? verta-sync search wipe --limit 2");
    demo.run_with(&["search", "wipe", "--limit", "2"])?;
    title("Which speak of servers, but not of a wipe? verta-sync search 'server* -wipe' --limit 2");
    demo.run_with(&["search", "server* -wipe", "--limit", "2"])?;

    // The simulated messages end some time ago.
    let after_the_newest = "SELECT date(max(created_ms) / 1000, 'unixepoch', '+1 day') FROM message_log";
    let until: String = archive.query_row(after_the_newest, [], |row| row.get(0))?;
    title(&format!("How do the communities live? verta-sync insights --out report.html --until {until}"));
    let report = demo.folder.join("report.html");
    demo.run_with(&["insights", "--out", &report.to_string_lossy(), "--until", &until])?;

    // The remaining configuration is for a simulator that the user starts.
    write_config(&folder, &format!("http://127.0.0.1:{PORT}"))?;
    let shown = folder.display();
    title("Next steps");
    println!("sqlite3 {shown}/archive.db \"SELECT channel, content FROM message_log LIMIT 10\"");
    println!("cargo run -p discord-sim -- --preset demo --port {PORT} &");
    println!("export DISCORD_BOT_TOKEN={}", sim.token());
    println!("cargo run -- --config {shown}/sync.toml start");
    Ok(())
}

fn title(text: &str) {
    println!("\n== {text}");
}

/// Prepares the demo's folder: replaces an earlier demo's archive, and fails if the
/// folder holds another archive, or a configuration that was edited.
fn prepare(folder: &Path, api_url: &str) -> Result<(), Box<dyn Error>> {
    let config = folder.join("sync.toml");
    let shown = folder.display();
    let other = "name another folder: cargo run --example demo -- FOLDER";
    if folder.join("archive.db").exists() && !config.exists() {
        return Err(format!("{shown} holds an archive that is not the demo's; {other}").into());
    }
    match fs::read_to_string(&config) {
        Ok(text) if without_url(&text) != without_url(&config_text(api_url)?) => {
            return Err(format!("{} was edited and would be replaced; {other}", config.display()).into());
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::create_dir_all(folder)?;
    for name in ["archive.db", "archive.db-wal", "archive.db-shm", "archive.db.lock"] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    write_config(folder, api_url)
}

/// A configuration without the URL, whose port differs from demo to demo.
fn without_url(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("api_url = \"http://127.0.0.1:")).collect()
}

fn write_config(folder: &Path, api_url: &str) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(folder.join("sync.toml"), config_text(api_url)?)?)
}

fn config_text(api_url: &str) -> Result<String, Box<dyn Error>> {
    // Reactor lists cost a request per emoji of a message: for this world, six minutes at
    // Discord's rate limit.
    let mut text =
        format!("[discord]\napi_url = \"{api_url}\"\n\n[sync]\nreactions = \"counts\"     # or \"users\"\n");
    for guild in Description::demo().guilds {
        let (name, id) = (&guild.name, guild.id);
        write!(text, "\n[[tenant]]\nname = {name:?}\nplatform = \"discord\"\nguild_id = \"{id}\"\n")?;
    }
    Ok(text)
}

/// Runs commands in this process, like the binary.
struct Demo {
    folder: PathBuf,
    token: String,
}

impl Demo {
    fn run(&self, command: &str) -> Result<(), Box<dyn Error>> {
        self.run_with(&[command])
    }

    fn run_with(&self, words: &[&str]) -> Result<(), Box<dyn Error>> {
        // Pass on only the terminal's variables and the token, not the rest of the
        // environment.
        let terminal = ["TERM", "NO_COLOR", "COLORTERM", "LANG", "RUST_LOG"];
        let inherited = std::env::vars_os().filter(|(name, _)| terminal.iter().any(|known| name == known));
        let token = (OsString::from("DISCORD_BOT_TOKEN"), OsString::from(&self.token));
        let env = Environment::new(inherited.chain([token]), &self.folder);
        let config = self.folder.join("sync.toml");
        let arguments = ["verta-sync".into(), "--config".into(), config.into_os_string()]
            .into_iter()
            .chain(words.iter().map(OsString::from));
        let code = cli::run(arguments, env).map_err(|failure| failure.to_string())?;
        if code.number() == 0 {
            Ok(())
        } else {
            Err(format!("{words:?} failed with exit code {}", code.number()).into())
        }
    }
}

fn print_answer(archive: &Connection, sql: &str) -> Result<(), rusqlite::Error> {
    let mut select = archive.prepare(sql)?;
    let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    for row in rows {
        let (name, number) = row?;
        println!("  {name}  {number}");
    }
    Ok(())
}
