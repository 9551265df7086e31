//! Every example of the catalogue, whole and cut at every byte.

use proptest::prelude::*;

use super::*;
use crate::model::Finding;

/// The text without its marks, and the spans that were marked.
fn marked(example: &Example) -> (String, Vec<std::ops::Range<usize>>) {
    let (mut text, mut spans, mut start) = (String::new(), Vec::new(), 0);
    for c in example.text.chars() {
        match c {
            '«' => start = text.len(),
            '»' => spans.push(start..text.len()),
            c => text.push(c),
        }
    }
    (text, spans)
}

pub(super) fn whole(detectors: &Detectors, text: &[u8], key: Option<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    detectors.scan(text, 0, &Context { key, ..Context::default() }, &mut found);
    found
}

/// Feeds pieces as a stream does: only the open part and its context are kept. Joins the parts of over-long values.
pub(super) fn streamed<'p>(
    detectors: &Detectors,
    pieces: impl Iterator<Item = &'p [u8]>,
    key: Option<&str>,
) -> Vec<Finding> {
    streamed_within(detectors, pieces, key, MAX_OPEN + 4096)
}

/// The same, with at most so many bytes kept back.
pub(super) fn streamed_within<'p>(
    detectors: &Detectors,
    pieces: impl Iterator<Item = &'p [u8]>,
    key: Option<&str>,
    most: usize,
) -> Vec<Finding> {
    let mut all: Vec<Finding> = Vec::new();
    let (mut kept, mut base, mut from, mut carry) = (Vec::new(), 0, 0, Carry::default());
    let mut take = |found: Vec<Finding>, base: usize, from: usize, inside: Option<Entity>| {
        for mut finding in found {
            let continues = inside == Some(finding.entity) && finding.span.start == from;
            finding.span = base + finding.span.start..base + finding.span.end;
            match all.last_mut() {
                Some(last) if continues => last.span.end = finding.span.end,
                _ => all.push(finding),
            }
        }
    };
    let mut longest = 0;
    for piece in pieces {
        kept.extend_from_slice(piece);
        let mut found = Vec::new();
        let context = Context { key, carry, given: Given::Pieces };
        let open = detectors.scan_part(&kept, from, &context, &mut found);
        assert!(open.from >= from && open.from <= kept.len());
        assert!(found.iter().all(|f| f.span.start >= from && f.span.end <= open.from));
        take(found, base, from, carry.inside());
        longest = longest.max(kept.len() - open.from);
        (from, carry) = (open.from, open.carry);
        let drop = from.saturating_sub(KEPT);
        kept.drain(..drop);
        base += drop;
        from -= drop;
    }
    let mut found = Vec::new();
    detectors.scan(&kept, from, &Context { key, carry, given: Given::Pieces }, &mut found);
    take(found, base, from, carry.inside());
    assert!(longest <= most, "{longest} bytes were kept back");
    all
}

#[test]
fn every_row_of_the_data_files_is_read() {
    // Examples may hold such lines too, further to the right.
    let begins = |line: &&str| line.starts_with("- name: ");
    let rows: usize = catalogue::FILES.iter().map(|file| file.lines().filter(begins).count()).sum();
    assert_eq!(catalogue().len(), rows);
    for info in catalogue() {
        assert!(!info.matches.is_empty() && !info.rejects.is_empty(), "{}: no examples", info.entity);
        assert_eq!(catalogue().iter().filter(|other| other.entity.name == info.entity.name).count(), 1);
    }
}

#[test]
fn a_family_name_is_found_again_near_the_whole_one_however_the_text_is_cut() {
    let detectors = Detectors::compile(&[entity("person_name").unwrap()]);
    for (gap, count) in [(1, 2), (40, 2), (300, 1)] {
        let text =
            format!("Anna Lindqvist called. {}The agent saw that Lindqvist rang.", "it is so. ".repeat(gap));
        let found = whole(&detectors, text.as_bytes(), None);
        assert_eq!(found.len(), count, "{gap}");
        for chunk in [1, 7, 64, 511] {
            assert_eq!(streamed(&detectors, text.as_bytes().chunks(chunk), None), found, "{gap} {chunk}");
        }
    }
    let reject =
        "The Rust Foundation; every minimum Rust version. Lindqvist Street. Anna Lindqvist-Street: Street.";
    assert!(whole(&detectors, reject.as_bytes(), None).iter().all(|found| found.span.len() > 8));
}

