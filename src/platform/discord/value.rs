//! JSON values within a bound of memory: an empty list takes three bytes of text
//! and ten times as much once it is read.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Bytes that the values of one message or channel may take: twice as many as those
/// of the largest that Discord documents.
const MOST_BYTES: usize = 4 << 20;
/// Bytes of an item of a list, whose memory is doubled as it grows.
const ITEM_BYTES: usize = 2 * size_of::<Value>();
/// Bytes of a part of an object's fields, and of so many fields.
const NODE_BYTES: usize = 640;
const NODE_FIELDS: usize = 5;

/// Bytes that further values may take.
#[derive(Debug)]
pub struct Allowance(usize);

impl Default for Allowance {
    fn default() -> Self {
        Self(MOST_BYTES)
    }
}

impl Allowance {
    /// Reads a value.
    ///
    /// # Errors
    /// When it is none, or takes more than is left; nothing is taken then.
    pub fn parse(&mut self, json: &str) -> serde_json::Result<Value> {
        let mut left = self.0;
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let value = Within(&mut left).deserialize(&mut deserializer)?;
        deserializer.end()?;
        self.0 = left;
        Ok(value)
    }
}

struct Within<'a>(&'a mut usize);

impl Within<'_> {
    fn spend<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        *self.0 = self.0.checked_sub(bytes).ok_or_else(|| E::custom("it is larger than any real one"))?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Within<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Within<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<Value, E> {
        self.spend(text.len())?;
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Within(self.0))? {
            self.spend(ITEM_BYTES)?;
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let node = if fields.len().is_multiple_of(NODE_FIELDS) { NODE_BYTES } else { 0 };
            self.spend(node + name.len())?;
            let value = entries.next_value_seed(Within(self.0))?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_is() {
        for json in
            [r#"{"a":[1,-2,3.5,null,true,"\u00e9"],"b":{},"a":[]}"#, "[]", "\"\"", "1e400", "[1", "{}x"]
        {
            let expected = serde_json::from_str::<Value>(json).ok();
            assert_eq!(Allowance::default().parse(json).ok(), expected, "{json}");
        }
    }

    #[test]
    fn a_value_takes_no_more_than_its_allowance() {
        let mut allowance = Allowance::default();
        for json in ["[],", "{\"a\":1},", "\"aaaaaaaaaaaaaaaaaaaaaaaa\","] {
            let list = format!("[{}[]]", json.repeat(2_000_000 / json.len()));
            assert!(allowance.parse(&list).is_err(), "{json}");
            let short = format!("[{}[]]", json.repeat(1000));
            assert!(allowance.parse(&short).is_ok(), "{json}");
        }
        assert!(allowance.0 < MOST_BYTES);
    }
}
