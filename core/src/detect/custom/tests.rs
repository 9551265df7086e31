//! Patterns and lists against plain definitions of what they find, whole and cut anywhere.

use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::detect::tests::{streamed, whole};
use crate::detect::{Detectors, entity};

fn pattern(text: &str) -> Custom {
    Custom::new(Entity::declared("own"), Find::Pattern(Box::new(Pattern::new(text).unwrap())), None)
}

fn words(texts: &[&str], ignores_case: bool) -> Custom {
    let words = Words::new(texts.iter().copied(), ignores_case).unwrap();
    Custom::new(Entity::declared("own"), Find::Words(words), None)
}

fn detectors(own: Custom) -> Detectors {
    Detectors::with(&[own.entity], &[Arc::new(own)])
}

fn spans(detectors: &Detectors, text: &str) -> Vec<Range<usize>> {
    whole(detectors, text.as_bytes(), None).into_iter().map(|found| found.span).collect()
}

fn values(own: Custom, text: &str) -> Vec<&str> {
    spans(&detectors(own), text).into_iter().map(|span| text.get(span).unwrap()).collect()
}

#[test]
fn patterns_find_what_they_say() {
    assert_eq!(values(pattern(r"ORD-\d{4,6}\b"), "ORD-12345, ORD-1234567 and ORD-99."), ["ORD-12345"]);
    assert_eq!(values(pattern("(?i)falcon( ?key)?"), "FALCON key, falconkey"), ["FALCON key", "falconkey"]);
    assert_eq!(values(pattern("a.*?b"), "aXb aab"), ["aXb", "aab"]);
    assert_eq!(values(pattern("(?m)^id=.*$"), "id=1\nxid=2\nid=3"), ["id=1", "id=3"]);
    assert_eq!(values(pattern("^whole$"), "whole"), ["whole"]);
    assert_eq!(values(pattern("caf."), "un café"), ["café"], "no character is cut in two");
}

#[test]
fn words_and_patterns_are_found_in_disguise() {
    let order = || pattern("ORD-[0-9]{4}-[0-9]{4}");
    for text in [
        "ORD%2D1234%2D5678",
        "see ORD\\u002d1234\\u002d5678.",
        "ＯＲＤ-１２３４-５６７８",
        "ORD\u{2d}12\u{200b}34-56\u{ad}78",
        "&#79;RD-1234-5678",
    ] {
        assert_eq!(values(order(), text).len(), 1, "{text}");
    }
    assert_eq!(values(order(), "a=T1JELTEyMzQtNTY3OA== and ORD-1234-5678").len(), 2, "base64");
    assert_eq!(values(words(&["blue heron"], true), "the Blue%20Heron flies"), ["Blue%20Heron"]);
    let told = || pattern("[0-9]{5}").near(vec!["badge".into()]).unwrap();
    assert_eq!(values(told(), "badge 1２345"), ["1２345"]);
    assert!(values(told(), "room 1２345").is_empty());
    assert!(values(pattern("ORD-[0-9]+"), "ORD%2D1234").is_empty(), "it may go on without end");
}

#[test]
fn what_cannot_be_looked_for_is_refused() {
    for (text, code) in [
        ("(", "bad_pattern"),
        (r"\pL", "bad_pattern"),
        ("[0-9]*", "empty_match"),
        ("a|", "empty_match"),
        (r"\b", "empty_match"),
        ("x{1025}", "bad_pattern"),
        ("([ab]*a[ab]{30})", "bad_pattern"),
    ] {
        assert_eq!(Pattern::new(text).err().map(|(code, _)| code), Some(code), "{text}");
    }
    let message = Pattern::new("secretish(").unwrap_err().1;
    assert!(message.contains("character 10") && !message.contains("secretish"), "{message}");
    assert!(pattern("[0-9]+").checked(&["luhn"]).is_err(), "it never ends");
    assert!(pattern("[0-9]{6,9}").checked(&["lunh"]).is_err());
    assert!(pattern("[0-9]{6,9}").near(vec!["42".into()]).is_err(), "no letter");
}

#[test]
fn check_digits_and_words_near_decide() {
    let order = || pattern("[0-9]{4}-[0-9]{4}").checked(&["luhn"]).unwrap();
    assert_eq!(values(order(), "7992-7396 7992-7397 7992-7398"), ["7992-7398"]);
    let told = || pattern("[0-9]{5}").near(vec!["badge".into()]).unwrap();
    assert_eq!(values(told(), "badge 12345"), ["12345"]);
    assert_eq!(values(told(), "12345 is my badge"), ["12345"]);
    assert!(values(told(), "room 12345").is_empty());
    assert_eq!(whole(&detectors(told()), b"12345", Some("badgeNo")).len(), 1);
}

