//! Where the code may say which platform it works for.

use proc_macro2::{TokenStream, TokenTree};

use super::code::{is_punct, is_word, test_item_end};

/// Apart from its folder: the list of the platforms, and the module that it is declared in.
const HOMES: [&str; 3] = ["src/platform/discord/", "src/platform/registry.rs", "src/platform/mod.rs"];

/// Names and texts of a file that speak of Discord. Comments may, and tests.
pub fn named(path: &str, text: &str) -> Vec<String> {
    if HOMES.iter().any(|home| path.starts_with(home)) {
        return Vec::new();
    }
    let code: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut lines = Vec::new();
    look(code, &mut lines);
    lines.into_iter().map(|line| format!("{path}:{line}: names Discord")).collect()
}

fn look(code: TokenStream, lines: &mut Vec<usize>) {
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
                    ['#', '!'].iter().any(|mark| index > 0 && is_punct(&tokens, index - 1, *mark));
                let is_comment = is_attribute && is_word(&inside, 0, "doc");
                if !is_comment {
                    look(group.stream(), lines);
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
fn a_platform_named_in_code_or_in_a_text_is_told_with_its_place() {
    let text = "//! Of Discord.\nfn f() {\n    // Discord\n    discord::ask();\n    say(\"Discord\");\n}\n#[cfg(test)]\nmod tests { use discord; }";
    let wanted = ["src/sync/a.rs:4: names Discord", "src/sync/a.rs:5: names Discord"];
    assert_eq!(named("src/sync/a.rs", text), wanted);
    assert!(named("src/platform/discord/a.rs", text).is_empty());
}
