//! What a request says beside its documents that their variables are.
//!
//! `{"query": "query($n: Int) { Get { Doc(limit: $n) { title } } }", "variables": {"n": 5}}` asks for five. What can be read
//! in two ways, such as a name that comes twice, is not read at all: a document takes it from nowhere then, and is open.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::classify::body::folded;

/// One map for each document, in their order.
pub(in crate::classify) type Variables = std::vec::IntoIter<Map<String, Value>>;

/// The variables beside each document of a body: of one, or of a list of them.
pub(in crate::classify) fn variables(body: &[u8]) -> Variables {
    let listed = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let read: Result<Vec<Request>, _> =
        if listed { serde_json::from_slice(body) } else { serde_json::from_slice(body).map(|one| vec![one]) };
    // They are told apart by their order, so each must be a document.
    let read = read.ok().filter(|all| all.iter().all(|one| one.document));
    read.unwrap_or_default().into_iter().map(|one| one.variables).collect::<Vec<_>>().into_iter()
}

/// What stands beside one document.
struct Request {
    document: bool,
    variables: Map<String, Value>,
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Request;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a document and what is given with it")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Request, A::Error> {
                let mut found = Request { document: false, variables: Map::new() };
                let mut said = 0_u32;
                while let Some(name) = map.next_key::<String>()? {
                    // In any case: some servers take them so, and then the later one, or both.
                    let is = |known: &str| name.chars().map(folded).eq(known.chars());
                    if is("query") {
                        found.document = map.next_value::<Value>()?.is_string();
                    } else if is("variables") {
                        said += 1;
                        found.variables =
                            map.next_value::<Option<Once>>()?.map(|once| once.0).unwrap_or_default();
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                if said > 1 {
                    found.variables = Map::new();
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Members that come once; those that come twice are null.
struct Once(Map<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Once;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values by the names of variables")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut found = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    let value = if found.contains_key(&name) { Value::Null } else { value };
                    found.insert(name, value);
                }
                Ok(Once(found))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::graphql::selections;
    use serde_json::json;

    /// What the first selection of a body is given, and what of it is open.
    fn said(body: &str) -> Option<(Value, Value)> {
        let text = "query($n: Int) { Get { Doc(limit: $n, where: $w, after: $a, offset: $o) { title } } }";
        let given = variables(body.replace("$Q", text).as_bytes()).next().unwrap_or_default();
        let found = selections(text, &given)?;
        let part = |name: &str| found.pointer(&format!("/0/{name}")).cloned().unwrap_or_default();
        Some((part("arguments"), part("open")))
    }

    #[test]
    fn a_variable_is_what_the_request_says() {
        let body = r#"{"query": "$Q", "variables": {"n": 5, "w": {"path": ["a"]}, "a": "x", "o": null}}"#;
        let expected = (json!({"limit": 5, "where": true, "after": "x"}), json!({"offset": true}));
        assert_eq!(said(body), Some(expected));
        let two = br#"[{"query": "a"}, {"query": "b", "variables": {"n": 1}}]"#;
        assert_eq!(variables(two).map(|map| map.len()).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_open() {
        let open = json!({"limit": true, "where": true, "after": true, "offset": true});
        for odd in [
            r#"{"query": "$Q"}"#,
            r#"{"query": "$Q", "variables": null}"#,
            r#"{"query": "$Q", "variables": {"n": 5}, "Variables": {"n": 10000}}"#,
            r#"{"query": "$Q", "variables": {"n": 5, "n": 10000}}"#,
            r#"{"query": "$Q", "variables": {"n": 1e3}}"#,
            r#"[{"query": "$Q", "variables": {"n": 5}}, {}]"#,
        ] {
            assert_eq!(said(odd), Some((json!({}), open.clone())), "{odd}");
        }
    }
}
