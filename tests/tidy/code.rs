//! Parses the code of the product into modules and the paths they name, without tests.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::files::File;

/// A path such as `crate::model::Job`, or an imported name.
#[derive(Debug, Clone)]
pub struct NamedPath {
    /// The segments, without `::`. A group in braces gives one path per member.
    pub segments: Vec<String>,
    /// The name that an import brings into scope.
    pub imported_as: Option<String>,
    /// Line number, from 1.
    pub line: usize,
}

/// The code of one file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path from the repository root, with slashes.
    pub path: String,
    /// Path of the module from the crate root.
    pub module: Vec<String>,
    /// Imports, and all other paths of more than one segment.
    pub paths: Vec<NamedPath>,
    /// Child modules declared with `#[cfg(test)]`.
    test_modules: Vec<String>,
}

impl Source {
    /// Parses a file of `src`. Test items are left out.
    pub fn new(path: &str, text: &str) -> Self {
        let module = path.trim_start_matches("src/").trim_end_matches(".rs");
        let segments = module.split('/').filter(|name| !matches!(*name, "lib" | "mod"));
        let module = segments.map(str::to_owned).collect();
        let mut source = Self { path: path.to_owned(), module, paths: Vec::new(), test_modules: Vec::new() };
        let code: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        source.read(code, &[], false);
        source
    }

    fn read(&mut self, code: TokenStream, prefix: &[String], is_import: bool) {
        let tokens: Vec<TokenTree> = code.into_iter().collect();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            if let Some(end) = test_item_end(&tokens, index) {
                if is_punct(&tokens, end - 1, ';') && is_word(&tokens, end - 3, "mod") {
                    self.test_modules.push(tokens[end - 2].to_string());
                }
                index = end;
                continue;
            }
            match token {
                TokenTree::Group(group) => {
                    self.read(group.stream(), &[], index > 0 && is_word(&tokens, index - 1, "use"));
                    index += 1;
                }
                TokenTree::Ident(word) if word != "use" => {
                    index = self.read_path(&tokens, index, prefix, is_import);
                }
                _ => index += 1,
            }
        }
    }

    /// Reads the path at `begin` and returns the index after it.
    fn read_path(&mut self, tokens: &[TokenTree], begin: usize, prefix: &[String], is_import: bool) -> usize {
        let mut segments = prefix.to_vec();
        segments.push(tokens[begin].to_string());
        let mut index = begin + 1;
        while is_separator(tokens, index)
            && let Some(TokenTree::Ident(name)) = tokens.get(index + 2)
        {
            segments.push(name.to_string());
            index += 3;
        }
        let previous = if begin >= 2 && is_separator(tokens, begin - 2) {
            begin.checked_sub(3)
        } else {
            begin.checked_sub(1)
        };
        let is_import = is_import
            || previous.is_some_and(|at| is_word(tokens, at, "use") || is_word(tokens, at, "crate"));
        if is_separator(tokens, index)
            && let Some(TokenTree::Group(group)) = tokens.get(index + 2)
        {
            self.read(group.stream(), &segments, true);
            return index + 3;
        }
        // A path after `<T>::` belongs to the type and is not a path of its own.
        let is_associated =
            previous != begin.checked_sub(1) && previous.is_some_and(|at| is_punct(tokens, at, '>'));
        if is_import {
            segments.pop_if(|last| last == "self");
        }
        let alias = is_word(tokens, index, "as").then(|| tokens[index + 1].to_string());
        let name = alias.as_ref().or(segments.last());
        if (is_import || segments.len() > 1) && !is_associated {
            let imported_as = name.filter(|_| is_import).cloned();
            self.paths.push(NamedPath { segments, imported_as, line: tokens[begin].span().start().line });
        }
        if is_import && alias.is_some() { index + 2 } else { index }
    }

    /// The path from the crate root; `None` if it does not begin with `crate`, `self` or
    /// `super`.
    pub fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let supers = path.iter().take_while(|segment| *segment == "super").count();
        let (base, rest) = match path.first()?.as_str() {
            "crate" => (&[][..], &path[1..]),
            "self" => (&self.module[..], &path[1..]),
            "super" => (&self.module[..self.module.len().saturating_sub(supers)], &path[supers..]),
            _ => return None,
        };
        Some([base, rest].concat())
    }

    /// `file:line` of a path, for messages.
    pub fn place(&self, path: &NamedPath) -> String {
        format!("{}:{}", self.path, path.line)
    }
}

