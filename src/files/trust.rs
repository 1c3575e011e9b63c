//! Who controls a file that decides what happens to the bot token.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use super::{Named, acl};

/// Another user who could change a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Every user of this machine may write it.
    Everyone,
    /// A group may write it that is not this user's primary group.
    Group(u32),
    /// Its access control list lets a user or group write it.
    AccessList,
    /// It belongs to another user, who is not root.
    Owner(u32),
}

/// How this user came to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It was found at a place where files are looked for.
    Found,
    /// This user named it.
    Named,
}

impl Named {
    /// Someone besides this user, its primary group and root who controls the
    /// file. Another owner is accepted for a file that this user named
    /// and cannot write: so are files that are mounted into a container.
    pub fn controlled_by(&self, relation: Relation) -> Option<Control> {
        let metadata = self.metadata();
        let (mode, owner, group) = (metadata.mode(), metadata.uid(), metadata.gid());
        if mode & 0o002 != 0 {
            return Some(Control::Everyone);
        }
        if mode & 0o020 != 0 && group != getegid().as_raw() {
            return Some(Control::Group(group));
        }
        if acl::lets_others_write(self.file()) {
            return Some(Control::AccessList);
        }
        if owner == 0 || owner == geteuid().as_raw() {
            return None;
        }
        let is_mounted = relation == Relation::Named && !may_write(self.file());
        (!is_mounted).then_some(Control::Owner(owner))
    }
}

/// Asked of the open file: what its path leads to may be another one by now. Where
/// that can't be told, as without `/proc`, it counts as writable.
fn may_write(file: &File) -> bool {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let denied = [Errno::ACCESS, Errno::PERM, Errno::ROFS];
    !matches!(accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS), Err(error) if denied.contains(&error))
}
