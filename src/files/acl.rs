//! Reads POSIX access control lists, whose entries the permission bits don't show.

use std::fs::File;

use rustix::fs::fgetxattr;
use rustix::io::Errno;

/// The extended attribute in which Linux stores a file's access control list.
const ATTRIBUTE: &str = "system.posix_acl_access";
/// The header: a version of 32 bits (`linux/posix_acl_xattr.h`).
const HEADER_BYTES: usize = 4;
/// An entry: a tag and permissions of 16 bits each and an ID of 32 bits, little-endian.
const ENTRY_BYTES: usize = 8;
/// Tags of entries: a named user, a named group, and the mask that limits both.
const USER: u16 = 0x02;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
/// The write permission.
const WRITE: u16 = 0o2;
/// The longest list that is read. Longer ones count as writable by others.
const MAX_LIST_BYTES: usize = 4096;

/// Whether the list lets a named user or group write the file. True if that is unknown.
pub(super) fn lets_others_write(file: &File) -> bool {
    let mut bytes = [0; MAX_LIST_BYTES];
    match fgetxattr(file, ATTRIBUTE, &mut bytes[..]) {
        Ok(length) => names_writer(&bytes[..length]),
        // The file has no list, or the file system or kernel doesn't support them.
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => false,
        // The list is too long or can't be read.
        Err(_) => true,
    }
}

/// Whether a list in its binary form lets a named user or group write.
fn names_writer(list: &[u8]) -> bool {
    let entries: Vec<(u16, u16)> = list
        .get(HEADER_BYTES..)
        .unwrap_or_default()
        .chunks_exact(ENTRY_BYTES)
        .map(|entry| (u16::from_le_bytes([entry[0], entry[1]]), u16::from_le_bytes([entry[2], entry[3]])))
        .collect();
    let mask = entries.iter().find(|(tag, _)| *tag == MASK).map_or(WRITE, |(_, permissions)| *permissions);
    entries.iter().any(|(tag, permissions)| matches!(*tag, USER | GROUP) && permissions & mask & WRITE != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16)]) -> Vec<u8> {
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (tag, permissions) in entries {
            list.extend(tag.to_le_bytes().into_iter().chain(permissions.to_le_bytes()).chain([0; 4]));
        }
        list
    }

    #[test]
    fn detects_named_users_and_groups_with_write_permission() {
        let (owner, owners_group, others) = ((0x01, 6), (0x04, 6), (0x20, 4));
        for (named, mask, expected) in
            [((USER, 6), 6, true), ((GROUP, 2), 7, true), ((USER, 6), 4, false), ((USER, 4), 6, false)]
        {
            let list = list(&[owner, named, owners_group, (MASK, mask), others]);
            assert_eq!(names_writer(&list), expected, "{named:?} under {mask}");
        }
        assert!(!names_writer(&list(&[owner, owners_group, others])));
        assert!(!names_writer(b"") && !names_writer(b"\x02\0"));
    }
}
