//! Parses what the user searches for.
//!
//! ```text
//! query  = any ; any = all {"OR" all} ; all = atom {atom}
//! atom   = ["-"] ( word ["*"] | '"' words '"' | "(" any ")" )
//! ```
//!
//! Words beside each other must all occur; `OR` binds less tightly than that.

use std::fmt;
use std::ops::Range;

use super::Folded;
use super::words::{CharClass, is_hidden, words};

/// Letters that a prefix needs at least: shorter ones begin too many words.
const MIN_PREFIX: usize = 2;
/// The problem of a term without a word. In a phrase it is a separator.
const NO_WORD: &str = "no letter or digit to search for";
/// Nested parentheses at most, so that a hostile query can't exhaust the stack.
const MAX_DEPTH: usize = 50;

/// A parsed query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// All of them must match.
    All(Vec<Query>),
    /// One of them must match.
    Any(Vec<Query>),
    /// It must not match.
    Not(Box<Query>),
    /// The terms must follow each other, with nothing but separators in between.
    Phrase(Vec<Term>),
}

/// What the user wrote without a space, such as `word`, `snake_case` or a URL. It must occur
/// in a text as it is, beginning and ending where a word does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The folded characters.
    pub chars: Vec<char>,
    /// Whether the last word of the text may go on.
    pub is_prefix: bool,
}

/// A word that a text must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredWord {
    /// The word, or its beginning.
    pub text: String,
    /// Whether the word of the text may go on.
    pub is_prefix: bool,
}

impl Term {
    /// The words that every text has that the term occurs in.
    pub fn required_words(&self) -> Vec<RequiredWord> {
        let class = |index: usize| CharClass::of(self.chars[index]);
        let required = |word: Range<usize>| {
            let is_prefix = match class(word.start) {
                // The last character of a run is a word by itself; in a text, another may
                // follow it.
                CharClass::Dense if word.len() == 1 => {
                    let has_pair = word.start > 0 && class(word.start - 1) == CharClass::Dense;
                    if has_pair {
                        return None;
                    }
                    true
                }
                CharClass::Letter => self.is_prefix && word.end == self.chars.len(),
                _ => false,
            };
            Some(RequiredWord { text: self.chars[word].iter().collect(), is_prefix })
        };
        words(&self.chars).into_iter().filter_map(required).collect()
    }
}

/// The query can't be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// Where, in characters from the beginning of the query.
    pub position: usize,
    /// What is wrong, and what to write.
    pub problem: &'static str,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {}", self.problem, self.position + 1)
    }
}

impl std::error::Error for QueryError {}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// Returns a [`QueryError`] with the position of what can't be understood.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut parser = Parser { chars: text.chars().collect(), position: 0 };
        let query = parser.any(0)?;
        parser.skip_spaces();
        if parser.position < parser.chars.len() {
            return Err(parser.error("\")\" without \"(\""));
        }
        if !query.has_required_word() {
            return Err(QueryError {
                position: 0,
                problem: "a word is needed that must occur, not only \"-\"",
            });
        }
        Ok(query)
    }

    /// The words and phrases that every match has.
    pub fn required_phrases(&self) -> Vec<&Self> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::required_phrases).collect(),
            Self::Any(_) | Self::Not(_) => Vec::new(),
            Self::Phrase(_) => vec![self],
        }
    }

    /// Whether only texts with a certain word can match.
    fn has_required_word(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::has_required_word),
            Self::Any(parts) => parts.iter().all(Self::has_required_word),
            Self::Not(_) => false,
            Self::Phrase(_) => true,
        }
    }
}

/// As the user could have written it, folded.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], join: &str| {
            for (index, part) in parts.iter().enumerate() {
                write!(f, "{}{part}", if index == 0 { "(" } else { join })?;
            }
            f.write_str(")")
        };
        match self {
            Self::All(parts) => list(f, parts, " "),
            Self::Any(parts) => list(f, parts, " OR "),
            Self::Not(part) => write!(f, "-{part}"),
            Self::Phrase(terms) => {
                for (index, term) in terms.iter().enumerate() {
                    let (space, star) =
                        (if index == 0 { "" } else { " " }, if term.is_prefix { "*" } else { "" });
                    write!(f, "{space}{}{star}", term.chars.iter().collect::<String>())?;
                }
                Ok(())
            }
        }
    }
}

struct Parser {
    chars: Vec<char>,
    position: usize,
}

