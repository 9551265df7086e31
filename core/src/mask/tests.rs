//! Whole bodies through every format, and the laws that hold for all: any cut gives the same bytes and the same
//! report, and nothing of a body that fails goes out half masked.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::detect::entity;
use crate::json::{FaultCode, LONG_STRING, Path};
use crate::keys::Keys;
use crate::vector::{Counter, Paths};

static POINTS: Paths = Paths {
    named: &["points[*].vector"],
    encoded: &["data[*].embedding"],
    rows: &["points[*]", "data[*]"],
    ids: &["points[*].id", "data[*].index"],
    ..Paths::NONE
};

fn plan(transform: Transform, fields: &[(&str, Transform)]) -> Arc<Plan> {
    let fields = fields.iter().map(|(path, t)| (Path::parse(path).unwrap(), t.clone())).collect();
    Arc::new(
        Plan::compile(PlanSpec {
            entities: vec![(entity("email").unwrap(), transform)],
            fields,
            ..PlanSpec::default()
        })
        .unwrap(),
    )
}

/// The body fed in pieces: output and report.
fn feed(
    plan: &Arc<Plan>,
    format: Format,
    body: &[u8],
    cuts: &[usize],
) -> Result<(Vec<u8>, Report), MaskError> {
    let counter = Counter::new(&POINTS).unwrap();
    let mut masker = Masker::new(plan.clone(), format, Keys::from_root([7; 32]), Some(counter));
    let mut out = Vec::new();
    let mut from = 0;
    for &cut in cuts.iter().chain(&[body.len()]) {
        let before = out.len();
        match masker.push(&body[from..cut], &mut out)? {
            Release::Unchanged => {
                assert_eq!(out.len(), before);
                assert_eq!(masker.held(), 0);
                out.extend_from_slice(&body[from..cut]);
            }
            Release::Changed => {}
        }
        from = cut;
    }
    masker.finish(&mut out)?;
    Ok((out, masker.into_report()))
}

/// The masked body, after checking that every cut gives the same.
fn masked(plan: &Arc<Plan>, format: Format, body: &str) -> (String, Report) {
    let body = body.as_bytes();
    let whole = feed(plan, format, body, &[]).unwrap();
    for cut in 0..=body.len() {
        assert_eq!(feed(plan, format, body, &[cut]).unwrap(), whole, "cut at {cut}");
    }
    let each: Vec<usize> = (0..body.len()).collect();
    assert_eq!(feed(plan, format, body, &each).unwrap(), whole, "byte by byte");
    (String::from_utf8(whole.0).unwrap(), whole.1)
}

fn json(fields: &[(&str, Transform)], body: &str) -> String {
    masked(&plan(Transform::Redact, fields), Format::Json, body).0
}

#[test]
fn values_are_replaced_and_nothing_else() {
    let body =
        "{ \"a\" : 1.50e+1,\t\"note\":\"x ada@example.org, bob@example.org\",\n \"z\":[ true,null ] }\r\n";
    assert_eq!(
        json(&[], body),
        "{ \"a\" : 1.50e+1,\t\"note\":\"x [EMAIL], [EMAIL]\",\n \"z\":[ true,null ] }\r\n"
    );
}

