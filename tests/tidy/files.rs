//! The files of the repository.

use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Where a repository's files are besides its root.
const FOLDERS: [&str; 8] = ["src", "tests", "examples", "migrations", "benches", "docs", ".github", ".ci"];
/// Files of the root that are nobody's but this copy's.
const PRIVATE: [&str; 2] = [".git", "sync.toml"];

/// A text file.
#[derive(Debug, Clone)]
pub struct File {
    /// From the root, with slashes.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl File {
    /// A file of this text.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// The text of a file that must be there.
pub fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path))
        .unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// Replaces a file.
pub fn write(path: &str, text: &str) {
    fs::write(Path::new(ROOT).join(path), text)
        .unwrap_or_else(|error| panic!("cannot write {path}: {error}"));
}

/// The text files below a folder, sorted; none if there is no such folder.
pub fn below(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    collect(&Path::new(ROOT).join(folder), true, &mut files);
    files.sort_by(|one, two| one.path.cmp(&two.path));
    files
}

/// The text files of the repository.
pub fn all() -> Vec<File> {
    let mut files = Vec::new();
    collect(Path::new(ROOT), false, &mut files);
    files.retain(|file| !PRIVATE.contains(&file.path.as_str()));
    files.extend(FOLDERS.into_iter().flat_map(below));
    files
}

fn collect(folder: &Path, is_deep: bool, files: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("the folder is readable").path()) {
        if path.is_dir() && is_deep && !path.ends_with("target") {
            collect(&path, is_deep, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(ROOT).expect("it lies below the root");
            files.push(File::new(&path.to_string_lossy().replace('\\', "/"), &text));
        }
    }
}

#[test]
fn the_walk_finds_files_of_every_kind() {
    let all = all();
    for path in ["Cargo.toml", "src/main.rs", "tests/tidy/files.rs", "migrations/V1__archive.sql"] {
        assert!(all.iter().any(|file| file.path == path), "{path}");
    }
    assert!(all.iter().all(|file| !file.path.starts_with("target/")));
}
