//! Who counts for which step: a matching of people to places, as large as can be.

use super::{Answer, Counted, Step, Vote};

/// Who fills the steps, where every step is filled; `None` while a place is open.
///
/// A person may be entitled to several steps and counts for one. Taking the first that fits could leave a step
/// empty that another order would fill, so places are assigned by augmenting paths (Kuhn's algorithm);
/// the numbers are those of people in a review, a handful.
pub(super) fn filled(steps: &[Step], votes: &[Vote]) -> Option<Vec<Counted>> {
    let approvals: Vec<&Vote> = votes.iter().filter(|vote| vote.answer == Answer::Approve).collect();
    let places: Vec<usize> = steps
        .iter()
        .enumerate()
        // More places than there are voters cannot be filled: no need to lay out a huge `need`.
        .flat_map(|(at, step)| std::iter::repeat_n(at, (step.need as usize).min(approvals.len() + 1)))
        .collect();
    let mut taken: Vec<Option<usize>> = vec![None; approvals.len()];
    for place in 0..places.len() {
        let mut seen = vec![false; approvals.len()];
        if !seat(place, &places, steps, &approvals, &mut taken, &mut seen) {
            return None;
        }
    }
    let mut counted: Vec<Counted> = approvals
        .iter()
        .zip(&taken)
        .filter_map(|(vote, place)| {
            let step = *places.get((*place)?)?;
            let group = entitled(steps.get(step)?, vote)?.to_owned();
            Some(Counted { by: vote.by.clone(), step, group })
        })
        .collect();
    counted.sort_by(|a, b| (a.step, &a.by).cmp(&(b.step, &b.by)));
    Some(counted)
}

/// Finds someone for `place`, moving those already seated where that frees one. Depth is at most the number of voters.
fn seat(
    place: usize,
    places: &[usize],
    steps: &[Step],
    approvals: &[&Vote],
    taken: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    let Some(step) = places.get(place).and_then(|at| steps.get(*at)) else { return false };
    for (person, vote) in approvals.iter().enumerate() {
        let Some(seen_here) = seen.get_mut(person) else { continue };
        if *seen_here || entitled(step, vote).is_none() {
            continue;
        }
        *seen_here = true;
        let free = match taken.get(person).copied().flatten() {
            None => true,
            Some(other) => seat(other, places, steps, approvals, taken, seen),
        };
        if free {
            if let Some(slot) = taken.get_mut(person) {
                *slot = Some(place);
            }
            return true;
        }
    }
    false
}

/// The group of the voter that this step asks.
fn entitled<'v>(step: &Step, vote: &'v Vote) -> Option<&'v str> {
    vote.groups.iter().map(String::as_str).find(|group| step.from.iter().any(|from| from == group))
}
