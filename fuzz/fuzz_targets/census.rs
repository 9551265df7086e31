//! What is only counted counts the same however it arrives, and as what is also read.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use wardline::classify;
use wardline::detect;
use wardline::keys::Keys;
use wardline::mask::{Format, Masker, Plan, PlanSpec, Transform};
use wardline::vector::{Counter, Places};

/// The places of bodies in which every system of the catalogue carries vectors.
static PLACES: LazyLock<Vec<Places>> = LazyLock::new(|| {
    let entries = classify::systems().iter().flat_map(|system| system.entries());
    let paths = entries.flat_map(|entry| [entry.request_census(), entry.response_census()]).flatten();
    paths.filter(|paths| paths.message.is_none()).map(|paths| Places::compile(paths).unwrap()).collect()
});

/// One that reads everything and changes some of it, and one that does neither.
static PLANS: LazyLock<[Arc<Plan>; 2]> = LazyLock::new(|| {
    let email = (detect::entity("email").unwrap(), Transform::Redact);
    let reads = PlanSpec { entities: vec![email], ..PlanSpec::default() };
    [reads, PlanSpec::default()].map(|spec| Arc::new(Plan::compile(spec).unwrap()))
});

fuzz_target!(|input: &[u8]| {
    let Some((&[low, high, chunk], body)) = input.split_first_chunk() else { return };
    let Some(places) = PLACES.get(usize::from(u16::from_le_bytes([low, high])) % PLACES.len()) else { return };
    let [reads, counts] = &*PLANS;
    let whole = counted(counts, places, body, body.len().max(1));
    assert_eq!(counted(counts, places, body, usize::from(chunk % 96) + 1), whole);
    // What is passed unread may be what a reader refuses.
    if let Some(read) = counted(reads, places, body, body.len().max(1)) {
        assert_eq!(whole, Some(read));
    }
});

/// Vectors, rows, texts and ids; `None` where the body is refused.
fn counted(plan: &Arc<Plan>, places: &Places, body: &[u8], chunk: usize) -> Option<[u64; 4]> {
    let counter = Some(Counter::at(places));
    let masker = Masker::new(Arc::clone(plan), Format::Json, Keys::from_root([7; 32]), counter);
    let (_, report) = masker.whole(body.chunks(chunk)).ok()?;
    report.census.map(|census| [census.vectors, census.rows, census.texts, census.ids_total])
}
