//! Rust as tokens, just well enough to find paths and words: comments, texts
//! and tests can be told from code.

use std::ops::Range;

use super::files::File;

/// A word, a number, `::`, or another single character; a text is `""`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// As written.
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

/// A file's code.
#[derive(Debug, Clone)]
pub struct Source {
    /// From the root, with slashes.
    pub path: String,
    /// Without comments.
    pub tokens: Vec<Token>,
}

impl Source {
    /// From a text.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), tokens: tokens(text) }
    }

    /// The text of the token at `index`, nothing outside of the file.
    pub fn at(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| &token.text)
    }

    /// The same for the token before.
    pub fn before(&self, index: usize) -> &str {
        index.checked_sub(1).map_or("", |index| self.at(index))
    }

    /// Where the token at `index` stands, for people.
    pub fn place(&self, index: usize) -> String {
        format!("{}:{}", self.path, self.tokens[index].line)
    }

    /// The indices of this word.
    pub fn find<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let tokens = self.tokens.iter().enumerate();
        tokens.filter(move |(_, token)| token.text == word).map(|(index, _)| index)
    }

    /// Whether a path begins at `index`, so that the word is a crate or a
    /// name in scope.
    pub fn begins_path(&self, index: usize) -> bool {
        if self.before(index) != "::" {
            return true;
        }
        let left = index.checked_sub(2).map_or("", |index| self.at(index));
        left == "use" || left != ">" && !left.starts_with(is_word)
    }

    /// The items that exist for tests only, as ranges of tokens, attribute
    /// included.
    pub fn test_items(&self) -> Vec<Range<usize>> {
        const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
        let begins = |index: &usize| (0..MARK.len()).all(|offset| self.at(index + offset) == MARK[offset]);
        let mut items: Vec<Range<usize>> = Vec::new();
        for begin in self.find("#").filter(begins) {
            if items.last().is_none_or(|last| begin >= last.end) {
                items.push(begin..self.item_end(begin + MARK.len()));
            }
        }
        items
    }

    /// After the item that begins at `index`: its `;` or its closing brace.
    fn item_end(&self, index: usize) -> usize {
        let mut depth = 0_usize;
        for index in index..self.tokens.len() {
            match self.at(index) {
                "{" | "(" | "[" => depth += 1,
                "}" if depth == 1 => return index + 1,
                ")" | "]" | "}" => depth -= 1,
                ";" if depth == 0 => return index + 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// Paths of the files that are modules for tests only, and the folders of
    /// their own modules.
    fn test_modules(&self) -> Vec<[String; 2]> {
        let folder = self.path.trim_end_matches(".rs");
        let folder =
            ["/lib", "/main", "/mod"].iter().find_map(|root| folder.strip_suffix(root)).unwrap_or(folder);
        let modules = self.test_items().into_iter().filter_map(|item| {
            let is_file = self.at(item.end - 1) == ";" && self.at(item.end - 3) == "mod";
            is_file.then(|| self.at(item.end - 2))
        });
        modules.map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]).collect()
    }
}

/// The code of all Rust files.
pub fn sources(files: &[File]) -> Vec<Source> {
    files.iter().filter(|file| file.is_rust()).map(|file| Source::new(&file.path, &file.text)).collect()
}

/// The code of all Rust files, without files and items for tests only.
pub fn without_tests(files: &[File]) -> Vec<Source> {
    let mut sources = sources(files);
    let tests: Vec<[String; 2]> = sources.iter().flat_map(Source::test_modules).collect();
    sources.retain(|source| !is_test(&tests, &source.path));
    for source in &mut sources {
        for item in source.test_items().into_iter().rev() {
            source.tokens.drain(item);
        }
    }
    sources
}

/// The paths of the files for tests only.
pub fn test_files(files: &[File]) -> Vec<String> {
    let sources = sources(files);
    let tests: Vec<[String; 2]> = sources.iter().flat_map(Source::test_modules).collect();
    sources.into_iter().map(|source| source.path).filter(|path| is_test(&tests, path)).collect()
}

fn is_test(tests: &[[String; 2]], path: &str) -> bool {
    tests.iter().any(|[file, folder]| path == file || path.starts_with(folder.as_str()))
}

