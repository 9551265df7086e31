//! A notice in the form that its receiver reads: CloudEvents, Slack or Teams.

use serde_json::{Value, json};

use crate::grant::{Event, Notice};
use crate::policy::Form;

/// The content type and the body. `link`: where it is decided.
pub(super) fn write(notice: &Notice, form: Form, link: Option<&str>) -> (&'static str, Vec<u8>) {
    let told = |plain, decide: &str| format!("{}{decide}", sentence(notice, plain));
    let (kind, value) = match form {
        Form::Json => ("application/cloudevents+json; charset=utf-8", cloud_event(notice, link)),
        Form::Slack => {
            let decide = link.map_or_else(String::new, |link| format!(" <{link}|Decide>"));
            ("application/json", json!({"text": told(slack, &decide)}))
        }
        Form::Teams => {
            let decide = link.map_or_else(String::new, |link| format!(" [Decide]({link})"));
            ("application/json", teams(&told(markdown, &decide)))
        }
    };
    (kind, value.to_string().into_bytes())
}

/// CloudEvents 1.0, structured.
fn cloud_event(notice: &Notice, link: Option<&str>) -> Value {
    let mut data = json!({
        "who": notice.who,
        "services": notice.services,
        "what": notice.what,
        "until": notice.until,
    });
    if let Value::Object(data) = &mut data {
        if let Some(by) = &notice.by {
            data.insert("by".to_owned(), json!(by));
        }
        if let Some(link) = link {
            data.insert("link".to_owned(), json!(link));
        }
        if !notice.needs.is_empty() {
            data.insert("needs".to_owned(), json!(notice.needs));
        }
    }
    json!({
        "specversion": "1.0",
        "id": notice.id,
        "source": "wardline",
        "type": format!("wardline.{}", notice.event.name()),
        "subject": notice.about,
        "time": notice.at,
        "datacontenttype": "application/json",
        "data": data,
    })
}

/// An Adaptive Card, as the workflows of Teams take it.
fn teams(text: &str) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "type": "AdaptiveCard",
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "version": "1.4",
                "body": [{"type": "TextBlock", "text": text, "wrap": true}],
            },
        }],
    })
}

/// One sentence for people. Names that callers choose are written so that they stay text.
fn sentence(notice: &Notice, plain: fn(&str) -> String) -> String {
    let list = |items: &[String], between: &str| {
        items.iter().map(|item| plain(item)).collect::<Vec<_>>().join(between)
    };
    let who = list(&notice.who, " for ");
    let (services, what) = (list(&notice.services, ", "), list(&notice.what, ", "));
    let (about, until) = (plain(&notice.about), notice.until);
    let by = notice.by.as_deref().map(plain).unwrap_or_default();
    match notice.event {
        Event::ApprovalOpened => {
            let needs = list(&notice.needs, " and ");
            format!("{who} asks {services} for {what}. It takes {needs}, until {until}. ({about})")
        }
        Event::ApprovalApproved => {
            format!("{by} approved: {who} at {services}, {what}; to be used until {until}. ({about})")
        }
        Event::ApprovalBreakGlass => {
            format!("{by} BROKE THE GLASS: {who} at {services}, {what}; to be used until {until}. ({about})")
        }
        Event::ApprovalCancelled => {
            format!("{by} took the request back: {who} at {services}, {what}. ({about})")
        }
        Event::ApprovalDenied => format!("{by} denied: {who} at {services}, {what}. ({about})"),
        Event::ApprovalExpired => format!("Nobody decided in time: {who} at {services}, {what}. ({about})"),
        Event::GrantIssued => {
            let who = list(&notice.who, ", ");
            format!("{by} issued a grant: {who} at {services}, {what}, until {until}. ({about})")
        }
        Event::GrantRevoked => {
            let who = list(&notice.who, ", ");
            format!("{by} revoked a grant: {who} at {services}, {what}. ({about})")
        }
    }
}

/// Slack takes `&`, `<` and `>` for its own.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Teams reads a little Markdown.
fn markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '`' | '<' | '>' | '!') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn notice(event: Event, what: &str) -> Notice {
        Notice {
            id: "apr_1-opened".into(),
            event,
            at: Timestamp::from_millis(0),
            about: "apr_1".into(),
            who: vec!["ana".into(), "worker".into()],
            services: vec!["vectors".into()],
            what: vec![what.into()],
            by: None,
            until: Timestamp::from_millis(1_000),
            needs: vec!["1 of security".into()],
        }
    }

    #[test]
    fn a_cloud_event_has_what_one_must_have() {
        let (kind, body) = write(&notice(Event::ApprovalOpened, "vector.export"), Form::Json, None);
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert!(kind.starts_with("application/cloudevents+json"));
        assert_eq!(
            (&body["specversion"], &body["type"]),
            (&json!("1.0"), &json!("wardline.approval.opened"))
        );
        assert_eq!((&body["id"], &body["time"]), (&json!("apr_1-opened"), &json!("1970-01-01T00:00:00Z")));
        assert_eq!(body["data"]["who"], json!(["ana", "worker"]));
    }

    #[test]
    fn names_stay_text() {
        let hostile = "export on \"<https://evil.test|click> [click](https://evil.test) & *now*\"";
        for event in Event::ALL {
            let (_, body) = write(&notice(event, hostile), Form::Slack, None);
            let text = serde_json::from_slice::<Value>(&body).unwrap()["text"].as_str().unwrap().to_owned();
            assert!(text.contains("&lt;https://evil.test|click&gt;") && !text.contains('<'), "{text}");
            let (_, body) = write(&notice(event, hostile), Form::Teams, None);
            let card: Value = serde_json::from_slice(&body).unwrap();
            let text = card["attachments"][0]["content"]["body"][0]["text"].as_str().unwrap();
            assert!(text.contains(r"\[click\]\(https://evil.test\)") && text.contains(r"\*now\*"), "{text}");
        }
    }

    #[test]
    fn what_waits_is_linked_to_in_every_form() {
        let link = Some("https://wardline.internal/approvals/apr_1");
        let body = |form| {
            let (_, body) = write(&notice(Event::ApprovalOpened, "vector.export"), form, link);
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        assert_eq!(body(Form::Json)["data"]["link"], json!(link));
        let text = body(Form::Slack)["text"].as_str().unwrap().to_owned();
        assert!(text.ends_with(" <https://wardline.internal/approvals/apr_1|Decide>"), "{text}");
        let text = body(Form::Teams)["attachments"][0]["content"]["body"][0]["text"].to_string();
        assert!(text.contains("[Decide](https://wardline.internal/approvals/apr_1)"), "{text}");
    }
}
