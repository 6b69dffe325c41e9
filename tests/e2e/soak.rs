//! Calls of good and hostile guests by the hundred thousand leave nothing behind. `cargo run --release --example soak` makes
//! more of the same.

#[path = "../../host/examples/soak/run/mod.rs"]
pub mod run;

use std::time::Duration;

use crate::folder::Folder;

/// Calls over which a leak is looked for, and how often.
const WINDOW: u64 = 40_000;
const WINDOWS: u64 = 3;

#[test]
fn calls_by_the_hundred_thousand_leave_nothing_behind() {
    let folder = Folder::new(run::mix::GUESTS);
    folder.lock();
    let mut server = folder.toolcell();
    server.args(["serve", "--locked"]).env("TOOLCELL_LOG", "error");
    // What the allocator keeps of what it was given back moves up and down by megabytes. Told to return it at once, and in small
    // pages, the process holds what is in use.
    server.envs([("MIMALLOC_PURGE_DELAY", "0"), ("MIMALLOC_ALLOW_THP", "0")]);
    // Memory grows until each plugin has as many slots as calls of it ever meet, which can take any time where few are under
    // way. Many at first make more slots than the rest of the run needs.
    let in_flight = |calls| if calls < run::SETTLED / 2 { 32 } else { 4 };
    let enough = |calls, _| calls >= run::SETTLED + WINDOWS * WINDOW;
    let report = run::run(&mut server, in_flight, enough, Duration::from_millis(500), |_| {});
    let report = report.expect("the server answers all and ends well");

    assert_eq!(report.surprising, 0, "{:#?}", report.surprises);
    let unmet = report.outcomes.iter().filter(|(_, calls)| *calls == 0);
    assert_eq!(unmet.count(), 0, "{:?}", report.outcomes);
    // What leaks does so in every window; a slot that is used for the first time is larger in one.
    let windows = (0..WINDOWS).map(|window| run::SETTLED + window * WINDOW);
    let growths = windows.map(|from| report.growth(from..from + WINDOW).expect("a window has samples"));
    let growths: Vec<f64> = growths.collect();
    eprintln!("{growths:+.2?} bytes a call after the first {}: {:?}", run::SETTLED, report.samples.last());
    // What leaks in every call is larger than this, and noise, which is some hundred kilobytes, less.
    assert!(growths.iter().any(|growth| *growth < 16.0), "{:#?}", report.settled().collect::<Vec<_>>());
    let most = |of: fn(&run::process::Held) -> usize, samples: &mut dyn Iterator<Item = &run::Sample>| {
        samples.map(|sample| of(&sample.held)).max().expect("there are samples")
    };
    // Connections that are refused are open for a moment.
    for of in [|held: &run::process::Held| held.descriptors, |held: &run::process::Held| held.threads] {
        let early = most(of, &mut report.samples.iter().filter(|sample| sample.calls < run::SETTLED));
        let late = most(of, &mut report.settled());
        assert!(late <= early + 8, "{early}, then {late}: {:#?}", report.samples);
    }
}
