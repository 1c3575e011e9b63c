//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

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
    /// A file of the repository.
    pub fn read(path: &str) -> Self {
        Self { path: path.to_owned(), text: read(path) }
    }

    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file that must be there.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("failed to read {path}: {error}"))
}

/// README.md, empty if there is none.
pub fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap_or_default()
}

/// Replaces a file.
pub fn write(path: &str, text: &str) {
    fs::write(root().join(path), text).unwrap_or_else(|error| panic!("failed to write {path}: {error}"));
}

/// The text files below a folder, sorted; none if there is no such folder.
pub fn below(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    collect(&root().join(folder), true, &mut files);
    files.sort_by(|one, two| one.path.cmp(&two.path));
    files
}

/// The text files of the repository.
pub fn all() -> Vec<File> {
    let mut files = Vec::new();
    collect(root(), false, &mut files);
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
            files.push(File { path: from_root(&path), text });
        }
    }
}

fn from_root(path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root()).expect("it lies below the root").into();
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[test]
fn the_walk_finds_files_of_every_kind() {
    let all = all();
    for path in ["Cargo.toml", "src/main.rs", "tests/tidy/files.rs", "migrations/V1__archive.sql"] {
        assert!(all.iter().any(|file| file.path == path), "{path}");
    }
    assert!(all.iter().all(|file| !file.path.starts_with("target/")));
}
