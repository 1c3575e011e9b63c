//! Parses JSON values within a memory budget, because a small text can become a large
//! value: an empty list takes three bytes of text and ten times as much once parsed.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Memory budget for the values of one message or channel, in bytes: twice what the
/// largest one that Discord documents takes.
const MAX_BYTES: usize = 4 << 20;
/// Bytes per list item; twice its size, because a growing `Vec` doubles its capacity.
const ITEM_BYTES: usize = 2 * size_of::<Value>();
/// Bytes of a B-tree node of an object's fields.
const NODE_BYTES: usize = 640;
/// Fewest fields of a node, except for the root.
const NODE_FIELDS: usize = 5;

/// Memory left for further values, in bytes.
#[derive(Debug)]
pub struct MemoryBudget(usize);

impl Default for MemoryBudget {
    fn default() -> Self {
        Self(MAX_BYTES)
    }
}

impl MemoryBudget {
    /// Parses a value and deducts the memory that it takes.
    ///
    /// # Errors
    /// Returns an error if `json` isn't valid or its value exceeds what is left;
    /// the budget is unchanged then.
    pub fn parse(&mut self, json: &str) -> serde_json::Result<Value> {
        let mut left = self.0;
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let value = BudgetedValue(&mut left).deserialize(&mut deserializer)?;
        deserializer.end()?;
        self.0 = left;
        Ok(value)
    }
}

/// Seed and visitor that deduct each part of a value from the bytes left.
struct BudgetedValue<'a>(&'a mut usize);

impl BudgetedValue<'_> {
    fn spend<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        *self.0 = self.0.checked_sub(bytes).ok_or_else(|| E::custom("it exceeds the size limit"))?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for BudgetedValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BudgetedValue<'_> {
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
        while let Some(item) = items.next_element_seed(BudgetedValue(self.0))? {
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
            let value = entries.next_value_seed(BudgetedValue(self.0))?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_values_as_serde_json_does() {
        for json in
            [r#"{"a":[1,-2,3.5,null,true,"\u00e9"],"b":{},"a":[]}"#, "[]", "\"\"", "1e400", "[1", "{}x"]
        {
            let expected = serde_json::from_str::<Value>(json).ok();
            assert_eq!(MemoryBudget::default().parse(json).ok(), expected, "{json}");
        }
    }

    #[test]
    fn rejects_values_larger_than_the_allowance() {
        let mut budget = MemoryBudget::default();
        for json in ["[],", "{\"a\":1},", "\"aaaaaaaaaaaaaaaaaaaaaaaa\","] {
            let list = format!("[{}[]]", json.repeat(2_000_000 / json.len()));
            assert!(budget.parse(&list).is_err(), "{json}");
            let short = format!("[{}[]]", json.repeat(1000));
            assert!(budget.parse(&short).is_ok(), "{json}");
        }
        assert!(budget.0 < MAX_BYTES);
    }
}
