//! Searches bytes for everything that must not be written, in every encoding in which a
//! program might write it.

use std::collections::HashMap;
use std::fs;

use discord_sim::World;

use crate::util::{CommandOutput, Sandbox};

/// Minimum length of a trace in bytes: a shorter one could occur by chance.
const PREFIX_LEN: usize = 7;

/// Finds thousands of traces in one pass over the bytes.
pub struct Traces {
    /// Whether any trace begins with these two bytes.
    first_bytes: Vec<bool>,
    /// Indices into `patterns`, by the first bytes of the trace.
    by_prefix: HashMap<[u8; PREFIX_LEN], Vec<usize>>,
    /// Description and bytes of each trace.
    patterns: Vec<(String, Vec<u8>)>,
}

impl Traces {
    /// The traces of every user that the API can show, and of the token.
    pub fn of(sandbox: &Sandbox) -> Self {
        let world = sandbox.sim.world();
        let mut traces: Vec<(String, Vec<u8>)> = world
            .guilds()
            .iter()
            .flat_map(|(guild, _)| world.users(*guild))
            .flat_map(|user| forms_of(user.id).into_iter().chain(user.names.into_iter().map(name_trace)))
            .collect();
        assert!(traces.len() > 1000, "{} traces", traces.len());
        let token = sandbox.sim.token();
        traces.extend(forms_of_text("the token", &token));
        Self::new(traces)
    }

    fn new(traces: Vec<(String, Vec<u8>)>) -> Self {
        let mut first_bytes = vec![false; 1 << 16];
        let mut by_prefix: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, (_, bytes)) in
            traces.iter().enumerate().filter(|(_, (_, bytes))| bytes.len() >= PREFIX_LEN)
        {
            first_bytes[usize::from(bytes[0]) << 8 | usize::from(bytes[1])] = true;
            by_prefix.entry(bytes[..PREFIX_LEN].try_into().unwrap()).or_default().push(index);
        }
        Self { first_bytes, by_prefix, patterns: traces }
    }

    /// The description of the first trace in the bytes.
    pub fn find_in(&self, bytes: &[u8]) -> Option<&str> {
        bytes.windows(PREFIX_LEN).enumerate().find_map(|(offset, prefix)| {
            if !self.first_bytes[usize::from(prefix[0]) << 8 | usize::from(prefix[1])] {
                return None;
            }
            let candidates = self.by_prefix.get(prefix)?;
            let found =
                candidates.iter().find(|index| bytes[offset..].starts_with(&self.patterns[**index].1))?;
            Some(self.patterns[*found].0.as_str())
        })
    }

    #[track_caller]
    pub fn assert_none_in(&self, location: &str, bytes: &[u8]) {
        assert_eq!(self.find_in(bytes), None, "found in {location}");
    }

    #[track_caller]
    pub fn assert_none_printed(&self, command: &str, ran: &CommandOutput) {
        self.assert_none_in(&format!("stdout of {command}"), ran.stdout.as_bytes());
        self.assert_none_in(&format!("stderr of {command}"), ran.stderr.as_bytes());
    }

    /// Asserts that no file of the folder, the configuration aside, contains a trace.
    #[track_caller]
    pub fn assert_none_written(&self, sandbox: &Sandbox) {
        for (name, bytes) in written_files(sandbox) {
            self.assert_none_in(&name, &bytes);
        }
    }
}

/// Path and content of the archive and every file beside it, queues included; the
/// configuration is left out.
pub fn written_files(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![sandbox.dir.path().to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "sync.toml") {
                files.extend(fs::read(&path).map(|bytes| (path.display().to_string(), bytes)));
            }
        }
    }
    files
}

fn name_trace(name: String) -> (String, Vec<u8>) {
    (format!("the name {name}"), name.into_bytes())
}

fn forms_of(id: u64) -> Vec<(String, Vec<u8>)> {
    let subject = format!("user {id}");
    let mut forms = forms_of_text(&subject, &id.to_string());
    let numbers = [
        ("a big-endian number", id.to_be_bytes().to_vec()),
        ("a little-endian number", id.to_le_bytes().to_vec()),
        ("a number of SQLite's", varint(id)),
        ("hexadecimal", format!("{id:x}").into_bytes()),
        ("upper-case hexadecimal", format!("{id:X}").into_bytes()),
    ];
    forms.extend(numbers.map(|(form, bytes)| (format!("{subject} as {form}"), bytes)));
    forms
}

fn forms_of_text(subject: &str, text: &str) -> Vec<(String, Vec<u8>)> {
    let escaped = |escape: fn(u8) -> String| text.bytes().map(escape).collect::<String>().into_bytes();
    [
        ("text", text.as_bytes().to_vec()),
        ("UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("big-endian UTF-16", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("JSON escapes", escaped(|byte| format!("\\u{byte:04x}"))),
        ("an encoded address", escaped(|byte| format!("%{byte:02X}"))),
        ("an address encoded twice", escaped(|byte| format!("%25{byte:02x}"))),
        ("entities", escaped(|byte| format!("&#{byte};"))),
        ("hexadecimal entities", escaped(|byte| format!("&#x{byte:x};"))),
        ("JavaScript escapes", escaped(|byte| format!("\\x{byte:02x}"))),
        ("characters apart", escaped(|byte| format!("{}\u{200b}", char::from(byte)))),
        ("hyphenated characters", escaped(|byte| format!("{}\u{ad}", char::from(byte)))),
        (
            "wide characters",
            escaped(|byte| char::from_u32(u32::from(byte) + 0xfee0).map(String::from).unwrap()),
        ),
    ]
    .map(|(form, bytes)| (format!("{subject} as {form}"), bytes))
    .to_vec()
}

/// A number as a SQLite varint, the encoding of row IDs.
/// <https://www.sqlite.org/fileformat2.html#varint>
#[allow(clippy::cast_possible_truncation, reason = "a byte of a number")]
fn varint(number: u64) -> Vec<u8> {
    if number >= 1 << 56 {
        let head = (0..8).map(|index| (number >> (57 - 7 * index)) as u8 | 0x80);
        return head.chain([number as u8]).collect();
    }
    let length = (64 - number.leading_zeros()).div_ceil(7).max(1);
    (0..length)
        .rev()
        .map(|index| (number >> (7 * index)) as u8 & 0x7f | if index > 0 { 0x80 } else { 0 })
        .collect()
}

/// Finding no trace proves something only if every trace would be found.
#[test]
fn every_trace_is_found() {
    assert_eq!(varint(300), [0x82, 0x2c]);
    assert_eq!(varint(u64::MAX), [0xff; 9]);
    let sandbox = Sandbox::new(World::new(&discord_sim::Description::everything(11)));
    let traces = Traces::of(&sandbox);
    for (what, bytes) in traces.patterns.iter().filter(|(_, bytes)| bytes.len() >= PREFIX_LEN) {
        let around = [b"\0x", &bytes[..], b"\xff"].concat();
        assert!(traces.find_in(&around).is_some(), "{what} isn't found");
    }
    assert_eq!(traces.find_in(&b"nobody is here: 123456789012345678".repeat(10)), None);
}
