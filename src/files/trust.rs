//! Determines which other users can change a file that decides where the bot token goes.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use super::{NamedFile, acl};

/// The other users who can change a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignWriter {
    /// All users of this machine may write it.
    Everyone,
    /// The members of a group other than this user's primary group may write it.
    Group(u32),
    /// Its access control list lets a named user or group write it.
    AccessList,
    /// It is owned by another user, who is not root.
    Owner(u32),
}

/// How the path of a file was determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathOrigin {
    /// From an environment variable or a default location.
    Default,
    /// From a flag or the configuration.
    Explicit,
}

impl NamedFile {
    /// Who can change the file besides this user, the user's primary group and root;
    /// `None` if nobody. Another owner is accepted if this user named the file and can't
    /// write it, as with files mounted into a container.
    pub fn foreign_writer(&self, origin: PathOrigin) -> Option<ForeignWriter> {
        let metadata = self.metadata();
        let (mode, owner, group) = (metadata.mode(), metadata.uid(), metadata.gid());
        if mode & 0o002 != 0 {
            return Some(ForeignWriter::Everyone);
        }
        if mode & 0o020 != 0 && group != getegid().as_raw() {
            return Some(ForeignWriter::Group(group));
        }
        if acl::lets_others_write(self.file()) {
            return Some(ForeignWriter::AccessList);
        }
        if owner == 0 || owner == geteuid().as_raw() {
            return None;
        }
        let is_mounted = origin == PathOrigin::Explicit && !may_write(self.file());
        (!is_mounted).then_some(ForeignWriter::Owner(owner))
    }
}

/// Whether this user may write the file. Checks the open file, because its path may lead
/// to another one by now. True if that can't be determined, as without `/proc`.
fn may_write(file: &File) -> bool {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let denied = [Errno::ACCESS, Errno::PERM, Errno::ROFS];
    !matches!(accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS), Err(error) if denied.contains(&error))
}
