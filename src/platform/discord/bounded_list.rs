//! JSON lists of bounded length: parsing stops at lists longer than any that Discord
//! sends.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// A list of at most `MAX` items; a longer one is an error. Without the limit a small
/// body could exhaust memory: an item takes more memory than bytes of JSON.
#[derive(Debug)]
pub struct BoundedList<T, const MAX: usize>(pub Vec<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for BoundedList<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut list = Vec::new();
        for_each(deserializer, MAX, |item| list.push(item))?;
        Ok(Self(list))
    }
}

/// Passes the items of a list to `take` one by one, so that not all of them are in memory
/// at once.
///
/// # Errors
/// Returns an error if an item can't be parsed, or if there are more than `max` items.
/// The items before it were passed on.
pub fn for_each<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    max: usize,
    take: impl FnMut(T),
) -> Result<(), D::Error> {
    deserializer.deserialize_seq(Items { max, take, item: PhantomData })
}

struct Items<T, F> {
    max: usize,
    take: F,
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Items<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} items", self.max)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut taken = 0;
        while let Some(item) = items.next_element()? {
            taken += 1;
            if taken > self.max {
                return Err(A::Error::invalid_length(taken, &self));
            }
            (self.take)(item);
        }
        Ok(())
    }
}

impl<T, const MAX: usize> Default for BoundedList<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> std::ops::Deref for BoundedList<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> IntoIterator for BoundedList<T, MAX> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::BoundedList;

    #[test]
    fn only_a_list_that_is_too_long_is_an_error() {
        let parse = |json: &str| serde_json::from_str::<BoundedList<u8, 3>>(json).map(|list| list.0);
        assert!(parse("[]").unwrap().is_empty());
        assert_eq!(parse("[1,2,3]").unwrap(), [1, 2, 3]);
        assert!(parse("[1,2,3,4]").unwrap_err().to_string().contains("at most 3 items"));
        assert!(parse("{}").is_err());
    }
}
