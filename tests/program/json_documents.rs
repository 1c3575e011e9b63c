//! docs/json.md against what the commands write.

use std::collections::BTreeSet;
use std::fs;

use discord_sim::{BodyKind, Description, FaultKind, Match, RouteKind, World};
use serde_json::Value;

use crate::util::Sandbox;

/// The paths of the values in a document, such as `tenants[].channels.total`.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                found.insert(path.clone());
                paths(field, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{path}[]"), found)),
        _ => {}
    }
}

/// The documented paths of a section, and whether each is always there.
fn documented(section: &str) -> Vec<(String, bool)> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).unwrap();
    let body =
        text.split(&format!("\n## {section}\n")).nth(1).unwrap_or_else(|| panic!("no section {section}"));
    let rows = body.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').collect();
        let is_optional = cells[2].contains("(sometimes)");
        let names = cells[1].split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        names.into_iter().map(move |name| (name, !is_optional)).collect::<Vec<_>>()
    };
    rows.flat_map(row).collect()
}

fn compare(section: &str, documents: &[Value]) {
    let mut found = BTreeSet::new();
    for document in documents {
        paths(document, "", &mut found);
    }
    let mut documented = documented(section);
    for (of_section, prefix) in [("start", "jobs[]."), ("status --job-id", "")] {
        if section == of_section {
            let of_job = self::documented("A job").into_iter();
            documented.extend(of_job.map(|(name, is_always)| (format!("{prefix}{name}"), is_always)));
        }
    }
    let names: BTreeSet<&str> = documented.iter().map(|(name, _)| name.as_str()).collect();
    // A map whose keys are data has `*` in its documented path.
    let is_documented = |path: &&String| {
        names.contains(path.as_str())
            || names.iter().any(|name| name.strip_suffix('*').is_some_and(|start| path.starts_with(start)))
    };
    let missing: Vec<&String> = found.iter().filter(|path| !is_documented(path)).collect();
    assert!(missing.is_empty(), "docs/json.md lacks in {section}:\n{missing:#?}");
    let gone: Vec<&str> = documented
        .iter()
        .filter(|(name, is_always)| *is_always && !name.ends_with('*') && !found.contains(name))
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(gone.is_empty(), "docs/json.md has in {section} what no document has:\n{gone:#?}");
    assert!(documents.iter().any(|document| document["schema"] == 1), "{section} has no schema");
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_field_of_every_document_is_described() {
    let sandbox = Sandbox::new(World::new(&Description::everything(9)));
    let failing = sandbox.sim.world().guilds()[0].0;
    let broken = sandbox.sim.world().channel_named(failing, "chat").unwrap();
    let plan = sandbox.run(&["plan", "--format", "json"]).stdout;
    sandbox.sim.faults().when(Match::page_of(broken).always(), FaultKind::Status(500, BodyKind::Json(0)));
    sandbox.sim.faults().when(Match::route(RouteKind::Messages), FaultKind::Status(502, BodyKind::Json(0)));
    let started = sandbox.run(&["start", "--format", "json", "-v"]).stdout;
    sandbox.sim.faults().clear();
    let run = |arguments: &[&str]| lines(&sandbox.run(arguments).stdout);
    compare("plan", &lines(&plan));
    compare("start", &lines(&started));
    compare("status", &run(&["status", "--max-age", "1s", "--format", "json"]));
    let runs = run(&["status", "--runs", "--format", "json"]);
    let job = runs[0]["runs"][0]["jobs"][0]["job_id"].as_str().unwrap().to_owned();
    compare("status --runs", &runs);
    compare("status --job-id", &run(&["status", "--job-id", &job, "--format", "json"]));
    compare("check", &run(&["check", "--format", "json"]));
    let alter = "UPDATE messages SET content = 'x' WHERE (channel_id, platform_id) IN
                     (SELECT channel_id, platform_id FROM messages WHERE deleted_at IS NULL LIMIT 1)";
    assert_eq!(sandbox.archive().execute(alter, []).unwrap(), 1);
    compare("check --messages", &run(&["check", "--messages=100", "--format", "json"]));
    compare("check --privacy", &run(&["check", "--privacy", "--format", "json"]));
    compare("search", &run(&["search", "the", "--limit", "1", "--format", "json"]));
    let user = sandbox.sim.world().user_id(failing, 3).unwrap().to_string();
    compare("forget", &run(&["forget", "--user", &user, "--yes", "--format", "json"]));
    let tenant = sandbox.sim.world().guilds()[0].1.clone();
    compare("reset", &run(&["reset", "--tenant", &tenant, "--purge", "--yes", "--format", "json"]));
}
