use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::detect::entity;
use crate::json::Path;
use crate::keys::Keys;
use crate::mask::{Format, Masker, Plan, PlanSpec, Release, Transform};

fn plan(fields: &[(&str, Transform)]) -> Arc<Plan> {
    let entities = ["email", "credit_card", "iban", "bearer_token"];
    Arc::new(
        Plan::compile(PlanSpec {
            entities: entities.map(|name| (entity(name).unwrap(), Transform::Redact)).to_vec(),
            fields: fields.iter().map(|(path, t)| (Path::parse(path).unwrap(), t.clone())).collect(),
            ..PlanSpec::default()
        })
        .unwrap(),
    )
}

/// What goes out after each piece.
fn fed(plan: &Arc<Plan>, pieces: &[&[u8]]) -> (Vec<String>, BTreeMap<String, u64>) {
    let mut masker = Masker::new(plan.clone(), Format::Sse, Keys::from_root([7; 32]), None);
    let mut outs = Vec::new();
    for piece in pieces {
        let mut out = Vec::new();
        if masker.push(piece, &mut out).unwrap() == Release::Unchanged {
            out.extend_from_slice(piece);
        }
        outs.push(String::from_utf8(out).unwrap());
    }
    let mut out = Vec::new();
    masker.finish(&mut out).unwrap();
    outs.push(String::from_utf8(out).unwrap());
    assert_eq!(masker.held(), 0);
    let totals = masker.into_report().totals;
    (outs, totals.into_iter().map(|(name, count)| (name.to_string(), count)).collect())
}

fn masked(plan: &Arc<Plan>, body: &str) -> String {
    fed(plan, &[body.as_bytes()]).0.concat()
}

/// The events of a body that are JSON.
fn events(body: &str) -> Vec<Value> {
    body.split("\n\n")
        .filter(|event| !event.is_empty())
        .filter_map(|event| {
            let data: Vec<&str> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            serde_json::from_str(&data.join("\n")).ok()
        })
        .collect()
}

/// All pieces at a pointer, put together.
fn joined(body: &str, pointer: &str) -> String {
    events(body).iter().filter_map(|event| event.pointer(pointer)?.as_str().map(str::to_owned)).collect()
}

fn chat(choice: u64, content: &str) -> String {
    format!(
        "data: {}\n\n",
        json!({"id": "c1", "choices": [{"delta": {"content": content}, "index": choice, "finish_reason": null}]})
    )
}

#[test]
fn a_value_cut_over_events_is_found() {
    let pieces = ["Write", " to", " rosa", ".lind", "@", "example", ".com", " now", "."];
    let mut body: String = pieces.iter().map(|piece| chat(0, piece)).collect();
    body += "data: {\"choices\":[{\"delta\":{},\"index\":0,\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let out = masked(&plan(&[]), &body);
    assert_eq!(joined(&out, "/choices/0/delta/content"), "Write to [EMAIL] now.");
    assert!(out.ends_with("data: [DONE]\n\n"));
    let all = events(&out);
    // What was held back comes before the end of its text, in one more event.
    assert_eq!(all.len(), pieces.len() + 2);
    assert_eq!(all.last().unwrap()["choices"][0]["finish_reason"], "stop");
}

#[test]
fn the_first_event_leaves_with_the_first_event() {
    let body: Vec<String> =
        ["Hello", " rosa", " and", " good", " day"].iter().map(|text| chat(0, text)).collect();
    let pieces: Vec<&[u8]> = body.iter().map(String::as_bytes).collect();
    let (outs, _) = fed(&plan(&[]), &pieces);
    assert!(outs.iter().take(5).all(|out| events(out).len() == 1), "{outs:?}");
    assert_eq!(joined(&outs.concat(), "/choices/0/delta/content"), "Hello rosa and good day");
}

