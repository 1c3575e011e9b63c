//! The report of `check`: one result per step.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Report;
use super::json::SCHEMA;
use super::mark::{FAILURE, HINT, SUCCESS, WARNING};
use crate::exit_code::ExitCode;

/// The status of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Needs attention, but a sync works.
    Warning,
    /// A sync fails or stays incomplete.
    Failure,
}

/// The result of one step.
#[derive(Debug, Clone)]
pub struct CheckResult {
    /// Decides the mark before the text.
    pub status: CheckStatus,
    /// What was checked, and what was found.
    pub text: String,
    /// What the user can do, one line each.
    pub remedies: Vec<String>,
}

impl CheckResult {
    /// A step without a problem.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { status: CheckStatus::Ok, text: text.into(), remedies: Vec::new() }
    }

    /// A problem that doesn't keep a sync from working.
    pub fn warning(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: CheckStatus::Warning, text: text.into(), remedies: vec![remedy.into()] }
    }

    /// A problem that keeps a sync from working or from completing.
    pub fn failure(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: CheckStatus::Failure, text: text.into(), remedies: vec![remedy.into()] }
    }
}

/// The document of `check`.
pub fn check_json(results: &[CheckResult], exit_code: ExitCode) -> Report {
    let step = |result: &CheckResult| {
        let status = match result.status {
            CheckStatus::Ok => "ok",
            CheckStatus::Warning => "warning",
            CheckStatus::Failure => "failure",
        };
        json!({ "status": status, "text": result.text, "remedies": result.remedies })
    };
    let steps: Vec<Value> = results.iter().map(step).collect();
    let document = json!({ "schema": SCHEMA, "exit_code": exit_code.number(), "steps": steps });
    Report::ForPrograms(format!("{document}\n"))
}

/// The document of `check --privacy`: how many texts were read, where raw IDs were found, and what to
/// do about them.
pub fn privacy_json(texts: u64, found: &[String], remedy: Option<&str>) -> String {
    json!({ "schema": SCHEMA, "texts": texts, "raw_ids": found, "remedy": remedy }).to_string() + "\n"
}

/// One line per result with its mark; the remedies below it.
pub fn check_report(results: &[CheckResult]) -> Report {
    let mut text = String::new();
    for result in results {
        let mark = match result.status {
            CheckStatus::Ok => SUCCESS,
            CheckStatus::Warning => WARNING,
            CheckStatus::Failure => FAILURE,
        };
        writeln!(text, "{mark} {}", result.text).ok();
        for remedy in &result.remedies {
            writeln!(text, "    {HINT} {remedy}").ok();
        }
    }
    Report::ForPeople(text)
}
