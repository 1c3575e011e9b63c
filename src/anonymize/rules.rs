//! The rules of an archive.

use super::{HashScheme, Scrubber};
use crate::model::{PlatformSpec, Platforms};

/// The rules of an archive: whose IDs they find, and how they hash them.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The platforms whose texts the archive may hold.
    pub platforms: Platforms,
    /// How users are hashed.
    pub scheme: HashScheme,
}

impl Rules {
    /// Rules that hash plainly.
    pub const fn plain(platforms: Platforms) -> Self {
        Self { platforms, scheme: HashScheme::Plain }
    }

    /// The scrubbers of all platforms.
    pub fn scrubbers(self) -> impl Iterator<Item = Scrubber> {
        self.platforms.iter().map(move |platform| Scrubber::new(platform, self.scheme))
    }

    /// The platform with this name; `None` if it isn't supported.
    pub fn platform(self, name: &str) -> Option<&'static PlatformSpec> {
        PlatformSpec::find(self.platforms, name)
    }
}