#[test]
fn each_choice_is_a_text_of_its_own() {
    let body = [(0, "card 5555 5555"), (1, "ask tom.ek@"), (0, " 5555 4444"), (1, "example.org"), (0, " ok")]
        .map(|(choice, text)| chat(choice, text))
        .concat();
    let out = masked(&plan(&[]), &body);
    let of = |choice: u64| -> String {
        events(&out)
            .iter()
            .filter(|event| event["choices"][0]["index"] == choice)
            .filter_map(|event| event.pointer("/choices/0/delta/content")?.as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!((of(0).as_str(), of(1).as_str()), ("card [CREDIT_CARD] ok", "ask [EMAIL]"));
}

#[test]
fn arguments_of_tool_calls_are_texts() {
    let call = |index: u64, arguments: &str| {
        let call = json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}}]});
        format!("data: {call}\n\n")
    };
    let body = [
        call(0, "{\"to\":\"rosa.li"),
        call(1, "{\"iban\":\"GB82 WEST 1234"),
        call(0, "nd@example.com\"}"),
        call(1, " 5698 7654 32\"}"),
    ]
    .concat();
    let out = masked(&plan(&[]), &body);
    let of = |index: u64| -> String {
        let calls = events(&out);
        let calls = calls.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"][0]);
        calls
            .filter(|call| call["index"] == index)
            .map(|call| call["function"]["arguments"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!((of(0).as_str(), of(1).as_str()), (r#"{"to":"[EMAIL]"}"#, r#"{"iban":"[IBAN]"}"#));
}

#[test]
fn blocks_with_named_events_keep_their_names() {
    let delta = |text: &str| {
        let data =
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
        format!("event: content_block_delta\ndata: {data}\n\n")
    };
    let body = [
        delta("mail rosa.lind@exa"),
        delta("mple.com"),
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n".to_owned(),
    ]
    .concat();
    let out = masked(&plan(&[]), &body);
    assert_eq!(joined(&out, "/delta/text"), "mail [EMAIL]");
    assert!(out.matches("event: content_block_delta\n").count() == 3 && out.ends_with("\"index\":0}\n\n"));
    assert_eq!(events(&out).last().unwrap()["type"], "content_block_stop");
}

#[test]
fn the_end_in_the_same_event_lets_all_go() {
    let body = "data: {\"response\":\"rosa.lind@\",\"done\":false}\n\ndata: {\"response\":\"example.com\",\"done\":true}\n\n";
    let out = masked(&plan(&[]), body);
    assert_eq!((joined(&out, "/response"), events(&out).len()), ("[EMAIL]".to_owned(), 2));
}

#[test]
fn what_says_a_text_once_more_goes() {
    let event = json!({"choices": [{"index": 0, "delta": {"content": "hi "}, "logprobs": {"content": [{"token": "hi", "bytes": [104, 105]}]}}]});
    let out = masked(&plan(&[]), &format!("data: {event}\n\n"));
    assert_eq!(events(&out)[0]["choices"][0]["logprobs"], Value::Null);
    // Where nothing is looked for, nothing is taken away.
    let empty = Arc::new(Plan::compile(PlanSpec::default()).unwrap());
    assert!(masked(&empty, &format!("data: {event}\n\n")).contains("bytes"));
}

#[test]
fn a_field_rule_takes_the_text_whole() {
    let fields = plan(&[("choices[*].delta.content", Transform::Redact)]);
    let out = masked(&fields, &[chat(0, "rosa.lind@"), chat(0, "example.com")].concat());
    assert_eq!(joined(&out, "/choices/0/delta/content"), "[REDACTED][REDACTED]");
}

#[test]
fn a_long_value_is_one() {
    let token = "a1B2".repeat(700);
    let body: String = format!("Authorization: Bearer {token} end")
        .as_bytes()
        .chunks(64)
        .map(|part| chat(0, std::str::from_utf8(part).unwrap()))
        .collect();
    let (outs, totals) = fed(&plan(&[]), &body.as_bytes().chunks(64).collect::<Vec<_>>());
    let text = joined(&outs.concat(), "/choices/0/delta/content");
    assert_eq!((text.as_str(), totals["bearer_token"]), ("Authorization: Bearer [BEARER_TOKEN] end", 1));
}

proptest! {
    /// However a text is cut into events, and these into pieces, the same text comes out.
    #[test]
    fn cuts_change_nothing(
        words in prop::collection::vec(prop::sample::select(vec![
            "rosa.lind@example.com", "5555 5555 5555 4444", "GB82WEST12345698765432", "hello", "ünïcödé", "\"quoted\"",
            "a@b", "1234", "\n", "🙂",
        ]), 1..12),
        cuts in prop::collection::vec(1usize..9, 1..80),
        chunk in 1usize..60,
    ) {
        let text = words.join(" ");
        let whole = {
            let out = masked(&plan(&[]), &chat(0, &text));
            joined(&out, "/choices/0/delta/content")
        };
        let (mut body, mut rest, mut cuts) = (String::new(), text.as_str(), cuts.iter().cycle());
        while !rest.is_empty() {
            let mut at = (*cuts.next().unwrap()).min(rest.len());
            while !rest.is_char_boundary(at) {
                at += 1;
            }
            let (piece, after) = rest.split_at(at);
            body += &chat(0, piece);
            rest = after;
        }
        let (outs, _) = fed(&plan(&[]), &body.as_bytes().chunks(chunk).collect::<Vec<_>>());
        prop_assert_eq!(joined(&outs.concat(), "/choices/0/delta/content"), whole);
    }
}

#[test]
fn lines_carry_texts_too() {
    let line = |text: &str, done: bool| {
        format!(
            "{}\n",
            json!({"model": "m", "message": {"role": "assistant", "content": text}, "done": done})
        )
    };
    let body =
        [line("ask rosa.", false), line("lind@exam", false), line("ple.com", false), line("", true)].concat();
    let feed = |chunk: usize| {
        let masker = Masker::new(plan(&[]), Format::Ndjson, Keys::from_root([7; 32]), None);
        let (out, _) = masker.whole(body.as_bytes().chunks(chunk)).unwrap();
        String::from_utf8(out).unwrap()
    };
    let whole = feed(body.len());
    let texts: String = whole
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["message"]["content"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!((texts.as_str(), whole.lines().count()), ("ask [EMAIL]", 4));
    assert!((1..body.len()).all(|chunk| feed(chunk) == whole));
}

/// Events that are alike but for their pieces are read by what they have in common; that changes nothing.
#[test]
fn events_read_alike_come_out_as_events_read_one_by_one() {
    let pieces = [
        "ask ",
        "ada",
        "@exam",
        "ple.org",
        " or pay 4111",
        " 1111 1111 ",
        "1111 ",
        "\"now\"",
        " \u{e9}t\u{e9}",
        "",
        " \\ ",
        "bob@",
        "example.org",
        ".",
    ];
    let plan = plan(&[]);
    let body = |varies: bool| {
        let event = |(n, piece): (usize, &&str)| {
            let id = if varies { format!("chat-{}", n % 7) } else { "chat".to_owned() };
            format!("data: {}\n\n", json!({"id": id, "choices": [{"index": 0, "delta": {"content": piece}}]}))
        };
        pieces.iter().cycle().take(60).enumerate().map(event).collect::<String>()
    };
    let (alike, varied) = (body(false), body(true));
    let (one, other) = (fed(&plan, &[alike.as_bytes()]), fed(&plan, &[varied.as_bytes()]));
    let pointer = "/choices/0/delta/content";
    assert_eq!(joined(&one.0.concat(), pointer), joined(&other.0.concat(), pointer));
    assert_eq!(one.1, other.1);
    assert_eq!(one.1.get("email"), Some(&9));
    assert!(!one.0.concat().contains("ada@"));
}

/// What stands beside the piece is masked in each event, however alike they are.
#[test]
fn values_beside_a_piece_are_masked_each_time() {
    let plan = plan(&[]);
    let event = r#"data: {"user":"ada@example.org","choices":[{"index":0,"delta":{"content":"a "}}]}"#;
    let (outs, totals) = fed(&plan, &[format!("{event}\n\n").repeat(5).as_bytes()]);
    assert_eq!(totals.get("email"), Some(&5));
    assert!(!outs.concat().contains("ada@"));
}