/// Parses Rust files, without test files and test items.
pub fn without_tests(files: &[File]) -> Vec<Source> {
    let mut sources: Vec<Source> = files.iter().map(|file| Source::new(&file.path, &file.text)).collect();
    let test_modules = |source: &Source| -> Vec<Vec<String>> {
        source
            .test_modules
            .iter()
            .map(|name| [&source.module[..], std::slice::from_ref(name)].concat())
            .collect()
    };
    let tests: Vec<Vec<String>> = sources.iter().flat_map(test_modules).collect();
    sources.retain(|source| !tests.iter().any(|test| source.module.starts_with(test)));
    sources
}

/// The index after the item that begins at `begin` with `#[cfg(test)]`, that is after its
/// `;` or its braces; `None` if no such item begins there.
pub fn test_item_end(tokens: &[TokenTree], begin: usize) -> Option<usize> {
    let is_cfg_test = |group: &TokenTree| group.to_string().replace(' ', "") == "[cfg(test)]";
    if !is_punct(tokens, begin, '#') || !tokens.get(begin + 1).is_some_and(is_cfg_test) {
        return None;
    }
    let is_end = |index: &usize| match &tokens[*index] {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => is_punct(tokens, *index, ';'),
    };
    Some((begin..tokens.len()).find(is_end).map_or(tokens.len(), |end| end + 1))
}

pub fn is_word(tokens: &[TokenTree], index: usize, expected: &str) -> bool {
    matches!(tokens.get(index), Some(TokenTree::Ident(word)) if word == expected)
}

pub fn is_punct(tokens: &[TokenTree], index: usize, expected: char) -> bool {
    matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

fn is_separator(tokens: &[TokenTree], index: usize) -> bool {
    is_punct(tokens, index, ':') && is_punct(tokens, index + 1, ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let source = Source::new("src/x.rs", text);
        source.paths.iter().map(|path| format!("{}:{}", path.line, path.segments.join("::"))).collect()
    }

    #[test]
    fn finds_paths_in_imports_code_and_macros() {
        let text = "use a::{self, b::{c as d, e}};\nuse {f, ::g::h};\nextern crate i;\n\
                    fn j() -> k::L { m::n::<o::P>::q(); <R>::s::t; assert!(u::v(x.y)) }";
        let expected = ["1:a", "1:a::b::c", "1:a::b::e", "2:f", "2:g::h", "3:i"];
        assert_eq!(paths(text)[..6], expected);
        assert_eq!(paths(text)[6..], ["4:k::L", "4:m::n", "4:o::P", "4:u::v"]);
    }

    #[test]
    fn ignores_comments_and_string_literals() {
        assert_eq!(
            paths("// a::b\n/* c::d /* e::f */ */ x(\"g::h\", r#\"i::j\"#, 'k'); /// l::m\n"),
            [""; 0]
        );
    }

    #[test]
    fn leaves_out_test_items() {
        let text = "use a;\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn f() { b::c() } }\nfn g() { d::e() }\n\
                    #[cfg(test)] use f::{g, h};\n#[cfg(not(test))] use i;";
        assert_eq!(paths(text), ["1:a", "5:d::e", "7:i"]);
    }

    #[test]
    fn leaves_out_test_files_and_their_modules() {
        let files = [
            File::new("src/a/mod.rs", "mod b; #[cfg(test)] mod tests; #[cfg(test)] pub mod fake;"),
            File::new("src/a/b.rs", "#[cfg(test)] mod deep;"),
            File::new("src/a/b/deep.rs", ""),
            File::new("src/a/fake.rs", ""),
            File::new("src/a/tests.rs", ""),
            File::new("src/a/tests/more.rs", ""),
            File::new("src/tests.rs", ""),
        ];
        let product: Vec<String> = without_tests(&files).into_iter().map(|source| source.path).collect();
        assert_eq!(product, ["src/a/mod.rs", "src/a/b.rs", "src/tests.rs"]);
    }

    #[test]
    fn resolves_relative_paths() {
        let source = Source::new(
            "src/a/b/mod.rs",
            "use super::c; use super::super::d; use self::e; use crate::f; use g;",
        );
        let absolute: Vec<_> = source
            .paths
            .iter()
            .map(|path| source.absolute(&path.segments).map(|path| path.join("::")))
            .collect();
        assert_eq!(
            absolute,
            [Some("a::c"), Some("d"), Some("a::b::e"), Some("f"), None].map(|path| path.map(str::to_owned))
        );
    }
}
