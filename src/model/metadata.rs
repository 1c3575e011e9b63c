//! Archived fields that have no column of their own.

use serde_json::{Map, Value};

/// Archived fields as the text of one JSON object: parsed values would take many times
/// the memory. Numbers that may be an ID are stored as strings, so that a hash can
/// replace them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata(Option<Box<str>>);

impl Metadata {
    /// Serializes the fields. `may_be_id` tells whether a number's decimal text may be
    /// an ID of the platform.
    pub fn new(mut fields: Map<String, Value>, may_be_id: fn(&str) -> bool) -> Self {
        fields.values_mut().for_each(|value| ids_to_text(value, may_be_id));
        Self::of(fields)
    }

    fn of(fields: Map<String, Value>) -> Self {
        if fields.is_empty() {
            return Self::default();
        }
        Self(Some(Value::Object(fields).to_string().into_boxed_str()))
    }

    /// Parses the fields.
    pub fn fields(&self) -> Map<String, Value> {
        self.0.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The same with one more field, whose value must hold no ID.
    #[must_use]
    pub fn with(self, name: &str, value: Value) -> Self {
        let mut fields = self.fields();
        fields.insert(name.to_owned(), value);
        Self::of(fields)
    }

    /// The JSON text; `None` if there are no fields.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The JSON text; `None` if there are no fields.
    pub fn into_text(self) -> Option<String> {
        self.0.map(str::into_string)
    }
}

fn ids_to_text(value: &mut Value, may_be_id: fn(&str) -> bool) {
    match value {
        Value::Number(number) => {
            let digits = number.to_string();
            if may_be_id(&digits) {
                *value = digits.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| ids_to_text(item, may_be_id)),
        Value::Object(fields) => fields.values_mut().for_each(|field| ids_to_text(field, may_be_id)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_round_trip_and_ids_become_strings() {
        let Value::Object(fields) = json!({"a": [1, 123_456_789_012_345_u64], "b": "c"}) else {
            unreachable!()
        };
        let metadata = Metadata::new(fields, |digits| digits.len() >= 15).with("d", true.into());
        let expected = json!({"a": [1, "123456789012345"], "b": "c", "d": true});
        assert_eq!(Value::Object(metadata.fields()), expected);
        assert_eq!(metadata.text(), Some(expected.to_string().as_str()));
        assert_eq!(Metadata::new(Map::new(), |_| true).into_text(), None);
    }
}
