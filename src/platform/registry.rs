//! The platforms that can be archived.

use super::discord;
use crate::model::Platforms;

/// Every platform, the default first. Apart from `platform/discord`, this is the
/// only place that names one.
pub const PLATFORMS: Platforms = &[&discord::SPEC];
