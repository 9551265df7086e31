//! Where entities that are bound to fields count, in every format and at every cut.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::detect::entity;
use crate::json::{FaultCode, LONG_STRING};
use crate::keys::Keys;
use crate::mask::{Format, Masker, Plan, PlanSpec};

fn list(paths: &[&str], entities: &[(&str, Transform)]) -> Bounded {
    let named = entities.iter().map(|(name, transform)| (entity(name).unwrap(), transform.clone()));
    let paths = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
    Bounded { paths, entities: named.collect(), except: BTreeMap::new() }
}

fn plan(everywhere: &[(&str, Transform)], within: Vec<Bounded>) -> Arc<Plan> {
    let entities = list(&[], everywhere).entities;
    Arc::new(Plan::compile(PlanSpec { entities, within, ..PlanSpec::default() }).unwrap())
}

fn fed(plan: &Arc<Plan>, content_type: &str, body: &str, chunk: usize) -> Result<String, FaultCode> {
    let format = Format::of(content_type).unwrap();
    let masker = Masker::new(plan.clone(), format, Keys::from_root([7; 32]), None);
    let (out, _) = masker.whole(body.as_bytes().chunks(chunk)).map_err(|fault| fault.code)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The same at every size of the pieces.
fn masked(plan: &Arc<Plan>, content_type: &str, body: &str) -> String {
    let whole = fed(plan, content_type, body, body.len()).unwrap();
    for chunk in 1..body.len() {
        assert_eq!(fed(plan, content_type, body, chunk).as_deref(), Ok(whole.as_str()), "{chunk}");
    }
    whole
}

fn emails_within(paths: &[&str]) -> Arc<Plan> {
    plan(&[], vec![list(paths, &[("email", Transform::Redact)])])
}

const MAIL: &str = "rosa.lind@example.com";

#[test]
fn a_field_and_all_that_is_in_it_and_nothing_else() {
    let plan = emails_within(&["messages[*].content"]);
    let body = |inside: &str, at: &str| {
        format!(
            r#"{{"messages":[{{"role":"{at}","content":"to {inside}"}},{{"content":[{{"type":"text","text":"{inside}","{inside}":[1,["{inside}"]]}}]}},
            {{"content":"{{\"to\":[\"{inside}\"]}}","name":"{at}"}}],"tools":[{{"name":"t","description":"asks {at}","{at}":"{{\"content\":\"{at}\"}}"}}],"content":"{at}"}}"#
        )
    };
    let out = masked(&plan, "application/json", &body(MAIL, MAIL));
    // A masked name carries a token.
    let token = out.split("\"[EMAIL:").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let expected = body("[EMAIL]", MAIL).replace("\"[EMAIL]\":[1", &format!("\"[EMAIL:{token}]\":[1"));
    assert_eq!(out, expected);
}

#[test]
fn a_string_that_holds_a_document_is_a_part_of_the_path() {
    let plan = emails_within(&["calls[*].arguments.to"]);
    let body = |inside: &str| {
        format!(
            r#"{{"calls":[{{"arguments":"{{\"to\":\"{inside}\",\"from\":\"{MAIL}\"}}"}},{{"arguments":"{MAIL}"}}]}}"#
        )
    };
    assert_eq!(masked(&plan, "application/json", &body(MAIL)), body("[EMAIL]"));
}