fn is_word(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(char) = rest.chars().next() {
        let length = length(rest, char);
        let (token, after) = rest.split_at(length);
        let kept = match char {
            _ if token.starts_with("//") || token.starts_with("/*") || char.is_whitespace() => None,
            _ if token.len() > 1 && token.ends_with(['"', '#', '\'']) => Some("\"\""),
            _ => Some(token),
        };
        tokens.extend(kept.map(|token| Token { text: token.to_owned(), line }));
        line += token.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The length of what begins `rest`: a comment, a text, a word, a sign.
fn length(rest: &str, first: char) -> usize {
    let up_to =
        |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if rest.starts_with("::") {
        return 2;
    }
    let word = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
    if let "r" | "br" | "cr" = &rest[..word] {
        let hashes = rest[word..].bytes().take_while(|byte| *byte == b'#').count();
        if rest[word + hashes..].starts_with('"') {
            return up_to(&format!("\"{}", "#".repeat(hashes)), word + hashes + 1);
        }
    }
    if matches!(&rest[..word], "" | "b" | "c") && rest[word..].starts_with('"') {
        return quoted(rest, word, '"');
    }
    if first == '\'' {
        // A lifetime has no closing quote after one character.
        let is_char = rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'');
        return if is_char { quoted(rest, 0, '\'') } else { 1 };
    }
    if word > 0 { word } else { first.len_utf8() }
}

fn quoted(rest: &str, from: usize, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, char) in rest.char_indices().skip_while(|(at, _)| *at <= from) {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if char == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_texts_are_no_code() {
        let code = r##"
            // one /* two
            /* three /* four */ "five" */
            a("six \" seven", r#"eight " nine"#, b"ten", '"', '\'', b'x') /// eleven
            b<'life>(1_000u64, r"twelve\")
        "##;
        let expected = r#"a ( "" , "" , "" , "" , "" , b "" ) b < ' life > ( 1_000u64 , "" )"#;
        assert_eq!(words(code).join(" "), expected);
    }

    #[test]
    fn lines_are_counted_through_comments_and_texts() {
        let lines = tokens("/*\n*/ a \"\n\n\" b // c\nd").into_iter().map(|token| token.line);
        assert_eq!(lines.collect::<Vec<_>>(), [2, 2, 4, 5]);
    }

    #[test]
    fn items_for_tests_are_left_out() {
        let text = "use a;\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn f() { {} } }\nfn g() {}\n\
                    #[cfg(test)] use b::{c, d};\n#[cfg(not(test))] fn h() {}";
        let file = File { path: "src/x.rs".to_owned(), text: text.to_owned() };
        let sources = without_tests(&[file]);
        let words: Vec<&str> = sources[0].tokens.iter().map(|token| token.text.as_str()).collect();
        assert_eq!(words.join(" "), "use a ; fn g ( ) { } ; # [ cfg ( not ( test ) ) ] fn h ( ) { }");
    }

    #[test]
    fn files_for_tests_are_left_out_with_their_modules() {
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let files = [
            file("src/a/mod.rs", "mod b; #[cfg(test)] mod tests; #[cfg(test)] pub mod fake;"),
            file("src/a/b.rs", "#[cfg(test)] mod deep;"),
            file("src/a/b/deep.rs", ""),
            file("src/a/fake.rs", ""),
            file("src/a/tests.rs", ""),
            file("src/a/tests/more.rs", ""),
            file("src/tests.rs", ""),
        ];
        let product: Vec<String> = without_tests(&files).into_iter().map(|source| source.path).collect();
        assert_eq!(product, ["src/a/mod.rs", "src/a/b.rs", "src/tests.rs"]);
        assert_eq!(test_files(&files).len(), 4);
    }

    #[test]
    fn a_path_begins_with_its_first_word_only() {
        let source = Source::new("", "a::toml ::toml <T>::toml toml");
        let begins: Vec<bool> = source.find("toml").map(|index| source.begins_path(index)).collect();
        assert_eq!(begins, [false, false, false, true]);
        let source = Source::new("", "(::toml)");
        assert!(source.begins_path(2));
    }
}
