//! Memory that is set aside for a value.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// Memory that stays set aside for a value for as long as this lives; anyone who takes
/// the value over takes this with it. Two of them are always equal.
#[derive(Clone, Default)]
pub struct Reservation(Option<Arc<dyn Any + Send + Sync>>);

impl Reservation {
    /// `permit` gives the memory back when it is dropped.
    pub fn new(permit: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(permit)))
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reservation").field(&self.0.is_some()).finish()
    }
}

impl PartialEq for Reservation {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Reservation {}
