//! Kept fields that have no column of their own.

use serde_json::{Map, Value};

/// Numbers with so many digits may be somebody's ID.
const ID_DIGITS: usize = 15;

/// Kept fields as the text of one JSON object: the values would take many times
/// the memory. Numbers long enough to be an ID are text in it, so that a hash can
/// stand in their place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata(Option<Box<str>>);

impl From<Map<String, Value>> for Metadata {
    fn from(mut fields: Map<String, Value>) -> Self {
        if fields.is_empty() {
            return Self::default();
        }
        fields.values_mut().for_each(long_numbers_to_text);
        Self(Some(Value::Object(fields).to_string().into_boxed_str()))
    }
}

impl Metadata {
    /// The fields.
    pub fn fields(&self) -> Map<String, Value> {
        self.0.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(self, name: &str, value: Value) -> Self {
        let mut fields = self.fields();
        fields.insert(name.to_owned(), value);
        fields.into()
    }

    /// JSON; `None` when there are no fields.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// JSON; `None` when there are no fields.
    pub fn into_text(self) -> Option<String> {
        self.0.map(str::into_string)
    }
}

fn long_numbers_to_text(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let digits = number.to_string();
            if digits.len() >= ID_DIGITS {
                *value = digits.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(long_numbers_to_text),
        Value::Object(fields) => fields.values_mut().for_each(long_numbers_to_text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_come_back_and_long_numbers_as_text() {
        let Value::Object(fields) = json!({"a": [1, 123_456_789_012_345_u64], "b": "c"}) else {
            unreachable!()
        };
        let metadata = Metadata::from(fields).with("d", true.into());
        let expected = json!({"a": [1, "123456789012345"], "b": "c", "d": true});
        assert_eq!(Value::Object(metadata.fields()), expected);
        assert_eq!(metadata.text(), Some(expected.to_string().as_str()));
        assert_eq!(Metadata::from(Map::new()).into_text(), None);
    }
}
