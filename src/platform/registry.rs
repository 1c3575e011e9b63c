//! The platforms that can be archived, and how their adapters are made.

use std::sync::Arc;

use super::{AdapterSettings, ConnectError, PlatformAdapter, discord};
use crate::model::{PlatformSpec, Platforms};

/// What makes an adapter, given its settings and the token.
pub type Connect = fn(&AdapterSettings, &str) -> Result<Arc<dyn PlatformAdapter>, ConnectError>;

/// A platform and its adapter.
pub struct Registered {
    /// What the program knows of it without asking it.
    pub spec: &'static PlatformSpec,
    /// Makes its adapter, which connects to nothing yet.
    pub connect: Connect,
}

/// Platforms that a program knows, the default first.
#[derive(Clone, Copy)]
pub struct Registry {
    /// What is known of each.
    pub specs: Platforms,
    /// The same with their adapters.
    pub registered: &'static [Registered],
}

/// Every platform, the default first. Apart from `platform/discord`, which
/// `platform/mod.rs` declares, this is the only place that names one.
const REGISTERED: [Registered; 1] = [Registered { spec: &discord::SPEC, connect: discord::connect }];

const SPECS: [&PlatformSpec; REGISTERED.len()] = specs(&REGISTERED);

/// The platforms of this program.
pub const REGISTRY: Registry = Registry { specs: &SPECS, registered: &REGISTERED };

/// What is known of the platforms of this program.
pub const PLATFORMS: Platforms = REGISTRY.specs;

/// What is known of platforms, for a [`Registry`] of them.
pub const fn specs<const N: usize>(registered: &[Registered; N]) -> [&'static PlatformSpec; N] {
    let mut specs = [registered[0].spec; N];
    let mut index = 1;
    while index < N {
        specs[index] = registered[index].spec;
        index += 1;
    }
    specs
}

impl Registry {
    /// Makes the adapter of a platform.
    ///
    /// # Errors
    /// When the address or the token can't be put into a request.
    pub fn connect(
        &self,
        spec: &PlatformSpec,
        settings: &AdapterSettings,
        token: &str,
    ) -> Result<Arc<dyn PlatformAdapter>, ConnectError> {
        let registered = self.registered.iter().find(|registered| registered.spec == spec);
        let unknown = || ConnectError(format!("this program has no adapter for {}", spec.title));
        registered.ok_or_else(unknown).and_then(|registered| (registered.connect)(settings, token))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.specs.iter().map(|spec| spec.name)).finish()
    }
}