#[test]
fn words_stand_whole() {
    let list = || words(&["heron", "blue heron", "鷺"], false);
    assert_eq!(values(list(), "heron, blue heron; herons xheron Heron heron_1"), ["heron", "blue heron"]);
    assert_eq!(values(list(), "青鷺です"), ["鷺"], "no space between words");
    assert_eq!(
        values(words(&["Ökostrom"], true), "ÖKOSTROM ökostrom ÖkoStrom"),
        ["ÖKOSTROM", "ökostrom", "ÖkoStrom"]
    );
}

#[test]
fn what_stands_under_a_name_is_found_whole() {
    let keys = vec![Glob::new("badge*").unwrap()];
    let by_name = detectors(Custom::new(Entity::declared("own"), Find::Keys(keys), None));
    assert_eq!(whole(&by_name, b"any text", Some("BadgeNo")).len(), 1);
    assert!(whole(&by_name, b"any text", Some("note")).is_empty());
    assert!(by_name.names(Some("badge")) && !by_name.names(None));
    let long = "word ".repeat(9_000);
    let found = streamed(&by_name, long.as_bytes().chunks(700), Some("badge"));
    assert_eq!(found, whole(&by_name, long.as_bytes(), Some("badge")));
    assert_eq!(found[0].span, 0..long.len());
}

#[test]
fn the_longer_value_counts_beside_what_is_built_in() {
    let own = words(&["rosa"], false);
    let both = [entity("email").unwrap(), own.entity];
    let both = Detectors::with(&both, &[Arc::new(own)]);
    let found = whole(&both, b"rosa: rosa@example.com", None);
    assert_eq!(found.iter().map(|f| f.entity.name).collect::<Vec<_>>(), ["own", "email"]);
}

/// A run that never ends is masked to its end, however long and however cut; one that never shows itself is none.
#[test]
fn long_values_are_found_to_their_end() {
    let key = detectors(pattern("key-[a-z0-9.]+;?"));
    let long = format!("see key-{} and é", "a1.".repeat(12_000));
    let wanted = 4..8 + 36_000;
    assert_eq!(spans(&key, &long).pop(), Some(wanted));
    let late = detectors(pattern("[a-z]+@"));
    let run = format!("{}@ {}", "a".repeat(3_000), "b".repeat(3_000));
    assert_eq!(spans(&late, &run).pop(), Some(3_001 - FIT..3_001));
    for (detectors, text) in [(&key, &long), (&late, &run)] {
        for chunk in [1, 61, 4_096, 20_000] {
            let found = streamed(detectors, text.as_bytes().chunks(chunk), None);
            assert_eq!(found, whole(detectors, text.as_bytes(), None), "in pieces of {chunk}");
        }
    }
}

/// Patterns over a small alphabet.
fn patterns() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[abc .é]".prop_map(|c| c.replace('.', r"\.")),
        Just("[ab]".to_owned()),
        Just("[^a]".to_owned()),
        Just(".".to_owned()),
        Just(r"\b".to_owned()),
        Just("^".to_owned()),
        Just("$".to_owned()),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
            (inner.clone(), "[*+?]\\??").prop_map(|(a, times)| format!("(?:{a}){times}")),
            (inner, "\\{[01],[23]\\}").prop_map(|(a, times)| format!("(?:{a}){times}")),
        ]
    })
}

