//! A small vector store as Qdrant's REST API has it: collections, points, search, scroll and snapshots, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::embedder::{DIMENSIONS, embed, similarity};

#[derive(Clone, Default)]
pub(crate) struct Store(Arc<RwLock<BTreeMap<String, Collection>>>);

type Collection = BTreeMap<Id, Point>;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

#[derive(Clone, Serialize, Deserialize)]
struct Point {
    id: Id,
    vector: Vec<f32>,
    #[serde(default)]
    payload: Value,
}

#[derive(Deserialize)]
struct Upsert {
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Query {
    #[serde(alias = "vector")]
    query: Vec<f32>,
    #[serde(flatten)]
    page: Page,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default = "ten")]
    limit: usize,
    offset: Option<Id>,
    #[serde(default)]
    with_payload: Value,
    #[serde(default, alias = "with_vectors")]
    with_vector: Value,
}

pub(crate) fn router(store: Store) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "healthz check passed" }))
        .route("/collections", get(list))
        .route("/collections/{name}", put(create).get(describe))
        .route("/collections/{name}/points", put(upsert))
        .route("/collections/{name}/points/query", post(query))
        .route("/collections/{name}/points/search", post(search))
        .route("/collections/{name}/points/scroll", post(scroll))
        .route("/collections/{name}/points/{id}", get(point))
        .route("/collections/{name}/snapshots/{snapshot}", get(snapshot))
        .with_state(store)
}

async fn list(State(store): State<Store>) -> Response {
    let names: Vec<Value> = store.read(|all| all.keys().map(|name| json!({"name": name})).collect());
    ok(json!({"collections": names}))
}

async fn create(State(store): State<Store>, Path(name): Path<String>) -> Response {
    store.write(|all| all.entry(name).or_default().len());
    ok(json!(true))
}

async fn describe(State(store): State<Store>, Path(name): Path<String>) -> Response {
    store.of(&name, |points| {
        let vectors = json!({"size": DIMENSIONS, "distance": "Cosine"});
        ok(json!({"status": "green", "points_count": points.len(), "config": {"params": {"vectors": vectors}}}))
    })
}

async fn upsert(State(store): State<Store>, Path(name): Path<String>, Json(body): Json<Upsert>) -> Response {
    if body.points.iter().any(|point| point.vector.len() != DIMENSIONS) {
        return error(StatusCode::BAD_REQUEST, "a vector has another length than the collection's");
    }
    let known = store.write(|all| {
        let points = all.get_mut(&name)?;
        points.extend(body.points.into_iter().map(|point| (point.id.clone(), point)));
        Some(())
    });
    known.map_or_else(missing, |()| ok(json!({"operation_id": 0, "status": "completed"})))
}

async fn query(State(store): State<Store>, Path(name): Path<String>, Json(body): Json<Query>) -> Response {
    store.of(&name, |points| ok(json!({"points": nearest(points, &body)})))
}

async fn search(State(store): State<Store>, Path(name): Path<String>, Json(body): Json<Query>) -> Response {
    store.of(&name, |points| ok(json!(nearest(points, &body))))
}

async fn scroll(State(store): State<Store>, Path(name): Path<String>, Json(page): Json<Page>) -> Response {
    store.of(&name, |points| {
        let mut from =
            points.values().skip_while(|point| page.offset.as_ref().is_some_and(|id| point.id < *id));
        let shown: Vec<Value> = from.by_ref().take(page.limit).map(|point| page.show(point, None)).collect();
        ok(json!({"points": shown, "next_page_offset": from.next().map(|point| &point.id)}))
    })
}

async fn point(State(store): State<Store>, Path((name, id)): Path<(String, String)>) -> Response {
    let id = id.parse().map_or(Id::Text(id), Id::Number);
    store.of(&name, |points| points.get(&id).map_or_else(missing, |point| ok(json!(point))))
}

/// The whole collection, one point a line.
async fn snapshot(State(store): State<Store>, Path((name, _)): Path<(String, String)>) -> Response {
    store.of(&name, |points| {
        let lines: String = points.values().map(|point| format!("{}\n", json!(point))).collect();
        ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
    })
}

fn nearest(points: &Collection, asked: &Query) -> Vec<Value> {
    let mut scored: Vec<_> =
        points.values().map(|point| (similarity(&asked.query, &point.vector), point)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.iter().take(asked.page.limit).map(|(score, point)| asked.page.show(point, Some(*score))).collect()
}

impl Page {
    fn show(&self, point: &Point, score: Option<f32>) -> Value {
        let mut shown = json!({"id": point.id});
        let asked = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
        if let Some(members) = shown.as_object_mut() {
            members.extend(score.map(|score| ("score".to_owned(), json!(score))));
            if asked(&self.with_payload) {
                members.insert("payload".to_owned(), point.payload.clone());
            }
            if asked(&self.with_vector) {
                members.insert("vector".to_owned(), json!(point.vector));
            }
        }
        shown
    }
}

const fn ten() -> usize {
    10
}

fn ok(result: Value) -> Response {
    Json(json!({"result": result, "status": "ok", "time": 0.0})).into_response()
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"status": {"error": message}, "time": 0.0}))).into_response()
}

fn missing() -> Response {
    error(StatusCode::NOT_FOUND, "there is no such thing here")
}

impl Store {
    /// A store with one collection of invented support notes, each about a customer.
    pub(crate) fn with_notes(name: &str, count: u64) -> Self {
        const PEOPLE: [&str; 6] = ["Rosa Lind", "Tom Ek", "Mia Brandt", "Ivo Kern", "Lea Sund", "Jan Holm"];
        const TOPICS: [&str; 5] = [
            "asks for a copy of the invoice",
            "reports that the shipment arrived broken",
            "wants to change the delivery address",
            "cannot sign in after the password reset",
            "cancels the subscription and wants a refund",
        ];
        let note = |n: u64, person: &str, topic: &str| {
            let mail = format!("{}.{n}@example.com", person.to_lowercase().replace(' ', "."));
            let text = format!(
                "{person} {topic}, case {n}; answer to {mail} or call +1 212 555 {:04}",
                100 + n % 100
            );
            let payload = json!({"text": text, "salary": 40_000 + 7 * n});
            // Only what the note is about is embedded.
            (Id::Number(n), Point { id: Id::Number(n), vector: embed(topic), payload })
        };
        let people = PEOPLE.iter().cycle().zip(TOPICS.iter().cycle());
        let notes = (1..=count).zip(people).map(|(n, (person, topic))| note(n, person, topic)).collect();
        let store = Self::default();
        store.write(|all| all.insert(name.to_owned(), notes));
        store
    }

    fn of(&self, name: &str, answer: impl FnOnce(&Collection) -> Response) -> Response {
        self.read(|all| all.get(name).map_or_else(missing, answer))
    }

    fn read<T>(&self, work: impl FnOnce(&BTreeMap<String, Collection>) -> T) -> T {
        work(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Collection>) -> T) -> T {
        work(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
