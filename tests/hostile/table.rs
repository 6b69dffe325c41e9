//! The table that people read.

use std::time::Duration;

use crate::{
    oracle::{LATE, SETTLED, Verdict},
    scene::Scene,
};

/// Columns: the case, what had to come of it, what came, milliseconds, milliseconds after its deadline, and the memory that
/// the server had more than before the first case: at the most, and when all had settled.
pub fn head(scene: &Scene) {
    let before = scene.before;
    println!(
        "one server, process {}: {} MiB, {} descriptors, {} threads\n",
        scene.session.process(),
        before.memory >> 20,
        before.descriptors,
        before.threads
    );
    println!(
        "{:<43} {:<20} {:<26} {:>7} {:>7} {:>8} {:>7}",
        "case", "expected", "seen", "ms", "late ms", "peak MiB", "kept"
    );
}

pub fn line(verdict: &Verdict) {
    let Verdict { name, expected, seen, took, late, memory, broken, .. } = verdict;
    let late = late.map_or_else(String::new, |late| late.as_millis().to_string());
    let mark = if broken.is_empty() { "" } else { "  FAILED" };
    println!(
        "{name:<43} {expected:<20} {seen:<26} {:>7} {late:>7} {:>8} {:>7}{mark}",
        took.as_millis(),
        memory.0 >> 20,
        memory.1 >> 20
    );
    for demand in broken {
        println!("    {demand}");
    }
}

pub fn sum(verdicts: &[Verdict], process: u32, neighbour: &[Duration], took: Duration) {
    let contained = verdicts.iter().filter(|verdict| verdict.broken.is_empty()).count();
    let mut late: Vec<_> = verdicts.iter().filter_map(|verdict| verdict.late).collect();
    late.sort_unstable();
    let punctual = late.iter().filter(|late| **late <= LATE).count();
    let settled = verdicts.iter().filter(|verdict| verdict.settled <= SETTLED).count();
    let at = |times: &[Duration], percent: usize| {
        times
            .get((times.len() * percent / 100).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
            .as_secs_f64()
            * 1e3
    };
    println!(
        "\n{contained} of {} contained, one process ({process}), {:.0} s\n\
         calls stopped at their deadline: {punctual} of {} within {LATE:?}; the latest {:.0} ms\n\
         as before within {SETTLED:?}: {settled} of {}\n\
         neighbour: {} calls, no error unless one is told of; p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        verdicts.len(),
        took.as_secs_f64(),
        late.len(),
        at(&late, 100),
        verdicts.len(),
        neighbour.len(),
        at(neighbour, 50),
        at(neighbour, 99),
        at(neighbour, 100),
    );
}
