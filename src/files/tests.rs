use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use rustix::process::{getegid, geteuid};
use tempfile::TempDir;

use super::*;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        // The folder for temporary files may itself be a symbolic link.
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn file(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, "text").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }
}

fn kind_of(path: &Path) -> FileKind {
    match NamedFile::open(path).unwrap_err() {
        FileError::NotRegular { kind, .. } => kind,
        other => panic!("{other}"),
    }
}

#[test]
fn resolves_paths_even_if_the_file_is_missing() {
    let folder = Folder::new();
    let file = folder.file("file", 0o600);
    fs::create_dir(folder.path("data")).unwrap();
    symlink("file", folder.path("link")).unwrap();
    symlink("data/new", folder.path("dangling")).unwrap();
    symlink("data", folder.path("folder")).unwrap();
    symlink("circle", folder.path("circle")).unwrap();
    for (path, resolved) in [
        ("file", file.clone()),
        ("data/../link", file),
        ("dangling", folder.path("data/new")),
        ("folder/new", folder.path("data/new")),
        ("missing", folder.path("missing")),
    ] {
        assert_eq!(resolve(&folder.path(path)).unwrap(), resolved, "{path}");
    }
    assert!(resolve(&folder.path("circle")).is_err());
    assert!(resolve(&folder.path("no/such/folder")).is_err());
}

#[test]
fn named_files_may_be_symbolic_links_to_regular_files_only() {
    let folder = Folder::new();
    folder.file("file", 0o600);
    symlink("file", folder.path("link")).unwrap();
    let named = NamedFile::open(&folder.path("link")).unwrap();
    assert_eq!((named.read(4).unwrap(), named.head(2).unwrap().len()), (b"text".to_vec(), 0));
    let named = NamedFile::open(&folder.path("link")).unwrap();
    assert!(matches!(named.read(3), Err(FileError::TooLarge { max_bytes: 3, .. })));
    assert_eq!(kind_of(folder.0.path()), FileKind::Folder);
    assert_eq!(kind_of(Path::new("/dev/null")), FileKind::Device);
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path("pipe"), rustix::fs::Mode::RWXU).unwrap();
    assert_eq!(kind_of(&folder.path("pipe")), FileKind::Pipe);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    assert_eq!(kind_of(&folder.path("socket")), FileKind::Socket);
}

#[test]
fn own_files_may_not_be_links_and_keep_their_mode() {
    let folder = Folder::new();
    let file = folder.file("file", 0o644);
    symlink(&file, folder.path("link")).unwrap();
    assert!(open_own_file(&folder.path("missing"), true).unwrap().is_none());
    assert!(open_own_file(&file, true).unwrap().is_some());
    let link = open_own_file(&folder.path("link"), true);
    assert!(matches!(link, Err(FileError::NotRegular { kind: FileKind::SymbolicLink, .. })));
    assert!(create_own_file(&file, 0o600).unwrap().is_none(), "an existing file is left alone");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    create_own_file(&folder.path("new"), 0o666).unwrap().unwrap();
    assert_eq!(fs::metadata(folder.path("new")).unwrap().permissions().mode() & 0o777, 0o666);
    fs::hard_link(&file, folder.path("second")).unwrap();
    assert!(matches!(open_own_file(&file, false), Err(FileError::HardLinked { links: 2, .. })));
    assert!(matches!(check_own_file(&file), Err(FileError::HardLinked { .. })));
}

#[test]
fn an_own_folder_gives_access_only_to_its_regular_files() {
    let folder = Folder::new();
    let outside = folder.file("outside", 0o600);
    let own = OwnFolder::open_or_create(&folder.path("own"), 0o700).unwrap();
    symlink(&outside, folder.path("own/link")).unwrap();
    fs::hard_link(&outside, folder.path("own/hard")).unwrap();
    fs::create_dir(folder.path("own/folder")).unwrap();
    own.create_file("a".as_ref(), 0o640).unwrap();
    assert!(own.create_file("a".as_ref(), 0o640).is_err());
    assert_eq!(own.files().unwrap(), ["a", "hard"]);
    assert!(own.open_file("a".as_ref()).unwrap().is_some());
    assert!(own.open_file("missing".as_ref()).unwrap().is_none());
    assert!(own.open_file("link".as_ref()).is_err());
    assert!(own.open_file("hard".as_ref()).is_err());
    own.rename("a".as_ref(), "b".as_ref()).unwrap();
    own.remove("b".as_ref()).unwrap();
    own.remove("b".as_ref()).unwrap();
    own.remove_if_empty();
    assert!(folder.path("own/link").is_symlink(), "a nonempty folder is kept");
    symlink(folder.path("own"), folder.path("to_own")).unwrap();
    let linked = OwnFolder::open(&folder.path("to_own"));
    assert!(matches!(linked, Err(FileError::NotRegular { kind: FileKind::SymbolicLink, .. })));
    assert!(OwnFolder::open(&outside).is_err());
}

#[test]
fn reports_other_users_who_may_change_a_file() {
    let folder = Folder::new();
    let foreign_writer = |path: &Path, origin| NamedFile::open(path).unwrap().foreign_writer(origin);
    for (mode, expected) in [
        (0o600, None),
        (0o644, None),
        (0o666, Some(ForeignWriter::Everyone)),
        (0o602, Some(ForeignWriter::Everyone)),
    ] {
        let path = folder.file(&format!("{mode:o}"), mode);
        assert_eq!(foreign_writer(&path, PathOrigin::Default), expected, "{mode:o}");
        assert_eq!(foreign_writer(&path, PathOrigin::Explicit), expected, "{mode:o}");
    }
    let shared = folder.file("shared", 0o660);
    chown(&shared, None, Some(getegid().as_raw())).unwrap();
    assert_eq!(foreign_writer(&shared, PathOrigin::Default), None);
    if geteuid().is_root() {
        chown(&shared, None, Some(4711)).unwrap();
        assert_eq!(foreign_writer(&shared, PathOrigin::Explicit), Some(ForeignWriter::Group(4711)));
        let foreign = folder.file("foreign", 0o644);
        chown(&foreign, Some(4711), None).unwrap();
        // Root may write it.
        assert_eq!(foreign_writer(&foreign, PathOrigin::Explicit), Some(ForeignWriter::Owner(4711)));
    }
}