proptest! {
    #[test]
    fn patterns_are_found_as_regular_expressions_are(text in patterns(), hay in "[abc .é]{0,40}") {
        let Ok(own) = Pattern::new(&text) else { return Ok(()) };
        let found = spans(&detectors(Custom::new(Entity::declared("own"), Find::Pattern(Box::new(own)), None)), &hay);
        // By definition: the leftmost, from each end on; only where a character begins, to where one ends.
        let syntax = syntax_of_tests();
        let dfa = regex_automata::dfa::dense::Builder::new().syntax(syntax).build(&text).unwrap();
        let (mut wanted, mut at) = (Vec::new(), 0);
        while at < hay.len() {
            let anchored = |start| {
                let input = regex_automata::Input::new(&hay).span(start..hay.len());
                let input = input.anchored(regex_automata::Anchored::Yes);
                regex_automata::dfa::Automaton::try_search_fwd(&dfa, &input).unwrap()
            };
            let starts = (at..hay.len()).filter(|start| hay.is_char_boundary(*start));
            let Some((start, met)) = starts.filter_map(|start| Some((start, anchored(start)?))).next() else { break };
            at = (met.offset()..).find(|end| hay.is_char_boundary(*end)).unwrap();
            wanted.push(start..at);
        }
        prop_assert_eq!(found, wanted, "{}", text);
    }

    #[test]
    fn a_cut_changes_nothing_in_disguise(
        hay in prop::collection::vec(prop::sample::select(vec![
            "a", "b", " ", "%61", "%62", "&#98;", "c", "\\u0061", "a%2", "ａ", "YWJhIGJhYmJhIGFi", "=", "\u{200b}",
        ]), 0..40),
        chunk in 1_usize..9,
    ) {
        let named = |name: &str, own: Custom| Arc::new(Custom { entity: Entity::declared(name), ..own });
        let own = [
            named("first", pattern("a[ab]b")),
            named("second", pattern("b{2,3}")),
            named("third", words(&["ab a", "b"], true)),
            named("fourth", pattern("ab").near(vec!["c".into()]).unwrap()),
            named("endless", pattern("ba+")),
        ];
        let wanted: Vec<_> = own.iter().map(|own| own.entity).collect();
        let detectors = Detectors::with(&wanted, &own);
        let hay = hay.concat();
        let found = streamed(&detectors, hay.as_bytes().chunks(chunk), None);
        prop_assert_eq!(found, whole(&detectors, hay.as_bytes(), None));
    }

    #[test]
    fn a_cut_anywhere_changes_nothing(
        texts in prop::collection::vec(patterns(), 1..3),
        list in prop::collection::vec("[abc]{1,3}( [abc]{1,2})?", 1..4),
        hay in "[abc .é]{0,60}",
        chunk in 1_usize..9,
    ) {
        let patterns = texts.iter().enumerate().filter_map(|(n, text)| {
            let entity = Entity::declared(&format!("own{n}"));
            Some(Custom::new(entity, Find::Pattern(Box::new(Pattern::new(text).ok()?)), Some(n as u8)))
        });
        let mut own: Vec<_> = patterns.map(Arc::new).collect();
        own.push(Arc::new(words(&list.iter().map(String::as_str).collect::<Vec<_>>(), true)));
        let wanted: Vec<_> = own.iter().map(|own| own.entity).collect();
        let detectors = Detectors::with(&wanted, &own);
        let found = streamed(&detectors, hay.as_bytes().chunks(chunk), None);
        prop_assert_eq!(found, whole(&detectors, hay.as_bytes(), None));
    }
}

/// Marks what stands between `<` and `>`, and the first and last letter of all that it is handed.
struct Brackets;

impl Detector for Brackets {
    fn detect(
        &self,
        text: &str,
        _key: Option<&str>,
    ) -> Result<Vec<Spotted>, Box<dyn std::error::Error + Send + Sync>> {
        let mut ends = text.char_indices().map(|(at, c)| at..at + c.len_utf8());
        let mut spans: Vec<_> = ends.next().into_iter().chain(ends.next_back()).collect();
        if let (Some(start), Some(end)) = (text.find('<'), text.rfind('>')) {
            spans.extend((start < end).then_some(start..end + 1));
        }
        Ok(spans.into_iter().map(|span| Spotted { span, label: "B".into() }).collect())
    }
}

proptest! {
    #[test]
    fn sentences_are_the_same_however_they_come(
        hay in prop_oneof!["[ab<>.!\\n é]{0,60}", "(a[a-zé ]{0,90}[<>.\\n]? ?){0,200}"],
        chunk in 1_usize..40,
    ) {
        let called = Called::new("b", None);
        let brackets: Arc<dyn Detector> = Arc::new(Brackets);
        called.take(&brackets);
        let called = Custom::new(Entity::declared("called"), Find::Called(called), None);
        let own = [called, pattern("a [ab]+ b"), words(&["ab a", "b"], false)].map(Arc::new);
        let wanted: Vec<_> = own.iter().map(|own| own.entity).chain([entity("email").unwrap()]).collect();
        let detectors = Detectors::with(&wanted, &own);
        let found = streamed(&detectors, hay.as_bytes().chunks(chunk), None);
        prop_assert_eq!(found, streamed(&detectors, std::iter::once(hay.as_bytes()), None));
    }
}

fn syntax_of_tests() -> regex_automata::util::syntax::Config {
    regex_automata::util::syntax::Config::new().unicode(false).utf8(false)
}
