//! The platforms that can be archived, each with the constructor of its adapter.

use std::sync::Arc;

use super::{AdapterSettings, ConnectError, PlatformAdapter, discord};
use crate::model::{PlatformSpec, Platforms};

/// Constructor of an adapter, from its settings and the token.
pub type Connect = fn(&AdapterSettings, &str) -> Result<Arc<dyn PlatformAdapter>, ConnectError>;

/// A platform and its adapter.
pub struct RegisteredPlatform {
    /// Static facts about the platform.
    pub spec: &'static PlatformSpec,
    /// Creates its adapter, without connecting.
    pub connect: Connect,
}

/// The platforms of a program, the default first.
#[derive(Clone, Copy)]
pub struct Registry {
    /// Static facts about each platform.
    pub specs: Platforms,
    /// The same platforms with their constructors, in the same order.
    pub platforms: &'static [RegisteredPlatform],
}

/// Every platform of this program, the default first. The only place that names one,
/// apart from the declaration of its module in `platform/mod.rs`.
const REGISTERED: [RegisteredPlatform; 1] =
    [RegisteredPlatform { spec: &discord::SPEC, connect: discord::connect }];

const SPECS: [&PlatformSpec; REGISTERED.len()] = specs(&REGISTERED);

/// The platforms of this program.
pub const REGISTRY: Registry = Registry { specs: &SPECS, platforms: &REGISTERED };

/// Static facts about the platforms of this program.
pub const PLATFORMS: Platforms = REGISTRY.specs;

/// The specs of registered platforms, as a [`Registry`] needs them.
pub const fn specs<const N: usize>(registered: &[RegisteredPlatform; N]) -> [&'static PlatformSpec; N] {
    let mut specs = [registered[0].spec; N];
    let mut index = 1;
    while index < N {
        specs[index] = registered[index].spec;
        index += 1;
    }
    specs
}

impl Registry {
    /// Creates the adapter of a platform.
    ///
    /// # Errors
    /// Returns [`ConnectError`] if the platform isn't registered, or if no request can
    /// hold the address or the token.
    pub fn connect(
        &self,
        spec: &PlatformSpec,
        settings: &AdapterSettings,
        token: &str,
    ) -> Result<Arc<dyn PlatformAdapter>, ConnectError> {
        let registered = self.platforms.iter().find(|registered| registered.spec == spec);
        let unknown = || ConnectError(format!("this program has no adapter for {}", spec.title));
        registered.ok_or_else(unknown).and_then(|registered| (registered.connect)(settings, token))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.specs.iter().map(|spec| spec.name)).finish()
    }
}
