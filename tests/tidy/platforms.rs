//! Checks which code may name a platform.

use proc_macro2::{TokenStream, TokenTree};

use super::code::{is_punct, is_word, test_item_end};

/// The folder of the platform, the list of platforms, the module that declares them, and the format
/// of a program for that platform.
const ALLOWED_PATHS: [&str; 4] =
    ["src/platform/discord/", "src/platform/registry.rs", "src/platform/mod.rs", "src/export/dce/"];

/// Identifiers and string literals of a file that name Discord. Comments and tests may.
pub fn named(path: &str, text: &str) -> Vec<String> {
    if ALLOWED_PATHS.iter().any(|allowed| path.starts_with(allowed)) {
        return Vec::new();
    }
    let code: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut lines = Vec::new();
    search(code, &mut lines);
    lines.into_iter().map(|line| format!("{path}:{line}: names Discord")).collect()
}

fn search(code: TokenStream, lines: &mut Vec<usize>) {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        if let Some(end) = test_item_end(&tokens, index) {
            index = end;
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_attribute =
                    ['#', '!'].iter().any(|punct| index > 0 && is_punct(&tokens, index - 1, *punct));
                let is_comment = is_attribute && is_word(&inside, 0, "doc");
                if !is_comment {
                    search(group.stream(), lines);
                }
            }
            token if token.to_string().to_lowercase().contains("discord") => {
                lines.push(token.span().start().line);
            }
            _ => {}
        }
        index += 1;
    }
}

#[test]
fn reports_a_platform_name_in_code_or_string_literals_with_location() {
    let text = "//! Of Discord.\nfn f() {\n    // Discord\n    discord::ask();\n    say(\"Discord\");\n}\n#[cfg(test)]\nmod tests { use discord; }";
    let expected = ["src/sync/a.rs:4: names Discord", "src/sync/a.rs:5: names Discord"];
    assert_eq!(named("src/sync/a.rs", text), expected);
    assert!(named("src/platform/discord/a.rs", text).is_empty());
}