#[test]
fn escapes_are_seen_through_and_kept() {
    assert_eq!(
        json(&[], r#"{"a":"\u00e9\n ada\u0040example.org\ttail\"", "b":"\/\u0041"}"#),
        r#"{"a":"\u00e9\n [EMAIL]\ttail\"", "b":"\/\u0041"}"#
    );
}

#[test]
fn a_replacement_is_escaped() {
    let plan = plan(Transform::Replace("\"\\\n".into()), &[]);
    assert_eq!(masked(&plan, Format::Json, r#"["ada@example.org"]"#).0, r#"["\"\\\n"]"#);
}

#[test]
fn fields_of_every_kind() {
    let fields = [("s", Transform::Redact), ("list[*].x", Transform::Redact)];
    assert_eq!(
        json(
            &fields,
            r#"{"s": "a", "list": [{"x": 1.5}, {"x": null}, {"x": [1, {"y": 2}]}, {"x": {"k": "v"}}, {"y": 1}]}"#
        ),
        r#"{"s": "[REDACTED]", "list": [{"x": "[REDACTED]"}, {"x": "[REDACTED]"}, {"x": "[REDACTED]"}, {"x": "[REDACTED]"}, {"y": 1}]}"#
    );
    let partial = [("n", Transform::Partial { first: 2, last: 2 })];
    assert_eq!(json(&partial, r#"{"n": 123456}"#), r#"{"n": "12**56"}"#);
    assert_eq!(json(&[("$", Transform::Redact)], " [1] "), " \"[REDACTED]\" ");
}

#[test]
fn nothing_of_a_disguised_value_is_kept() {
    for (transform, plain) in [
        (Transform::Partial { first: 2, last: 4 }, "ad*********.org"),
        (Transform::KeepLength, "***************"),
    ] {
        let plan = plan(transform, &[]);
        assert_eq!(masked(&plan, Format::Text, "to ada@example.org now").0, format!("to {plain} now"));
        for disguised in ["ada%40example.org", "ada&#64;example.org"] {
            let (text, report) = masked(&plan, Format::Text, &format!("to {disguised} now"));
            assert_eq!(text, "to [EMAIL] now");
            assert_eq!(report.total(), 1);
        }
    }
}

#[test]
fn markup_stays_well_formed() {
    let plan = plan(Transform::Redact, &[]);
    for (text, wanted) in [
        ("<p>ada<b>@</b>example.org</p>", "<p>[EMAIL]<b></b></p>"),
        ("<p>ada<b title=\"rosa@example.com\">@example.org rocks</b></p>", "<p>[EMAIL]<b> rocks</b></p>"),
        ("<p><i>ada</i>@example<wbr/>.org &amp; co</p>", "<p><i>[EMAIL]</i> &amp; co</p>"),
        ("<p>ada<!-- rosa@example.com -->@example.org</p>", "<p>[EMAIL]</p>"),
        ("<p title='ada@example.org'>1 &lt; 2</p>", "<p title='[EMAIL]'>1 &lt; 2</p>"),
    ] {
        assert_eq!(masked(&plan, Format::Text, text).0, wanted);
    }
}

#[test]
fn drop_takes_the_comma() {
    let drop = |path, body| json(&[(path, Transform::Drop)], body);
    assert_eq!(drop("a", r#"{"a":1}"#), "{}");
    assert_eq!(drop("a", r#"{"a":1, "b":2}"#), r#"{"b":2}"#);
    assert_eq!(drop("b", r#"{"a":1 , "b":[1,{"b":2}]}"#), r#"{"a":1 }"#);
    assert_eq!(drop("b", r#"{"a":1, "b":"x" , "c":3}"#), r#"{"a":1 , "c":3}"#);
    assert_eq!(drop("*", r#"{"a":1, "b":2, "c":3}"#), "{}");
    assert_eq!(drop("l[*]", r#"{"l":[1, 2,"x"]}"#), r#"{"l":[]}"#);
    assert_eq!(drop("l[0]", r#"{"l":[1, 2, 3]}"#), r#"{"l":[2, 3]}"#);
    assert_eq!(drop("l[1]", r#"{"l":[1, 2, 3]}"#), r#"{"l":[1, 3]}"#);
    assert_eq!(drop("l[2]", r#"{"l":[1, 2, 3]}"#), r#"{"l":[1, 2]}"#);
    assert_eq!(drop("**.a", r#"{"a":1,"x":{"a":2,"a":3},"a":4,"y":[{"a":5}]}"#), r#"{"x":{},"y":[{}]}"#);
    assert_eq!(drop("$", "[1]"), "null");
    let two = [("a", Transform::Drop), ("b", Transform::Drop)];
    assert_eq!(json(&two, r#"{"a":1, "b":2, "c":3, "b":4}"#), r#"{"c":3}"#);
}

#[test]
fn a_member_may_be_named_by_another() {
    let named = |names: &[&str]| {
        let entities = names.iter().map(|name| (entity(name).unwrap(), Transform::Redact)).collect();
        Arc::new(Plan::compile(PlanSpec { entities, ..PlanSpec::default() }).unwrap())
    };
    let plan = named(&["password", "us_ssn", "phone"]);
    for (body, wanted) in [
        (
            r#"{"env":[{"name":"DB_PASSWORD","value":"hunter19"},{"name":"MODE","value":"hunter19"}]}"#,
            r#"{"env":[{"name":"DB_PASSWORD","value":"[PASSWORD]"},{"name":"MODE","value":"hunter19"}]}"#,
        ),
        (r#"{"Key":"ssn","n":1,"Value":78051120}"#, r#"{"Key":"ssn","n":1,"Value":78051120}"#),
        (r#"{"Key":"ssn","n":1,"Value":"078051120"}"#, r#"{"Key":"ssn","n":1,"Value":"[US_SSN]"}"#),
        (
            r#"{"question":"Your phone","answer":["5557123"],"z":{"value":"5557123"},"value":"5557123"}"#,
            r#"{"question":"Your phone","answer":["[PHONE]"],"z":{"value":"5557123"},"value":"[PHONE]"}"#,
        ),
        (r#"[{"name":"ssn"},{"value":"078051120"}]"#, r#"[{"name":"ssn"},{"value":"078051120"}]"#),
    ] {
        assert_eq!(masked(&plan, Format::Json, body).0, wanted);
    }
}

#[test]
fn names_are_masked_and_stay_apart() {
    let (out, report) = masked(
        &plan(Transform::Redact, &[]),
        Format::Json,
        r#"{"ada@example.org": {"x": "bob@example.org"}, "bob@example.org": 1}"#,
    );
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 2);
    assert!(!out.contains("example.org"), "{out}");
    assert!(report.findings.iter().all(|f| !f.path.contains("example.org")), "{report:?}");
    assert!(report.findings[1].path.contains("[EMAIL:"));
}

#[test]
fn json_in_strings_is_json() {
    let fields = [("call.arguments.ssn", Transform::Drop)];
    assert_eq!(
        json(&fields, r#"{"call":{"arguments":"{\"ssn\": 12, \"to\": \"ada@example.org\"}"}}"#),
        r#"{"call":{"arguments":"{\"to\": \"[EMAIL]\"}"}}"#
    );
    let deep = (0..8).fold("\"ada@example.org\"".to_owned(), |text, _| {
        serde_json::to_string(&format!("[{text}]")).unwrap()
    });
    let out =
        String::from_utf8(feed(&plan(Transform::Redact, &[]), Format::Json, deep.as_bytes(), &[]).unwrap().0)
            .unwrap();
    assert!(!out.contains("example.org") && serde_json::from_str::<String>(&out).is_ok());
    // What only looks like JSON is text.
    assert_eq!(json(&[], r#"["{ada@example.org}"]"#), r#"["{[EMAIL]}"]"#);
}

#[test]
fn one_value_one_token() {
    let hash = plan(Transform::Hash, &[("[*].f", Transform::Hash)]);
    let (out, report) = masked(
        &hash,
        Format::Json,
        r#"["ada@example.org", "x ada@example.org", "bob@example.org", {"f": "ada@example.org"}]"#,
    );
    let value: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let token = value[0].as_str().unwrap();
    assert_eq!(token.len(), "email_".len() + 12);
    assert_eq!(value[1].as_str().unwrap(), format!("x {token}"));
    assert_ne!(value[2].as_str().unwrap(), token);
    assert_eq!(value[3]["f"].as_str().unwrap(), token.replace("email", "field"));
    assert_eq!(report.findings[0].digest, report.findings[3].digest);
    assert_eq!(report.findings[3].path, "[3].f");
}

#[test]
fn report_names_places() {
    let (_, report) = masked(
        &plan(Transform::Redact, &[("ssn", Transform::Drop)]),
        Format::Json,
        r#"{"r":[{"p":{"odd key":"é ada@example.org"}}],"ssn":123}"#,
    );
    let paths: Vec<_> = report.findings.iter().map(|f| (f.what.name(), f.path.as_str(), f.length)).collect();
    assert_eq!(paths, [("email", "r[0].p[\"odd key\"]", 15), ("ssn", "ssn", 3)]);
    assert_eq!(report.totals["email"], 1);
}

#[test]
fn census_counts_what_leaves() {
    let body = r#"{"points":[{"id":1,"vector":[0.1,-0.2]},{"id":"u","vector":{"a":[1,2],"s":{"indices":[1],"values":[0.5]}}},
        {"id":3,"vector":[[1,2],[3,4]]},{"id":"ada@example.org","vector":null}],
        "data":[{"index":0,"embedding":"AACAPwAAAEA="},{"index":1,"embedding":[]}],"scores":[1,2]}"#;
    let census = masked(&plan(Transform::Redact, &[]), Format::Json, body).1.census.unwrap();
    assert_eq!((census.vectors, census.rows, census.ids_total), (6, 6, 6));
    assert_eq!(census.ids, ["1", "u", "3", "[EMAIL]", "0", "1"]);
    // What a rule takes away does not leave.
    let strip = plan(Transform::Redact, &[("points[*].vector", Transform::Drop)]);
    let (out, report) = masked(&strip, Format::Json, body);
    assert_eq!(report.census.unwrap().vectors, 1);
    assert!(!out.contains("vector"));
}

#[test]
fn a_counter_alone_reads_without_changing() {
    let body = br#"{"points":[{"id":1,"vector":[0.1,-0.2]}]}"#;
    let empty = Arc::new(Plan::compile(PlanSpec::default()).unwrap());
    let mut masker =
        Masker::new(empty, Format::Json, Keys::from_root([7; 32]), Some(Counter::new(&POINTS).unwrap()));
    let mut out = Vec::new();
    assert_eq!(masker.push(body, &mut out), Ok(Release::Unchanged));
    masker.finish(&mut out).unwrap();
    assert!(out.is_empty());
    assert_eq!(masker.census().unwrap().vectors, 1);
}

#[test]
fn a_counter_alone_passes_unread_what_it_has_no_path_to() {
    let count = |body: &str, piece: usize| {
        let empty = Arc::new(Plan::compile(PlanSpec::default()).unwrap());
        let counter = Some(Counter::new(&POINTS).unwrap());
        let masker = Masker::new(empty, Format::Json, Keys::from_root([7; 32]), counter);
        let read = masker.whole(body.as_bytes().chunks(piece));
        read.map(|(out, report)| {
            assert_eq!(out, body.as_bytes());
            report.census.unwrap().vectors
        })
    };
    let payload = r#"{"points":[{"vector":[9]}],"s":"]}\"}","d":"\\","n":-1e5,"l":[[],{}]}"#;
    let point = format!(r#"{{"a" : {payload} , "id":1,"z":"\"","t":true,"vector":[0.1,-0.2],"y":7}}"#);
    let body = format!(r#"{{"meta":{payload},"points":[{point},{point}],"points2":[],"last":0.5}}"#);
    for piece in 1..=body.len() {
        assert_eq!(count(&body, piece), Ok(2), "by {piece}");
    }
    // Where such a value ends is checked, and all around it.
    for (body, code) in [
        (r#"{"meta":}"#, FaultCode::Malformed),
        (r#"{"meta":{"a":"}"}"#, FaultCode::Truncated),
        (r#"{"meta" {}}"#, FaultCode::Malformed),
        (r#"{"meta":{}]"#, FaultCode::Malformed),
        (r#"{"meta":{} "points":[]}"#, FaultCode::Malformed),
        (r#"{"meta":"#, FaultCode::Truncated),
        (r#"{"meta":"\""#, FaultCode::Truncated),
    ] {
        for piece in 1..=body.len() {
            assert_eq!(count(body, piece).map_err(|fault| fault.code), Err(code), "{body} by {piece}");
        }
    }
}

#[test]
fn untouched_json_is_not_copied() {
    let body = br#"{"text":"nothing here","e":"\u00e9","v":[0.1,0.2],"n":[1,2],"o":{}}"#;
    let plan = plan(Transform::Redact, &[("ssn", Transform::Drop)]);
    let mut masker = Masker::new(plan, Format::Json, Keys::from_root([7; 32]), None);
    let mut out = Vec::new();
    assert_eq!(masker.push(body, &mut out), Ok(Release::Unchanged));
    assert_eq!(masker.finish(&mut out), Ok(()));
    assert_eq!(out.capacity(), 0);
}

#[test]
fn text_is_held_back_no_further_than_needed() {
    let plan = plan(Transform::Redact, &[]);
    let mut masker = Masker::new(plan.clone(), Format::Text, Keys::from_root([7; 32]), None);
    let mut out = Vec::new();
    masker.push("Grüße, mail ada@exam".as_bytes(), &mut out).unwrap();
    assert_eq!(String::from_utf8_lossy(&out), "Grüße, mail ");
    masker.push(b"ple.org now", &mut out).unwrap();
    masker.finish(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "Grüße, mail [EMAIL] now");
    masked(&plan, Format::Text, "ada@example.org é bob@example.org\n€ x");
}

#[test]
fn lines_of_json() {
    let (out, _) = masked(
        &plan(Transform::Redact, &[("a", Transform::Drop)]),
        Format::Ndjson,
        "{\"a\":1,\"b\":\"ada@example.org\"}\n\n[1,{\"a\":2}]\r\n\"bob@example.org\"",
    );
    assert_eq!(out, "{\"b\":\"[EMAIL]\"}\n\n[1,{\"a\":2}]\r\n\"[EMAIL]\"");
}

#[test]
fn events() {
    let plan = plan(Transform::Redact, &[("ssn", Transform::Drop)]);
    let body = ": ask ada@example.org\r\nevent: x\r\ndata: {\"ssn\": 1,\r\ndata:\"t\":\"ada@example.org\"}\r\n\r\n\
                data: [DONE]\n\ndata: plain ada@example.org\rid: 7\r\rdata: {\"t\":1}";
    let (out, _) = masked(&plan, Format::Sse, body);
    assert_eq!(
        out,
        ": ask [EMAIL]\r\nevent: x\r\ndata: {\"t\":\"[EMAIL]\"}\r\n\r\n\
         data: [DONE]\n\ndata: plain [EMAIL]\rid: 7\r\rdata: {\"t\":1}"
    );
    // Each event goes on when it is complete.
    let mut masker = Masker::new(plan, Format::Sse, Keys::from_root([7; 32]), None);
    let mut out = Vec::new();
    assert_eq!(masker.push(b"data: {\"w\":1}\n\n", &mut out), Ok(Release::Unchanged));
    masker.push(b"data: {\"w\"", &mut out).unwrap();
    assert!(out.is_empty());
    // A field rule cannot vouch for what does not parse.
    assert_eq!(masker.push(b"\n\n", &mut out).unwrap_err().code, FaultCode::Truncated);
}

#[test]
fn vectors_in_events_are_counted() {
    let body = "data: {\"data\":[{\"index\":0,\"embedding\":[0.1]}]}\n\ndata: {\"data\":[{\"index\":1,\"embedding\":[0.1]}]}\n\n";
    let census = masked(&plan(Transform::Redact, &[]), Format::Sse, body).1.census.unwrap();
    assert_eq!(
        (census.vectors, census.rows, census.ids.as_slice()),
        (2, 2, &["0".to_owned(), "1".to_owned()][..])
    );
}

#[test]
fn forms() {
    let plan = plan(Transform::Redact, &[("ssn", Transform::Drop), ("pin", Transform::Redact)]);
    for (body, expected) in [
        ("a=1&b=%41+x&m=ada%40example.org+now&c", "a=1&b=%41+x&m=%5BEMAIL%5D+now&c"),
        ("ssn=1&a=2&ssn=3", "a=2"),
        ("ssn=1", ""),
        ("a=1&ssn=2&&b", "a=1&&b"),
        ("pin=12&p%69n=3", "pin=%5BREDACTED%5D&p%69n=%5BREDACTED%5D"),
        ("j=%7B%22m%22%3A%22ada@example.org%22%7D", "j=%7B%22m%22%3A%22%5BEMAIL%5D%22%7D"),
        ("&", "&"),
    ] {
        assert_eq!(masked(&plan, Format::Form, body).0, expected, "{body}");
    }
}

#[test]
fn long_strings_are_streams() {
    let plan = plan(Transform::Redact, &[("f", Transform::Hash)]);
    let long = r"é\n word ada@example.org, ".repeat(4_000);
    let body = format!(r#"{{"a":"{long}","f":"{long}","b":1}}"#);
    let whole = feed(&plan, Format::Json, body.as_bytes(), &[]).unwrap();
    let text = String::from_utf8(whole.0.clone()).unwrap();
    assert!(!text.contains("example.org"));
    assert!(text.contains(&r"é\n word [EMAIL], ".repeat(4_000)));
    assert_eq!(whole.1.totals["email"], 4_000);
    for step in [997, 4_096, LONG_STRING] {
        let cuts: Vec<usize> = (0..body.len()).step_by(step).collect();
        assert_eq!(feed(&plan, Format::Json, body.as_bytes(), &cuts).unwrap(), whole, "{step}");
    }
    // A value's token does not depend on whether it was held whole.
    let short = feed(&plan, Format::Json, br#"{"f":"x"}"#, &[]).unwrap().1;
    assert_eq!(short.findings[0].length, 1);
}

#[test]
fn memory_stays_bounded() {
    let plan = plan(Transform::Redact, &[("gone", Transform::Drop)]);
    let mut masker = Masker::new(plan, Format::Json, Keys::from_root([7; 32]), None);
    let mut out = Vec::new();
    let chunk = "word ada@example.org ".repeat(500);
    let numbers = "0.125,-7.5e-3, 12,".repeat(500);
    for (open, middle, close) in
        [("{\"a\":\"", &chunk, "\""), (",\"v\":[", &numbers, "1]"), (",\"gone\":[", &numbers, "1]}")]
    {
        masker.push(open.as_bytes(), &mut out).unwrap();
        for _ in 0..100 {
            masker.push(middle.as_bytes(), &mut out).unwrap();
            assert!(masker.held() < 100_000, "{}", masker.held());
            out.clear();
        }
        masker.push(close.as_bytes(), &mut out).unwrap();
    }
    masker.finish(&mut out).unwrap();
    assert_eq!(masker.report().totals["email"], 50_000);
    assert_eq!(masker.report().findings.len(), Report::KEPT);
}

#[test]
fn bad_bodies_are_refused_with_their_place() {
    let plan = plan(Transform::Redact, &[("ssn", Transform::Drop)]);
    for (format, body, code) in [
        (Format::Json, &b"{\"a\": }"[..], FaultCode::Malformed),
        (Format::Json, b"{\"a\":\"ada@example.org\"", FaultCode::Truncated),
        (Format::Json, b"[\"\xff\"]", FaultCode::InvalidUtf8),
        (Format::Json, "[".repeat(1_000).as_bytes(), FaultCode::TooDeep),
        (Format::Json, "9".repeat(100_000).as_bytes(), FaultCode::TooLong),
        (Format::Json, format!("[1,{}", " ".repeat(100_000)).as_bytes(), FaultCode::TooLong),
        (Format::Json, b" ", FaultCode::Truncated),
        (Format::Ndjson, b"{}\n{", FaultCode::Truncated),
        (Format::Text, b"abc\xff", FaultCode::InvalidUtf8),
        (Format::Text, b"abc\xe2\x82", FaultCode::InvalidUtf8),
        (Format::Sse, b"data: \xff\n\n", FaultCode::InvalidUtf8),
        (Format::Form, b"a=%ff", FaultCode::InvalidUtf8),
    ] {
        let cuts: Vec<usize> = (0..body.len()).step_by(7).collect();
        for cuts in [&[][..], &cuts] {
            let fault = feed(&plan, format, body, cuts).unwrap_err();
            assert_eq!(
                fault.code,
                code,
                "{format:?} {:?}",
                String::from_utf8_lossy(&body[..body.len().min(40)])
            );
        }
    }
    assert_eq!(feed(&plan, Format::Json, b"", &[]).unwrap().0, b"");
}

#[test]
fn nothing_follows_an_error() {
    let mut masker = Masker::new(plan(Transform::Redact, &[]), Format::Json, Keys::from_root([7; 32]), None);
    let mut out = Vec::new();
    assert!(masker.push(b"{\"a\":\"ada@example.org\", x", &mut out).is_err());
    assert!(out.is_empty());
    assert!(masker.push(b"}", &mut out).is_err() && masker.finish(&mut out).is_err());
    assert!(out.is_empty());
}

/// Any JSON document, addresses, odd names, escapes and nested documents among it.
fn document() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![
        r#""""#,
        r#""ada@example.org""#,
        r#""\u0061da@example.org \ud83d\ude00""#,
        r#""{\"ssn\":1,\"m\":\"a@example.org\"}""#,
        r#""é€ x""#,
        "0",
        "-1.5e+10",
        "123456789012",
        "true",
        "null",
        "[0.25,-1.5,3]",
        "[ 1 , 2 ]",
        "[]",
        "{}",
    ])
    .prop_map(str::to_owned);
    let name =
        prop::sample::select(vec!["a", "ssn", "s\\u0073n", "vector", "id", "bob@example.org", "points"]);
    text.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(" ,"))),
            prop::collection::vec((name.clone(), inner), 0..5).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
                format!("{{ {} }}", members.join(", "))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_document_any_cuts(body in document(), mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let fields = [("**.ssn", Transform::Drop), ("**.a[1]", Transform::Hash), ("**.id", Transform::Partial { first: 1, last: 1 })];
        let plan = plan(Transform::Redact, &fields);
        let mut cuts: Vec<usize> = cuts.drain(..).map(|cut| cut.index(body.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = feed(&plan, Format::Json, body.as_bytes(), &[]).unwrap();
        prop_assert_eq!(&feed(&plan, Format::Json, body.as_bytes(), &cuts).unwrap(), &whole);
        let text = String::from_utf8(whole.0).unwrap();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{} -> {}", body, text);
        prop_assert!(!text.contains("example.org"), "{} -> {}", body, text);
        prop_assert!(!text.contains("ssn"), "{} -> {}", body, text);
    }

    #[test]
    fn any_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..80), cut in 0usize..80) {
        let plan = plan(Transform::Redact, &[("a", Transform::Drop)]);
        let cut = cut.min(body.len());
        for format in [Format::Json, Format::Ndjson, Format::Sse, Format::Text, Format::Form] {
            let whole = feed(&plan, format, &body, &[]);
            let parts = feed(&plan, format, &body, &[cut]);
            prop_assert_eq!(whole.is_ok(), parts.is_ok());
            if let (Ok(whole), Ok(parts)) = (whole, parts) {
                prop_assert_eq!(whole, parts);
            }
        }
    }

    #[test]
    fn any_form_of_text_any_cut(body in "[a-c@.&=+%\n\r:{}\" 0-9é-]{0,60}", cut in 0usize..60) {
        let plan = plan(Transform::Redact, &[("a", Transform::Drop)]);
        let body = body.as_bytes();
        let cut = cut.min(body.len());
        for format in [Format::Ndjson, Format::Sse, Format::Text, Format::Form] {
            let whole = feed(&plan, format, body, &[]);
            let parts = feed(&plan, format, body, &[cut]);
            prop_assert_eq!(whole.is_ok(), parts.is_ok());
            if let (Ok(whole), Ok(parts)) = (whole, parts) {
                prop_assert_eq!(whole, parts);
            }
        }
    }
}

fn cards(fields: &[(&str, Transform)]) -> Arc<Plan> {
    let fields = fields.iter().map(|(path, t)| (Path::parse(path).unwrap(), t.clone())).collect();
    let entities =
        ["credit_card", "email", "private_key"].map(|name| (entity(name).unwrap(), Transform::Redact));
    Arc::new(Plan::compile(PlanSpec { entities: entities.into(), fields, ..PlanSpec::default() }).unwrap())
}

#[test]
fn numbers_become_strings_and_floats_stay() {
    let body = r#"{"card": 4111111111111111, "n": [1, 4111111111111111 ,2.5], "f": [0.4111111111111111,1.5],
        "one": [4111111111111111], "score": 0.25, "nested": [[4111111111111111, "x"]]}"#;
    let (out, report) = masked(&cards(&[]), Format::Json, body);
    assert_eq!(
        out,
        r#"{"card": "[CREDIT_CARD]", "n": [1, "[CREDIT_CARD]" ,2.5], "f": [0.4111111111111111,1.5],
        "one": ["[CREDIT_CARD]"], "score": 0.25, "nested": [["[CREDIT_CARD]", "x"]]}"#
    );
    let paths: Vec<_> = report.findings.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, ["card", "n[1]", "one[0]", "nested[0][0]"]);
}

#[test]
fn a_key_longer_than_what_is_held_back_never_leaves() {
    let key = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n",
        "MIIEowIBAAKCAQEAq7zL0Yb1vX9sT3uPfN8wKdR5hJcG2mQeVxZyAiBtLkOj4W6n\n".repeat(1_200)
    );
    let text = format!("before {key} after ada@example.org end");
    let json = serde_json::to_string(&[&text, &"x".repeat(LONG_STRING)]).unwrap();
    for (format, body) in [(Format::Text, &text), (Format::Json, &json)] {
        let whole = feed(&cards(&[]), format, body.as_bytes(), &[]).unwrap();
        let out = String::from_utf8(whole.0.clone()).unwrap();
        assert!(!out.contains("MIIE") && out.contains(" after [EMAIL] end"), "{format:?} {}", out.len());
        for step in [61, 1_000, 20_000] {
            let cuts: Vec<usize> = (0..body.len()).step_by(step).collect();
            let parts = feed(&cards(&[]), format, body.as_bytes(), &cuts).unwrap();
            assert_eq!(String::from_utf8_lossy(&parts.0), out, "{format:?} {step}");
            assert_eq!(parts.1, whole.1);
        }
    }
}
