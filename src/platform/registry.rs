//! The platforms that can be archived.

use super::discord;
use crate::model::PlatformSpec;

/// Every platform, the default first. Apart from `platform/discord`, this is the
/// only place that names one.
pub const PLATFORMS: &[&PlatformSpec] = &[&discord::SPEC];
