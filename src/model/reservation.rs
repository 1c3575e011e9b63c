//! A share of a memory budget, tied to the value that uses it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// Holds a share of a memory budget until the last clone is dropped. It travels with the
/// value it was reserved for. Any two compare equal, so that it doesn't affect the
/// equality of that value.
#[derive(Clone, Default)]
pub struct MemoryReservation(Option<Arc<dyn Any + Send + Sync>>);

impl MemoryReservation {
    /// Wraps a permit that releases the memory when dropped.
    pub fn new(permit: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(permit)))
    }
}

impl fmt::Debug for MemoryReservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reservation").field(&self.0.is_some()).finish()
    }
}

impl PartialEq for MemoryReservation {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for MemoryReservation {}
