//! The findings of `check`.

use std::fmt::Write as _;

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Good,
    /// Worth a look; a sync works.
    Notable,
    /// A sync won't work.
    Bad,
}

/// One step's outcome.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How it went.
    pub mark: Mark,
    /// What was looked at, and what was found.
    pub text: String,
    /// What to do, line by line.
    pub remedies: Vec<String>,
}

impl Finding {
    /// A step that went well.
    pub fn good(text: impl Into<String>) -> Self {
        Self { mark: Mark::Good, text: text.into(), remedies: Vec::new() }
    }

    /// Something worth a look.
    pub fn notable(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { mark: Mark::Notable, text: text.into(), remedies: vec![remedy.into()] }
    }

    /// Something that keeps a sync from working.
    pub fn bad(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { mark: Mark::Bad, text: text.into(), remedies: vec![remedy.into()] }
    }
}

/// A line a finding, and its remedies below.
pub fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.mark {
            Mark::Good => '✓',
            Mark::Notable => '!',
            Mark::Bad => '✗',
        };
        writeln!(text, "{mark} {}", finding.text).ok();
        for remedy in &finding.remedies {
            writeln!(text, "    → {remedy}").ok();
        }
    }
    text
}