#[test]
fn every_example_holds() {
    let mut wrong = Vec::new();
    let all = Detectors::all();
    for info in catalogue() {
        let alone = Detectors::compile(&[info.entity]);
        for example in info.matches.iter().chain(&info.rejects) {
            let (text, spans) = marked(example);
            let found: Vec<_> =
                whole(&alone, text.as_bytes(), example.key).into_iter().map(|f| f.span).collect();
            if found != spans {
                wrong.push(format!("{}: {:?} found {found:?}, wanted {spans:?}", info.entity, example.text));
            }
            let found = whole(&all, text.as_bytes(), example.key);
            for span in spans {
                let covered = span.clone().all(|at| found.iter().any(|f| f.span.contains(&at)));
                if !covered {
                    wrong.push(format!("{}: {:?} not covered by all: {found:?}", info.entity, example.text));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    let all = Detectors::all();
    for info in catalogue() {
        for example in info.matches.iter().chain(&info.rejects) {
            let text = marked(example).0.into_bytes();
            let wanted = whole(&all, &text, example.key);
            for cut in 0..=text.len() {
                let (left, right) = text.split_at(cut);
                let found = streamed(&all, [left, right].into_iter(), example.key);
                assert_eq!(found, wanted, "{}: {:?} cut at {cut}", info.entity, example.text);
            }
            assert_eq!(
                streamed(&all, text.chunks(1), example.key),
                wanted,
                "{:?} byte by byte",
                example.text
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn joined_examples_are_found_alike_however_cut(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0usize..6), 1..8),
        sizes in prop::collection::vec(1usize..90, 1..40),
    ) {
        let examples: Vec<_> =
            catalogue().iter().flat_map(|i| i.matches.iter().chain(&i.rejects)).copied().collect();
        let mut text = Vec::new();
        for (pick, glue) in picks {
            text.extend_from_slice(marked(pick.get(&examples)).0.as_bytes());
            text.extend_from_slice([&b""[..], b" ", b"\n", b"-", b"1", b"@"][glue]);
        }
        let all = Detectors::all();
        let wanted = whole(&all, &text, None);
        let (mut pieces, mut rest) = (Vec::new(), &text[..]);
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break }
            let (piece, after) = rest.split_at(rest.len().min(*size));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(streamed(&all, pieces.into_iter(), None), wanted);
    }

    #[test]
    fn no_bytes_panic_and_no_cut_matters(
        text in prop::collection::vec(prop::sample::select(&b"a1@.:-+?q/\\\"'= (){}[]\n\xc3\xff,;%eyJ0AKIAgp_0123456789"[..]), 0..200),
        size in 1usize..20,
    ) {
        let all = Detectors::all();
        prop_assert_eq!(streamed(&all, text.chunks(size), None), whole(&all, &text, None));
    }
}

#[test]
fn what_stands_before_the_first_digit_is_held_back_with_it() {
    let all = Detectors::all();
    for text in ["id +411211.121 10 next", "id (+41) 121.121 10 55 next", "id +1 212.555 0142 next"] {
        let wanted = whole(&all, text.as_bytes(), None);
        assert_eq!(wanted.len(), 1, "{text}: {wanted:?}");
        assert_eq!(wanted[0].span.start, 3, "{text}");
        for size in 1..text.len() {
            assert_eq!(streamed(&all, text.as_bytes().chunks(size), None), wanted, "{text} by {size}");
        }
    }
}

#[test]
fn every_data_file_is_yaml() {
    use saphyr::LoadableYamlNode;
    for file in catalogue::FILES {
        saphyr::Yaml::load_from_str(file).unwrap();
    }
}

/// A value far longer than is ever kept back, by each reader that can meet one, with a text after it.
fn over_long() -> Vec<(&'static str, String, &'static str)> {
    let header = "eyJhbGciOiJIUzI1NiJ9";
    let lines = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQD0\n".repeat(900);
    vec![
        ("Authorization: Bearer ", "a1B2".repeat(9_000), " and ada@example.org"),
        ("token=", format!("{header}.{}", "a1B2_-".repeat(6_000)), "; 4111111111111111 next"),
        (
            "x ",
            format!("-----BEGIN RSA PRIVATE KEY-----\n{lines}-----END RSA PRIVATE KEY-----"),
            "\nada@example.org",
        ),
        ("x ", format!("-----BEGIN RSA PRIVATE KEY-----\n{lines}"), "----- ada@example.org"),
    ]
}

#[test]
fn an_over_long_secret_is_one_finding_however_it_comes() {
    let all = Detectors::all();
    for (before, secret, after) in over_long() {
        let text = format!("{before}{secret}{after}").into_bytes();
        let wanted = whole(&all, &text, None);
        assert_eq!(wanted[0].span, before.len()..before.len() + secret.len(), "{before}");
        assert_eq!(wanted.len(), 2, "{before}");
        for size in [61, 64, 1_000, 4_093, 16_384, 20_000] {
            assert_eq!(streamed(&all, text.chunks(size), None), wanted, "{before} in pieces of {size}");
        }
    }
}

#[test]
fn a_secret_of_some_kilobytes_in_small_pieces_is_never_taken_for_clear_text() {
    let text = format!("Authorization: Bearer {}", "a1B2".repeat(700)).into_bytes();
    let found = streamed(&Detectors::all(), text.chunks(64), None);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].span, 22..text.len());
}

#[test]
fn time_grows_with_the_text_and_no_faster() {
    let all = Detectors::all();
    let hostile = [
        "1 ",
        "4111 ",
        "@",
        "a@",
        "a@a.",
        "::",
        "1:",
        "://",
        "eyJ",
        "eyJh.",
        "-----BEGIN ",
        "Bearer ",
        "password=",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkqh",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.",
        "+1(",
        "1.",
        "a",
        "1",
        "GB82WEST",
    ];
    for unit in hostile {
        let text = unit.repeat(400_000 / unit.len()).into_bytes();
        let started = std::time::Instant::now();
        whole(&all, &text, None);
        // No measure: time that grew with the square of the text would be minutes.
        assert!(started.elapsed().as_secs() < 60, "{unit:?} took {:?}", started.elapsed());
    }
}