#[test]
fn numbers_and_texts_too_long_to_be_held() {
    let plan = plan(&[], vec![list(&["ssn[1]", "note"], &[("us_ssn", Transform::Redact)])]);
    let body = r#"{"ssn":[457555462,457555462,457555462],"us_ssn":457555462}"#;
    assert_eq!(masked(&plan, "application/json", body), body.replacen(",457555462", ",\"[US_SSN]\"", 1));
    let long = format!("{} ssn 457-55-5462 ", "word ".repeat(LONG_STRING / 5));
    let body =
        |inside: &str| format!(r#"{{"note":"{}","other":"{long}"}}"#, long.replace("457-55-5462", inside));
    for chunk in [4_093, body("").len() + 64] {
        assert_eq!(fed(&plan, "application/json", &body("457-55-5462"), chunk).unwrap(), body("[US_SSN]"));
    }
}

#[test]
fn each_place_has_the_strictest_of_what_counts_there() {
    let lists = vec![
        list(&["a", "b"], &[("email", Transform::Drop)]),
        list(&["b.deny"], &[("email", Transform::Deny), ("us_ssn", Transform::Redact)]),
    ];
    let plan = plan(&[("email", Transform::Redact)], lists);
    let body = format!(r#"{{"a":"x {MAIL}","b":["{MAIL}","457-55-5462"],"c":"{MAIL} 457-55-5462"}}"#);
    let out = masked(&plan, "application/json", &body);
    assert_eq!(out, r#"{"a":"x ","b":["","457-55-5462"],"c":"[EMAIL] 457-55-5462"}"#);
    let denied = format!(r#"{{"b":{{"deny":"{MAIL}"}}}}"#);
    assert_eq!(fed(&plan, "application/json", &denied, 5), Err(FaultCode::Denied));
}

/// An entity that does not count in a place takes nothing away from one that does.
#[test]
fn what_does_not_count_does_not_compete() {
    let url = [("url_credential", Transform::Redact)];
    let plan = plan(&[("email", Transform::Redact)], vec![list(&["links"], &url)]);
    let text = "https://ada:s3cr3tpw9@example.com/";
    let body = format!(r#"{{"links":"{text}","note":"{text}"}}"#);
    let alone = self::plan(&[("email", Transform::Redact)], Vec::new());
    let note = |plan: &Arc<Plan>, body: &str| {
        let out = fed(plan, "application/json", body, body.len()).unwrap();
        serde_json::from_str::<serde_json::Value>(&out).unwrap()["note"].clone()
    };
    assert_eq!(note(&plan, &body), note(&alone, &body));
}

#[test]
fn lines_and_events_are_documents() {
    let plan = emails_within(&["row.note"]);
    let rows = |inside: &str| {
        format!(
            "{{\"row\":{{\"note\":\"{inside}\",\"mail\":\"{MAIL}\"}}}}\n{{\"row\":{{\"note\":[\"{inside}\"]}}}}\n"
        )
    };
    assert_eq!(masked(&plan, "application/x-ndjson", &rows(MAIL)), rows("[EMAIL]"));
    // What is no data of an event has no fields.
    let events = |inside: &str| {
        format!(
            ": {inside}\ndata: {{\"row\":{{\"note\":\"{inside}\",\"mail\":\"{MAIL}\"}}}}\n\ndata: to {inside}\n\n"
        )
    };
    assert_eq!(masked(&plan, "text/event-stream", &events(MAIL)), events("[EMAIL]"));
}

/// Two choices in pieces, a tool call beside, and once more the whole of it in an event of its own.
fn chat(content: [&str; 2], arguments: [&str; 2], whole: &str) -> String {
    let mut events = String::new();
    for (content, arguments) in content.iter().zip(arguments) {
        events.push_str(&format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\",\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":\"{arguments}\"}}}}]}}}}]}}\n\n"
        ));
    }
    events + &format!("data: {{\"kept\":\"{whole}\"}}\n\ndata: [DONE]\n\n")
}

#[test]
fn texts_in_pieces_count_by_their_own_paths_or_by_those_of_the_whole() {
    let pieces = ["to rosa.li", "nd@example.com now"];
    let stream = chat(pieces, pieces, MAIL);
    let joined = |out: &str, member: &str| -> String {
        let data = out.lines().filter_map(|line| line.strip_prefix("data: "));
        let values = data.filter_map(|data| serde_json::from_str::<serde_json::Value>(data).ok());
        values.filter_map(|event| Some(event.pointer(member)?.as_str()?.to_owned())).collect()
    };
    let (content, arguments) =
        ("/choices/0/delta/content", "/choices/0/delta/tool_calls/0/function/arguments");
    let (clear, hidden) = (format!("to {MAIL} now"), "to [EMAIL] now".to_owned());
    for (paths, expected) in [
        (&["choices[*].delta.content"][..], [&hidden, &clear, MAIL]),
        // Of the answer that comes whole: nobody says which piece is which of its fields.
        (&["choices[*].message.content"], [&hidden, &hidden, "[EMAIL]"]),
        (&["choices[*].message.content", "choices[*].delta.content"], [&hidden, &clear, MAIL]),
        (&["choices[*].delta.tool_calls[*].function.arguments.to"], [&clear, &hidden, MAIL]),
        // A text of other streams is none of this one.
        (&["message.content", "choices[*].message.content"], [&hidden, &hidden, "[EMAIL]"]),
        (&["kept", "choices[0].delta.content"], [&hidden, &clear, "[EMAIL]"]),
    ] {
        let out = masked(&emails_within(paths), "text/event-stream", &stream);
        let found = [joined(&out, content), joined(&out, arguments), joined(&out, "/kept")];
        assert_eq!(found, expected.map(str::to_owned), "{paths:?}");
    }
    let lines: String = pieces
        .iter()
        .map(|p| format!("{{\"message\":{{\"content\":\"{p}\"}},\"x\":\"{MAIL}\"}}\n"))
        .collect();
    for (path, other) in [("message.content", MAIL), ("answer", "[EMAIL]")] {
        let out = masked(&emails_within(&[path]), "application/x-ndjson", &lines);
        assert!(
            !out.contains("rosa.li\"") && out.matches(&format!("\"x\":\"{other}\"")).count() >= 1,
            "{out}"
        );
    }
}

#[test]
fn names_of_fields_in_forms_and_tables() {
    let plan = emails_within(&["note", "[*].note", "card.mail"]);
    let form = |inside: &str| {
        format!(
            r#"note={inside}&other=rosa.lind@example.com&note=%7B%22a%22:%22{inside}%22%7D&x={{"card":{{"mail":"{inside}","m":"{MAIL}"}}}}"#
        )
    };
    let out = masked(&plan, "application/x-www-form-urlencoded", &form(MAIL));
    assert_eq!(out.matches("%5BEMAIL%5D").count(), 3, "{out}");
    assert!(
        out.contains("other=rosa.lind@example.com") && out.contains("rosa.lind%40example.com%22%7D"),
        "{out}"
    );
    let table = |inside: &str| format!("note,{MAIL},mail\n{inside},2,{MAIL}\n\"{inside}\",2,\"{MAIL}\"\n");
    assert_eq!(masked(&plan, "text/csv", &table(MAIL)), table("[EMAIL]"));
}

#[test]
fn parts_are_fields_and_files_are_bodies() {
    let plan = emails_within(&["note", "to"]);
    let body = |inside: &str| {
        let part = |name: &str, content_type: &str, body: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n"
            )
        };
        [
            part("name=note", "text/plain", inside),
            part("name=other", "text/plain", MAIL),
            part("name=other", "application/json", &format!(r#"{{"to":"{inside}","from":"{MAIL}"}}"#)),
            part("name=note", "application/json", &format!(r#"["{inside}"]"#)),
            part("name=file; filename=a.txt", "text/plain", inside),
            part("name=file; filename=a.json", "application/json", &format!(r#"["{MAIL}"]"#)),
            part("name=other", "text/plain", MAIL),
            "--b--\r\n".to_owned(),
        ]
        .concat()
    };
    assert_eq!(masked(&plan, "multipart/form-data; boundary=b", &body(MAIL)), body("[EMAIL]"));
}

#[test]
fn a_text_without_fields_is_read_whole() {
    let plan = emails_within(&["messages[*].content"]);
    assert_eq!(masked(&plan, "text/plain", &format!("to {MAIL} now")), "to [EMAIL] now");
    assert_eq!(plan.find(MAIL.as_bytes(), None).unwrap().len(), 1);
    let body = format!(r#"["{MAIL}"]"#);
    let all = emails_within(&["$"]);
    assert_eq!(masked(&all, "application/json", &body), r#"["[EMAIL]"]"#);
}

#[test]
fn what_left_is_read_again_where_it_counts() {
    let plan = emails_within(&["a"]).to_reread().unwrap();
    for (body, survivors) in [(format!(r#"{{"a":"{MAIL}"}}"#), 1), (format!(r#"{{"b":"{MAIL}"}}"#), 0)] {
        let mut masker = Masker::new(
            Arc::new(emails_within(&["a"]).to_reread().unwrap()),
            Format::Json,
            Keys::from_root([7; 32]),
            None,
        );
        masker.push(body.as_bytes(), &mut Vec::new()).unwrap();
        assert_eq!(masker.report().total(), survivors);
    }
    assert!(!plan.is_empty());
}

#[test]
fn more_lists_than_bits_are_refused() {
    let lists =
        |n: usize| (0..n).map(|i| list(&[&format!("f{i}")], &[("email", Transform::Redact)])).collect();
    assert!(Plan::compile(PlanSpec { within: lists(65), ..PlanSpec::default() }).is_err());
    let plan = plan(&[], lists(64));
    let body = format!(r#"{{"f63":"{MAIL}","f64":"{MAIL}"}}"#);
    assert_eq!(
        fed(&plan, "application/json", &body, 9).unwrap(),
        format!(r#"{{"f63":"[EMAIL]","f64":"{MAIL}"}}"#)
    );
}
