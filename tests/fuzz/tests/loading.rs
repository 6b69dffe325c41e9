//! Components that are none: each is refused, and the reason says what is wrong.

use std::{fs, path::Path};

use toolcell_fuzz::component::{TINY, load};

/// An input of the target `component`, less its first byte, which says that the rest is a file.
fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/component").join(name);
    fs::read(path).expect("the corpus holds it").split_off(1)
}

#[test]
fn what_is_wrong_with_a_component_is_said() {
    assert_eq!(load(TINY), Ok(()));
    for (name, reason) in [
        ("none", "it is not WebAssembly"),
        ("module", "it is a core WebAssembly module, not a component"),
        ("smallest", "it exports neither toolcell:plugin/tools@0.1.0 nor a function"),
        ("truncated", "out of bounds"),
        ("unknown-import", "no:such/thing@1.0.0"),
        ("plugin-start-traps", "listing its tools failed"),
        ("plugin-many-tables", "tables count of 70 exceeds the per-instance limit"),
    ] {
        let error = load(&file(name)).expect_err(name);
        assert!(error.contains(reason), "{name}: {error}");
        eprintln!("{name}: {error}");
    }
}

#[test]
fn every_beginning_of_a_component_is_refused() {
    // The end may be missing only where a whole custom section is.
    let whole = (0..TINY.len()).filter(|length| load(&TINY[..*length]).is_ok()).collect::<Vec<_>>();
    eprintln!("of {} beginnings of the tiny plugin these are plugins: {whole:?}", TINY.len());
    assert!(whole.len() <= 2, "{whole:?}");
}
