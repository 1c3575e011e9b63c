//! `docs/archive.md` names every column of every view with its type.

use std::collections::BTreeMap;

use rusqlite::Connection;
use tempfile::TempDir;

use super::world::{self, Shape};
use super::{archive, rows};

const DOCUMENT: &str = include_str!("../../../docs/archive.md");
const SHAPE: Shape = Shape { messages: 4_000, channels: 20, threads: 100, people: 500, vocabulary: 0 };

/// Columns and types of each view, in their order.
type Columns = BTreeMap<String, Vec<(String, String)>>;

/// The tables of the document's sections "`view`: one row per …".
fn documented() -> Columns {
    let sections = DOCUMENT.split("\n### ").skip(1).filter(|section| section.contains("`: one row per "));
    let columns = |section: &str| {
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| {
            let (name, rest) = row.split_once("` | ").expect("a row has a name and a type");
            let (kind, _) = rest.split_once(" | ").expect("a row has a type and a meaning");
            (name.to_owned(), kind.to_owned())
        })
        .collect()
    };
    sections
        .map(|section| {
            (section.trim_start_matches('`').split('`').next().unwrap().to_owned(), columns(section))
        })
        .collect()
}

/// The columns of the views, with the type that the declaration gives them.
fn declared(archive: &Connection) -> Columns {
    let sql = "SELECT v.name, c.name, c.type FROM sqlite_schema v JOIN pragma_table_info(v.name) c
                WHERE v.type = 'view' ORDER BY v.name, c.cid";
    let mut columns = Columns::new();
    for row in rows(archive, sql) {
        let [view, name, kind] = <[String; 3]>::try_from(row).unwrap();
        let kind = if kind == "INT" { "INTEGER".to_owned() } else { kind };
        columns.entry(view).or_default().push((name, kind));
    }
    columns
}

#[test]
fn every_column_of_every_view_is_documented_in_order() {
    let names = |columns: Columns| -> BTreeMap<String, Vec<String>> {
        let names = |columns: Vec<(String, String)>| columns.into_iter().map(|(name, _)| name).collect();
        columns.into_iter().map(|(view, columns)| (view, names(columns))).collect()
    };
    assert_eq!(names(documented()), names(declared(&archive())));
}

/// Programs that read only the declaration, such as `DuckDB`, see these types.
#[test]
fn columns_declare_the_documented_types() {
    let documented = documented();
    for (view, columns) in declared(&archive()) {
        for ((name, kind), (_, expected)) in columns.iter().zip(&documented[&view]) {
            assert_eq!(kind, expected, "{view}.{name}");
        }
    }
}

#[test]
fn values_have_the_documented_types() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("archive.db");
    world::create(&path, SHAPE).unwrap();
    let archive = Connection::open(&path).unwrap();
    let mut without_values = Vec::new();
    let count = |sql: &str| rows(&archive, sql)[0][0].clone();
    for (view, columns) in documented() {
        for (column, kind) in columns {
            let found = rows(
                &archive,
                &format!("SELECT DISTINCT typeof({column}) FROM {view} WHERE {column} NOT NULL"),
            );
            match found.as_slice() {
                [] => without_values.push(format!("{view}.{column}")),
                [row] => {
                    assert_eq!(row[0], kind.to_lowercase(), "{view}.{column}");
                    // Programs such as Datasette pass every parameter as text.
                    let value = format!("(SELECT {column} FROM {view} WHERE {column} NOT NULL LIMIT 1)");
                    let matching =
                        |value: &str| format!("SELECT count(*) FROM {view} WHERE {column} = {value}");
                    let as_text =
                        rows(&archive, &format!("SELECT quote(CAST({value} AS TEXT))"))[0][0].clone();
                    assert_eq!(count(&matching(&as_text)), count(&matching(&value)), "{view}.{column}");
                }
                _ => panic!("{view}.{column} has values of the types {found:?}"),
            }
        }
    }
    assert!(without_values.len() < 20, "the test archive has no values of {without_values:?}");
}

const DATASETTE: &str = include_str!("../../../examples/datasette/metadata.yaml");

/// The keys of a YAML mapping that is indented by `indent` spaces, each with its lines.
fn mapping(text: &str, indent: usize) -> Vec<(&str, String)> {
    let mut entries: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        let key = line.get(indent..).filter(|_| line[..indent.min(line.len())].trim().is_empty());
        match (
            key.filter(|key| key.starts_with(|first: char| first.is_ascii_lowercase())),
            entries.last_mut(),
        ) {
            (Some(key), _) => {
                let (name, rest) = key.split_once(':').unwrap_or((key, ""));
                entries.push((name, format!("{rest}\n")));
            }
            (None, Some((_, lines))) => {
                lines.push_str(line);
                lines.push('\n');
            }
            (None, None) => {}
        }
    }
    entries
}

fn section<'t>(key: &str) -> &'t str {
    let (_, rest) = DATASETTE.split_once(&format!("\n    {key}:\n")).expect("the file has this section");
    rest.split("\n    queries:\n").next().unwrap_or(rest)
}

#[test]
fn the_datasette_kit_describes_every_column_of_every_view() {
    let tables = mapping(section("tables"), 6);
    for (view, columns) in documented() {
        let (_, text) = tables.iter().find(|(name, _)| *name == view).expect("the view is described");
        let (_, described) = text.split_once("        columns:\n").expect("its columns are described");
        let described: Vec<&str> = mapping(described, 10).into_iter().map(|(name, _)| name).collect();
        let expected: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(described, expected, "{view}");
    }
    let archive = archive();
    for table in rows(&archive, "SELECT name FROM sqlite_schema WHERE type = 'table'") {
        let (_, text) = tables.iter().find(|(name, _)| *name == table[0]).expect("the table is named");
        assert!(text.contains("hidden: true"), "{}", table[0]);
    }
}

#[test]
fn the_queries_of_the_datasette_kit_run() {
    let archive = archive();
    let queries = mapping(section("queries"), 6);
    assert!(queries.len() >= 15, "{queries:?}");
    for (name, text) in queries {
        let (_, block) = text.split_once("        sql: |-\n").expect("a query has SQL");
        let sql: Vec<&str> =
            block.lines().take_while(|line| line.starts_with("          ") || line.is_empty()).collect();
        let mut statement =
            archive.prepare(&sql.join("\n")).unwrap_or_else(|error| panic!("{name}: {error}"));
        for parameter in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(parameter, "").unwrap();
        }
        let mut rows = statement.raw_query();
        while rows.next().unwrap_or_else(|error| panic!("{name}: {error}")).is_some() {}
    }
}