impl Parser {
    fn any(&mut self, depth: usize) -> Result<Query, QueryError> {
        if depth > MAX_DEPTH {
            return Err(self.error("too many parentheses inside each other"));
        }
        let mut parts = vec![self.all(depth)?];
        while self.takes_or() {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Query::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Query, QueryError> {
        let mut parts = Vec::new();
        loop {
            self.skip_spaces();
            if self.peek().is_none_or(|char| char == ')') || self.is_at_or() {
                break;
            }
            parts.push(self.atom(depth)?);
        }
        if parts.is_empty() {
            return Err(self.error(match self.peek() {
                None if self.position == 0 || self.chars.iter().all(|char| char.is_whitespace()) => {
                    "an empty query"
                }
                None => "the query ends where a word is expected",
                Some(')') => "\")\" where a word is expected",
                Some(_) => "\"OR\" where a word is expected",
            }));
        }
        Ok(one_or(parts, Query::All))
    }

    fn atom(&mut self, depth: usize) -> Result<Query, QueryError> {
        if self.peek() == Some('-')
            && self.chars.get(self.position + 1).is_some_and(|next| !next.is_whitespace())
        {
            self.position += 1;
            if self.peek() == Some('-') {
                return Err(self.error("\"-\" twice"));
            }
            return Ok(Query::Not(Box::new(self.atom(depth)?)));
        }
        match self.peek() {
            Some('(') => {
                let start = self.position;
                self.position += 1;
                let query = self.any(depth + 1)?;
                self.skip_spaces();
                if self.peek() != Some(')') {
                    return Err(QueryError { position: start, problem: "\"(\" without \")\"" });
                }
                self.position += 1;
                Ok(query)
            }
            Some('"' | '\u{201c}' | '\u{201d}' | '\u{201e}') => self.phrase(),
            _ => self.word(),
        }
    }

    fn phrase(&mut self) -> Result<Query, QueryError> {
        let start = self.position;
        self.position += 1;
        let is_quote = |char: &char| matches!(char, '"' | '\u{201c}' | '\u{201d}');
        let length = self.chars[self.position..].iter().position(is_quote);
        let Some(length) = length else {
            return Err(QueryError { position: start, problem: "a phrase without its closing quote" });
        };
        let text: String = self.chars[self.position..self.position + length].iter().collect();
        self.position += length + 1;
        let problem = |problem| QueryError { position: start, problem };
        let mut words = text.split_whitespace().peekable();
        let mut terms = Vec::new();
        while let Some(word) = words.next() {
            // Only the last word may go on.
            let stem = word.strip_suffix('*').filter(|_| words.peek().is_none());
            match term(stem.unwrap_or(word), stem.is_some()) {
                Ok(term) => terms.push(term),
                Err(NO_WORD) => {}
                Err(other) => return Err(problem(other)),
            }
        }
        if terms.is_empty() { Err(problem("a phrase without a word")) } else { Ok(Query::Phrase(terms)) }
    }

    fn word(&mut self) -> Result<Query, QueryError> {
        let start = self.position;
        let ends =
            |char: char| char.is_whitespace() || matches!(char, '(' | ')' | '"' | '\u{201c}' | '\u{201d}');
        while self.peek().is_some_and(|char| !ends(char)) {
            self.position += 1;
        }
        let text: String = self.chars[start..self.position].iter().collect();
        let (text, is_prefix) = text.strip_suffix('*').map_or((text.as_str(), false), |stem| (stem, true));
        let term = term(text, is_prefix).map_err(|problem| QueryError { position: start, problem })?;
        Ok(Query::Phrase(vec![term]))
    }

    /// Whether the word `OR` stands here.
    fn is_at_or(&self) -> bool {
        let rest = &self.chars[self.position..];
        rest.starts_with(&['O', 'R']) && rest.get(2).is_none_or(|next| next.is_whitespace() || *next == '(')
    }

    fn takes_or(&mut self) -> bool {
        self.skip_spaces();
        let is_or = self.is_at_or();
        self.position += 2 * usize::from(is_or);
        is_or
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.position).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.position += 1;
        }
    }

    fn error(&self, problem: &'static str) -> QueryError {
        QueryError { position: self.position, problem }
    }
}

