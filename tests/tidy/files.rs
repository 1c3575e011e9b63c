//! Reads and writes the files of the repository.

use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Folders with files of the repository.
const FOLDERS: [&str; 8] = ["src", "tests", "examples", "migrations", "benches", "docs", ".github", ".ci"];
/// Files in the root that belong to this working copy, not to the repository.
const IGNORED: [&str; 2] = [".git", "sync.toml"];

/// A text file.
#[derive(Debug, Clone)]
pub struct File {
    /// Path from the repository root, with slashes.
    pub path: String,
    /// The content.
    pub text: String,
}

impl File {
    /// A file with this path and content.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// The content of a file. Panics if it cannot be read.
pub fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path))
        .unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// The content of a file, an empty text for a folder or binary file, `None` if there is
/// neither.
pub fn read_if_exists(path: &str) -> Option<String> {
    let path = Path::new(ROOT).join(path);
    path.exists().then(|| fs::read_to_string(path).unwrap_or_default())
}

/// Replaces the content of a file.
pub fn write(path: &str, text: &str) {
    fs::write(Path::new(ROOT).join(path), text)
        .unwrap_or_else(|error| panic!("cannot write {path}: {error}"));
}

/// The text files below a folder, recursively and sorted by path; empty if there is no
/// such folder.
pub fn below(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    collect(&Path::new(ROOT).join(folder), true, &mut files);
    files.sort_by(|one, two| one.path.cmp(&two.path));
    files
}

/// The text files of the repository: those in its root and below its folders.
pub fn all() -> Vec<File> {
    let mut files = Vec::new();
    collect(Path::new(ROOT), false, &mut files);
    files.retain(|file| !IGNORED.contains(&file.path.as_str()));
    files.extend(FOLDERS.into_iter().flat_map(below));
    files
}

fn collect(folder: &Path, is_recursive: bool, files: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("the folder is readable").path()) {
        if path.is_dir() && is_recursive && !path.ends_with("target") {
            collect(&path, is_recursive, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(ROOT).expect("it lies below the root");
            files.push(File::new(&path.to_string_lossy().replace('\\', "/"), &text));
        }
    }
}

#[test]
fn finds_files_of_every_kind() {
    let all = all();
    for path in ["Cargo.toml", "src/main.rs", "tests/tidy/files.rs", "migrations/V1__archive.sql"] {
        assert!(all.iter().any(|file| file.path == path), "{path}");
    }
    assert!(all.iter().all(|file| !file.path.starts_with("target/")));
}
