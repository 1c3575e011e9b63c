//! Serves a simulated Discord until Ctrl-C. Prints a matching verta-sync configuration.

use std::process::ExitCode;
use std::time::Duration;

use discord_sim::{Description, FrontDoor, Limits, Options, Simulator, World};

const USAGE: &str = "usage: discord-sim [--port N] [--seed N] [--description FILE | \
    --preset demo|everything|community] [--latency MS] [--token TOKEN] [--limits off|discord] \
    [--front-door INVALID_REQUESTS] [--faults PERCENT [--pause MS]]";

/// Default of `--pause`: duration of stalls and `retry_after` of 429s, in milliseconds.
const DEFAULT_PAUSE_MS: u64 = 250;

#[derive(Debug, Default)]
struct Args {
    port: u16,
    seed: Option<u64>,
    description: Option<String>,
    preset: Option<String>,
    latency_ms: u64,
    token: Option<String>,
    limits: Option<String>,
    front_door: Option<u32>,
    faults_percent: Option<u8>,
    pause_ms: Option<u64>,
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut args = Args::default();
    while let Some(flag) = words.next() {
        let mut value = || words.next().ok_or(format!("{flag} needs a value"));
        match flag.as_str() {
            "--port" => args.port = number(&value()?)?,
            "--seed" => args.seed = Some(number(&value()?)?),
            "--latency" => args.latency_ms = number(&value()?)?,
            "--description" => args.description = Some(value()?),
            "--preset" => args.preset = Some(value()?),
            "--token" => args.token = Some(value()?),
            "--limits" => args.limits = Some(value()?),
            "--front-door" => args.front_door = Some(number(&value()?)?),
            "--faults" => args.faults_percent = Some(number(&value()?)?),
            "--pause" => args.pause_ms = Some(number(&value()?)?),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(args)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

fn describe(args: &Args) -> Result<Description, String> {
    let mut description = match (&args.description, args.preset.as_deref()) {
        (Some(_), Some(_)) => return Err(USAGE.to_owned()),
        (Some(path), None) => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?
        }
        (None, None | Some("demo")) => Description::demo(),
        (None, Some("everything")) => Description::everything(1),
        (None, Some("community")) => Description::community(310_000_000_000_000_001, 20, 1000),
        (None, Some(other)) => return Err(format!("no preset is called {other:?}")),
    };
    if let Some(seed) = args.seed {
        description.seed = seed;
    }
    if let Some(token) = &args.token {
        description.token.clone_from(token);
    }
    Ok(description)
}

fn options(args: &Args) -> Result<Options, String> {
    let mut limits = match args.limits.as_deref() {
        None | Some("off") => Limits::off(),
        Some("discord") => Limits::discord(),
        Some(other) => return Err(format!("no limits are called {other:?}")),
    };
    if let Some(invalid_requests) = args.front_door {
        limits.front_door = Some(FrontDoor { invalid_requests, ..FrontDoor::discord() });
    }
    let latency = Duration::from_millis(args.latency_ms);
    let seed = args.seed.unwrap_or(Options::default().seed);
    Ok(Options { port: args.port, latency, limits, seed, ..Options::default() })
}

/// Plans the random faults of `--faults`.
fn plan_faults(args: &Args, simulator: &Simulator) {
    if let Some(percent) = args.faults_percent {
        let pause = Duration::from_millis(args.pause_ms.unwrap_or(DEFAULT_PAUSE_MS));
        simulator.faults().mixed(f64::from(percent) / 100.0, pause);
    }
}

/// Prints the URL, the token and the configuration to stdout.
fn announce(simulator: &Simulator) {
    let url = simulator.url();
    println!("# discord-sim listens on {url}");
    println!("# export DISCORD_BOT_TOKEN={}", simulator.token());
    println!("[archive]\npath = \"archive.db\"\n");
    println!("[discord]\ntoken_env = \"DISCORD_BOT_TOKEN\"\napi_url = \"{url}\"");
    for (id, name) in simulator.world().guilds() {
        let key = name.to_lowercase().replace(' ', "-");
        println!("\n[[tenant]]\nname = \"{key}\"\nplatform = \"discord\"\nguild_id = \"{id}\"");
    }
}

fn main() -> ExitCode {
    let args = parse(std::env::args().skip(1));
    let parsed = args.and_then(|args| Ok((describe(&args)?, options(&args)?, args)));
    let (description, options, args) = match parsed {
        Ok(parsed) => parsed,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let simulator = Simulator::start_with(World::new(&description), options);
    plan_faults(&args, &simulator);
    announce(&simulator);
    wait_for_interrupt();
    ExitCode::SUCCESS
}

fn wait_for_interrupt() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    // If the handler can't be installed, the default one would end the process anyway.
    let _ = runtime.block_on(tokio::signal::ctrl_c());
}