fn one_or(mut parts: Vec<Query>, join: fn(Vec<Query>) -> Query) -> Query {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

/// A term, or why it can't be searched for.
fn term(text: &str, is_prefix: bool) -> Result<Term, &'static str> {
    let term = Term { chars: Folded::of(text).chars().to_vec(), is_prefix };
    let words = words(&term.chars);
    let hidden = |run: &[char]| {
        run.first().is_some_and(|char| CharClass::of(*char) == CharClass::Letter) && is_hidden(run)
    };
    if term.chars.chunk_by(|one, next| CharClass::of(*one) == CharClass::of(*next)).any(hidden) {
        return Err("long numbers and hashes are not searched for; use --author, or SQL");
    }
    let Some(last) = words.last() else { return Err(NO_WORD) };
    let is_short = last.len() < MIN_PREFIX && CharClass::of(term.chars[last.start]) == CharClass::Letter;
    if is_prefix && words.len() == 1 && is_short {
        return Err("a prefix needs at least two letters");
    }
    Ok(term)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &Query) -> String {
        let list = |parts: &[Query], join: &str| parts.iter().map(shown).collect::<Vec<_>>().join(join);
        match query {
            Query::All(parts) => format!("({})", list(parts, " & ")),
            Query::Any(parts) => format!("({})", list(parts, " | ")),
            Query::Not(part) => format!("!{}", shown(part)),
            Query::Phrase(terms) => {
                let term = |term: &Term| {
                    term.chars.iter().collect::<String>() + if term.is_prefix { "*" } else { "" }
                };
                terms.iter().map(term).collect::<Vec<_>>().join("~")
            }
        }
    }

    #[test]
    fn words_phrases_and_operators_are_parsed() {
        for (text, expected) in [
            ("Hello", "hello"),
            ("a b", "(a & b)"),
            ("a b OR c", "((a & b) | c)"),
            ("a (b OR c)", "(a & (b | c))"),
            ("a -b -\"c d\"", "(a & !b & !c~d)"),
            ("a -(b OR c)", "(a & !(b | c))"),
            ("\"Hello, World\"", "hello,~world"),
            ("pre* v1.2.3", "(pre* & v1.2.3)"),
            ("c++ - or", "(c++ & or)"),
            ("a(b)c", "(a & b & c)"),
            ("https://A.b/C?d=e", "https://a.b/c?d=e"),
            ("\"one - tw*\"", "one~tw*"),
            ("ORDER", "order"),
            ("東*", "東*"),
        ] {
            let parsed = Query::parse(text).map(|query| shown(&query));
            if text.starts_with("c++ - ") {
                assert_eq!(parsed.unwrap_err().problem, "no letter or digit to search for", "{text}");
            } else {
                assert_eq!(parsed.as_deref(), Ok(expected), "{text}");
            }
        }
    }

    #[test]
    fn errors_name_the_position() {
        for (text, position, problem) in [
            ("", 0, "an empty query"),
            ("  ", 2, "an empty query"),
            ("a OR", 4, "the query ends where a word is expected"),
            ("OR a", 0, "\"OR\" where a word is expected"),
            ("a OR OR b", 5, "\"OR\" where a word is expected"),
            ("(a", 0, "\"(\" without \")\""),
            ("a ()", 3, "\")\" where a word is expected"),
            ("a)", 1, "\")\" without \"(\""),
            ("é \"a b", 2, "a phrase without its closing quote"),
            ("a \"\"", 2, "a phrase without a word"),
            (
                "\"a 80351110224678912\"",
                0,
                "long numbers and hashes are not searched for; use --author, or SQL",
            ),
            ("a ++", 2, "no letter or digit to search for"),
            ("-a", 0, "a word is needed that must occur, not only \"-\""),
            ("a OR -b", 0, "a word is needed that must occur, not only \"-\""),
            ("--a", 1, "\"-\" twice"),
            ("ab x*", 3, "a prefix needs at least two letters"),
            ("80351110224678912", 0, "long numbers and hashes are not searched for; use --author, or SQL"),
        ] {
            let error = Query::parse(text).unwrap_err();
            assert_eq!((error.position, error.problem), (position, problem), "{text}");
        }
        assert_eq!(Query::parse("a)").unwrap_err().to_string(), "\")\" without \"(\" at character 2");
    }

    #[test]
    fn random_queries_never_panic() {
        let parts =
            ["a", "東京", " ", "\"", "(", ")", "-", "OR", "*", "é", "👍", "c++", "12345678901234567", "“"];
        let mut rng = fastrand::Rng::with_seed(5);
        let mut parsed = 0;
        for _ in 0..5000 {
            let text: String = (0..rng.usize(..9)).map(|_| parts[rng.usize(..parts.len())]).collect();
            match Query::parse(&text) {
                Ok(query) => {
                    parsed += 1;
                    assert!(query.has_required_word());
                }
                Err(error) => assert!(error.position <= text.chars().count(), "{text}: {error}"),
            }
        }
        assert!(parsed > 500, "{parsed}");
        assert!(Query::parse(&"(".repeat(10_000)).is_err());
        assert!(Query::parse(&format!("a {}", "-".repeat(10_000))).is_err());
    }
}
