//! What a claim says: one value, or several, as in `roles: [reader, writer]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::glob::Glob;

/// The values of a claim, as text.
///
/// ```
/// use wardline::identity::Claim;
/// let roles: Claim = serde_json::from_str(r#"["reader", "writer"]"#).unwrap();
/// assert_eq!(roles.values(), ["reader", "writer"]);
/// assert_eq!(roles.only(), None);
/// assert_eq!(Claim::from("acme").only(), Some("acme"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    values: Vec<String>,
    /// Whether it says more than its values: objects and lists within it, of which rules say nothing.
    more: bool,
}

impl Claim {
    /// What a document says; `None` where it says nothing.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Array(elements) => {
                let values: Vec<String> = elements.iter().filter_map(plain).collect();
                Some(Self { more: values.len() < elements.len(), values })
            }
            one => {
                let values: Vec<String> = plain(one).into_iter().collect();
                Some(Self { more: values.is_empty(), values })
            }
        }
    }

    /// Its values; none of an empty list.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// The value of one that says one thing.
    pub fn only(&self) -> Option<&str> {
        match self.values.as_slice() {
            [one] if !self.more => Some(one),
            _ => None,
        }
    }

    /// Whether it says more than its values.
    pub fn says_more(&self) -> bool {
        self.more
    }

    /// Whether one of its values fits one of these.
    pub fn fits(&self, globs: &[Glob]) -> bool {
        self.values.iter().any(|value| globs.iter().any(|glob| glob.matches(value)))
    }
}

/// A single value as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

impl<T: Into<String>> From<T> for Claim {
    fn from(value: T) -> Self {
        Self { values: vec![value.into()], more: false }
    }
}

impl<T: Into<String>> FromIterator<T> for Claim {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self { values: values.into_iter().map(Into::into).collect(), more: false }
    }
}

/// One value is a text, others are a list; what else it says stands there as `null`.
impl Serialize for Claim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.only() {
            Some(one) => serializer.serialize_str(one),
            None => {
                let values = self.values.iter().map(|value| Some(value.as_str()));
                serializer.collect_seq(values.chain(self.more.then_some(None)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?)
            .ok_or_else(|| de::Error::custom("expected a claim: a text, or a list of them"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_no_plain_value_is_not_lost() {
        for (text, values, more, only) in [
            (r#""a""#, &["a"][..], false, Some("a")),
            ("7", &["7"], false, Some("7")),
            (r#"["a"]"#, &["a"], false, Some("a")),
            (r#"["a",true]"#, &["a", "true"], false, None),
            (r#"["a",{"b":1}]"#, &["a"], true, None),
            (r#"{"b":1}"#, &[], true, None),
            ("[]", &[], false, None),
        ] {
            let claim: Claim = serde_json::from_str(text).unwrap();
            assert_eq!(
                (claim.values(), claim.says_more(), claim.only()),
                (strings(values).as_slice(), more, only),
                "{text}"
            );
            let again: Claim = serde_json::from_str(&serde_json::to_string(&claim).unwrap()).unwrap();
            assert_eq!(again, claim, "{text}");
        }
        assert!(serde_json::from_str::<Claim>("null").is_err());
    }
}
