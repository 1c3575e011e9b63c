//! POSIX access control lists, which the permission bits don't show.

use std::fs::File;

use rustix::fs::fgetxattr;
use rustix::io::Errno;

/// Where Linux keeps a file's list.
const ATTRIBUTE: &str = "system.posix_acl_access";
/// Bytes of the header, a version, and of each entry: a tag and permissions of 16
/// bits, an ID of 32, in little-endian order (`linux/posix_acl_xattr.h`).
const HEADER: usize = 4;
const ENTRY: usize = 8;
/// Tags of entries: a named user, a named group, and the mask that bounds both.
const USER: u16 = 0x02;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const WRITE: u16 = 0o2;
/// Bytes that are read; longer lists count as letting others write.
const MOST_BYTES: usize = 4096;

/// Whether a named user or group may write the file.
pub(super) fn lets_others_write(file: &File) -> bool {
    let mut bytes = [0; MOST_BYTES];
    match fgetxattr(file, ATTRIBUTE, &mut bytes[..]) {
        Ok(length) => names_writer(&bytes[..length]),
        // Without a list, or on a file system or system without any.
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => false,
        // Too long, or closed to this user.
        Err(_) => true,
    }
}

fn names_writer(list: &[u8]) -> bool {
    let entries: Vec<(u16, u16)> = list
        .get(HEADER..)
        .unwrap_or_default()
        .chunks_exact(ENTRY)
        .map(|entry| (u16::from_le_bytes([entry[0], entry[1]]), u16::from_le_bytes([entry[2], entry[3]])))
        .collect();
    let mask = entries.iter().find(|(tag, _)| *tag == MASK).map_or(WRITE, |(_, rights)| *rights);
    entries.iter().any(|(tag, rights)| matches!(*tag, USER | GROUP) && rights & mask & WRITE != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16)]) -> Vec<u8> {
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (tag, rights) in entries {
            list.extend(tag.to_le_bytes().into_iter().chain(rights.to_le_bytes()).chain([0; 4]));
        }
        list
    }

    #[test]
    fn a_named_user_or_group_that_may_write_is_found() {
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
