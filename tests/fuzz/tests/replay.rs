//! Every target with its corpus, and for a few seconds with changes of it.

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use fastrand::Rng;
use toolcell_fuzz::{TARGETS, Target, component};

/// How long each target is given changed inputs.
const SPAN: Duration = Duration::from_secs(3);
/// Bytes of a changed input.
const LONGEST: usize = 32 << 10;

/// Panics of any thread: those of a task end the task, and nobody else hears of them.
static PANICS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn what_has_to_hold_holds() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        hook(panic);
    }));
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has no corpus");
        for input in &corpus {
            hold(name, target, input);
        }
        // The same changes each time, so that a failure is one for everybody.
        let mut rng = Rng::with_seed(1);
        let (began, mut runs) = (Instant::now(), 0);
        while began.elapsed() < SPAN {
            let mut input = rng.choice(&corpus).cloned().unwrap_or_default();
            for _ in 0..=rng.usize(..4) {
                change(&mut rng, &mut input, &corpus);
            }
            hold(name, target, &input);
            runs += 1;
        }
        eprintln!("{name}: {} inputs, and {runs} changed ones in {:?}", corpus.len(), began.elapsed());
    }
}

/// Slower, and the same each time: `cargo test -p toolcell-fuzz --test replay -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn ten_thousand_generated_components_are_loaded_or_refused() {
    let mut rng = Rng::with_seed(1);
    let (mut made, mut compiled, mut refused) = (0, 0, 0);
    while made < 10_000 {
        let mut seed = vec![0; rng.usize(64..2_048)];
        rng.fill(&mut seed);
        let module = || component::generated_module(&seed).map(|module| component::around(&module));
        let wasm = if made % 2 == 0 { component::generated_component(&seed) } else { module() };
        let Some(wasm) = wasm else { continue };
        made += 1;
        // Only what compiled is asked for its imports and exports. What exports a function may be a plugin.
        let past = ["an import does not fit", "it exports neither", "its function"];
        let is_compiled =
            component::load(&wasm).map_or_else(|reason| past.iter().any(|it| reason.contains(it)), |()| true);
        *(if is_compiled { &mut compiled } else { &mut refused }) += 1;
    }
    eprintln!("{made} components: {compiled} compiled, {refused} refused before, none ended the process");
    assert!(compiled > 1_000, "most of them are refused before anything happens");
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("the corpus can be read")).collect()
}

/// Runs the target. The input is kept before, because not every failure is a panic: an overflow of the stack is none.
fn hold(name: &str, target: Target, input: &[u8]) {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    fs::write(&kept, input).expect("the target folder is writable");
    let panics = PANICS.load(Ordering::SeqCst);
    let held = panic::catch_unwind(AssertUnwindSafe(|| target(input))).is_ok();
    assert!(held && PANICS.load(Ordering::SeqCst) == panics, "{name} does not hold: {}", kept.display());
}

/// One change, of the kinds that fuzzers make.
fn change(rng: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    const TELLING: &[u8] = b"\0\x01\x7f\x80\xff\n \"'{}[]:,./\\*@%0-9$#";
    let at = rng.usize(..=input.len());
    let end = (at + rng.usize(..32)).min(input.len());
    match rng.u8(..6) {
        0 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.u8(..8)),
        1 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = TELLING[rng.usize(..TELLING.len())]),
        2 => input.insert(at, TELLING[rng.usize(..TELLING.len())]),
        3 => drop(input.drain(at..end)),
        4 => {
            let again = input[at..end].repeat(rng.usize(1..8));
            input.splice(at..at, again);
        }
        _ => {
            let other = rng.choice(corpus).map(Vec::as_slice).unwrap_or_default();
            let from = rng.usize(..=other.len());
            input.truncate(at);
            input.extend(&other[from..]);
        }
    }
    input.truncate(LONGEST);
}
