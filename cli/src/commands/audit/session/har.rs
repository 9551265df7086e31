//! A session as an HTTP archive (HAR 1.2, <http://www.softwareishard.com/blog/har-12-spec/>), which the network tools of browsers open.
//!
//! The log holds no headers and no raw targets, so the archive has none: a URL is the template of the catalogue entry. Bodies are there as far
//! as the policy had them kept, as they left after masking. The record itself stands in `_wardline`, as the format leaves room for.

use std::path::Path;

use serde_json::{Value, json};
use wardline::audit::Entry;

use super::{Bodies, length};

/// The archive of the session's HTTP exchanges.
pub(super) fn archive(folder: &Path, story: &[Entry]) -> Value {
    let entries: Vec<Value> = story
        .iter()
        .filter(|entry| entry.record.method.is_some())
        .map(|entry| exchange(folder, entry))
        .collect();
    json!({ "log": {
        "version": "1.2",
        "creator": { "name": "wardline", "version": env!("CARGO_PKG_VERSION") },
        "entries": entries,
    } })
}

fn exchange(folder: &Path, entry: &Entry) -> Value {
    let record = &entry.record;
    let size =
        |passed: &Option<Box<wardline::audit::Passed>>| passed.as_ref().map_or(0, |passed| passed.bytes);
    let (status, sent, got) = (record.status.unwrap_or(0), size(&record.request), size(&record.response));
    let time = length(record);
    let [asked, answered] = Bodies::of(folder, entry).contents(entry);
    let mut content = json!({ "size": got, "mimeType": "" });
    if let (Some(content), Some(Value::Object(answered))) = (content.as_object_mut(), answered) {
        content.extend(answered);
    }
    let mut archived = json!({
        "startedDateTime": record.at,
        "time": time,
        "request": {
            "method": record.method,
            "url": format!("http://{}{}", record.service, record.entry.as_deref().unwrap_or("/")),
            "httpVersion": "HTTP/1.1", "cookies": [], "headers": [], "queryString": [], "headersSize": -1, "bodySize": sent,
        },
        "response": {
            "status": status, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": [], "headers": [],
            "content": content, "redirectURL": "", "headersSize": -1, "bodySize": got,
        },
        "cache": {},
        "timings": { "send": 0, "wait": time, "receive": 0 },
        "comment": super::what(entry),
        "_wardline": record,
    });
    if let (Some(request), Some(asked)) = (archived.get_mut("request").and_then(Value::as_object_mut), asked)
    {
        request.insert("postData".to_owned(), asked);
    }
    archived
}
