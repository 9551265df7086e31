//! Every example of the data file, and every coding laid over values of several kinds, whole and cut.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use saphyr::{LoadableYamlNode, Yaml};

use crate::detect::tests::{streamed, streamed_within, whole};
use crate::detect::{Detectors, MAX_OPEN, entity};

/// A text with its marks taken out, and the spans between them.
fn marked(example: &str) -> (String, Vec<Range<usize>>) {
    let (mut text, mut spans, mut start) = (String::new(), Vec::new(), 0);
    for c in example.chars() {
        match c {
            '«' => start = text.len(),
            '»' => spans.push(start..text.len()),
            c => text.push(c),
        }
    }
    (text, spans)
}

/// The examples of the data file: all but those of nothing hold a value.
fn examples() -> Vec<(String, Vec<Range<usize>>)> {
    let documents = Yaml::load_from_str(include_str!("../../../data/disguise-examples.yaml")).unwrap();
    let groups = documents[0].as_mapping().unwrap().values();
    let rows = groups.flat_map(|rows| rows.as_sequence().unwrap());
    rows.map(|row| marked(row.as_str().unwrap())).collect()
}

#[test]
fn every_example_holds() {
    let all = Detectors::all();
    let mut wrong = Vec::new();
    for (text, spans) in examples() {
        let found = whole(&all, text.as_bytes(), None);
        let seen: Vec<_> = found.iter().map(|f| f.span.clone()).collect();
        if seen != spans {
            wrong.push(format!("{text:?}: found {found:?}, wanted {spans:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    let all = Detectors::all();
    for (text, _) in examples() {
        let wanted = whole(&all, text.as_bytes(), None);
        for cut in 0..=text.len() {
            let (left, right) = text.as_bytes().split_at(cut);
            assert_eq!(streamed(&all, [left, right].into_iter(), None), wanted, "{text:?} cut at {cut}");
        }
        assert_eq!(streamed(&all, text.as_bytes().chunks(1), None), wanted, "{text:?} byte by byte");
    }
}

/// A value of each kind, and what stands before it.
const VALUES: [(&str, &str, &str); 17] = [
    ("email", "mail ", "ada.lovelace@example.org"),
    ("credit_card", "card ", "4111-1111-1111-1111"),
    ("us_ssn", "ssn ", "078-05-1120"),
    ("iban", "iban ", "GB82WEST12345698765432"),
    ("phone", "call ", "+44 20 7946 0958"),
    ("aws_access_key", "key ", "AKIAIOSFODNN7EXAMPLF"),
    ("bitcoin_address", "pay ", "1H6V8Ge5bUVSL7f8i4JSAhVFtenZ4mvgyG"),
    ("segwit_address", "pay ", "bc1qraq0eyk6ystfgagf08hxeavz7t2a055w2azaft"),
    ("ethereum_address", "pay ", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    ("vin", "car ", "1M8GDM9AXKP042788"),
    ("licence_plate", "licence plate ", "MH-12-AB-1234"),
    ("imei", "IMEI ", "35-209900-176148-1"),
    ("device_id", "idfa ", "6D92078A-8246-4BA4-AE5B-76104861E7DC"),
    ("medical_record_number", "MRN ", "1234-5678-9012"),
    ("us_mbi", "medicare id ", "1EG4-TE5-MK73"),
    (
        "jwt",
        "token ",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJpYXQiOjE3MDAwMDAwMDB9.u1VnZkT3mQ0pXc8Lr5YwBs7Ja2",
    ),
    ("coordinates", "GPS coordinates ", "40.712776,74.005974"),
];

type Way = fn(&str) -> String;

/// Ways to write a text so that it reads the same.
const WAYS: [(&str, Way); 14] = [
    ("percent", |text| text.bytes().map(|byte| format!("%{byte:02X}")).collect()),
    ("percent, signs only", |text| marks(text, |c| format!("%{:02x}", u32::from(c)))),
    ("percent twice", |text| marks(text, |c| format!("%25{:02X}", u32::from(c)))),
    ("decimal references", |text| text.chars().map(|c| format!("&#{};", u32::from(c))).collect()),
    ("references, signs only", |text| marks(text, |c| format!("&#x{:x};", u32::from(c)))),
    ("references in percent", |text| marks(text, |c| format!("%26%23{}%3B", u32::from(c)))),
    ("quoted printable", |text| text.bytes().map(|byte| format!("={byte:02X}")).collect()),
    ("a soft break", |text| {
        let (left, right) = text.split_at(7);
        format!("{left}=\r\n{right}")
    }),
    ("base64", |text| STANDARD.encode(text)),
    ("base64url", |text| URL_SAFE_NO_PAD.encode(format!("??>{text}>??"))),
    ("base64 twice", |text| STANDARD.encode(STANDARD.encode(text))),
    ("base64 in percent", |text| STANDARD.encode(format!("?{text}")).replace('=', "%3D")),
    ("full width", |text| text.chars().map(wide).collect()),
    ("escapes", |text| text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()),
];

/// The text with all but its letters and digits written otherwise.
fn marks(text: &str, way: fn(char) -> String) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { way(c) }).collect()
}

fn wide(c: char) -> char {
    match c {
        ' ' => '\u{3000}',
        c => char::from_u32(u32::from(c) + 0xfee0).unwrap(),
    }
}

#[test]
fn a_value_of_any_kind_is_found_in_any_disguise() {
    let mut wrong = Vec::new();
    for (kind, before, value) in VALUES {
        let alone = Detectors::compile(&[entity(kind).unwrap()]);
        for (way, write) in WAYS {
            let written = write(value);
            let text = format!("The {before}{written} is known.");
            let found = whole(&alone, text.as_bytes(), None);
            let start = text.find(&written).unwrap();
            // In base64 what stands beside the value in the same run may stay.
            let slack = if way.starts_with("base64") { 4 } else { 0 };
            let fits = |span: &Range<usize>| {
                (start..=start + slack).contains(&span.start)
                    && (start + written.len() - 2 * slack..=start + written.len()).contains(&span.end)
            };
            if found.len() != 1 || !fits(&found[0].span) || found[0].disguised == (written == value) {
                wrong.push(format!("{kind}, {way}: {text:?} found {found:?}"));
            }
            for size in [1, 5] {
                assert_eq!(streamed(&alone, text.as_bytes().chunks(size), None), found, "{text:?} by {size}");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_long_run_is_read_to_its_end() {
    let all = Detectors::all();
    let mut text = String::new();
    for n in 0..2_500 {
        text.push_str(&format!("Line {n} says nothing; "));
        if n % 500 == 499 {
            text.push_str(&format!("write to ada{n}@example.org or pay with 4111 1111 1111 1111. "));
        }
    }
    let encoded = STANDARD.encode(&text);
    let lines = encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap());
    for body in [format!("x: {encoded}; ssn 078-05-1120"), lines.collect::<Vec<_>>().join("\r\n")] {
        let wanted = whole(&all, body.as_bytes(), None);
        assert_eq!(wanted.iter().filter(|found| found.disguised).count(), 10);
        for size in [61, 1_000, 4_093, 16_384, 40_000] {
            assert_eq!(streamed(&all, body.as_bytes().chunks(size), None), wanted, "pieces of {size}");
        }
    }
}

#[test]
fn a_value_longer_than_what_is_held_back_is_one_in_disguise_too() {
    let all = Detectors::compile(&[entity("bearer_token").unwrap()]);
    let text = format!("Authorization: Bearer {}\nnext line", "Wardl1neExampleNotReal0123456789".repeat(640));
    for (way, write) in WAYS.iter().filter(|(way, _)| !way.contains("twice") && *way != "a soft break") {
        let written = write(&text);
        let wanted = whole(&all, written.as_bytes(), None);
        assert_eq!(wanted.len(), 1, "{way}");
        assert!(wanted[0].span.len() > 20_000, "{way}: {wanted:?}");
        // What is held back is measured by what it says.
        let most = (MAX_OPEN + 4096) * written.len().div_ceil(text.len());
        for size in [997, 4_093, 16_384] {
            let pieces = written.as_bytes().chunks(size);
            assert_eq!(streamed_within(&all, pieces, None, most), wanted, "{way} by {size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn joined_disguises_are_found_alike_however_cut(
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..7), 1..7),
        sizes in prop::collection::vec(1usize..90, 1..40),
    ) {
        let plain = examples();
        let mut text = String::new();
        for (pick, way, glue) in picks {
            let example = &pick.get(&plain).0;
            let way = way.index(WAYS.len() + 4);
            match WAYS.get(way) {
                Some((name, write)) if *name != "full width" && *name != "a soft break" => text.push_str(&write(example)),
                _ => text.push_str(example),
            }
            text.push_str(["", " ", "\n", "=", "1", "\u{200b}", "%2"][glue]);
        }
        let all = Detectors::all();
        let wanted = whole(&all, text.as_bytes(), None);
        let (mut pieces, mut rest) = (Vec::new(), text.as_bytes());
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
        text in prop::collection::vec(prop::sample::select(
            &b"a1@.%4025+?q&#x;=2D\r\n\\u00YWRhQGV4/-_ 4111\xc2\xa0\xad\xe2\x80\x8b\xef\xbc\x91\xa0\xd0\xb0\xcc\x81"[..]
        ), 0..300),
        size in 1usize..20,
    ) {
        let all = Detectors::all();
        prop_assert_eq!(streamed(&all, text.chunks(size), None), whole(&all, &text, None));
    }
}
