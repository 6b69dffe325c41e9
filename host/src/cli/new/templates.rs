//! The files of a new plugin, by language. `{{name}}` stands for the plugin's name, `{{sdk}}` for the path of the folder `guest-sdk`
//! from the plugin's. The folders of guest-sdk/templates are tested as projects of their own.

use crate::plugin::Language;

/// A file's path in the plugin's folder, and its text.
type File = (&'static str, &'static str);

pub(super) fn of(language: Language) -> &'static [File] {
    match language {
        Language::Rust => &RUST,
        Language::Go => &GO,
        Language::C => &C,
        Language::Python => &PYTHON,
        Language::JavaScript => &JAVASCRIPT,
        Language::TypeScript => &TYPESCRIPT,
    }
}

const RUST: [File; 7] = [
    ("Cargo.toml", include_str!("../../../../guest-sdk/templates/rust/Cargo.toml.in")),
    ("plugin.toml", include_str!("../../../../guest-sdk/templates/rust/plugin.toml")),
    ("src/lib.rs", include_str!("../../../../guest-sdk/templates/rust/src/lib.rs")),
    ("examples/ada.json", include_str!("../../../../guest-sdk/templates/rust/examples/ada.json")),
    ("examples/blank.json", include_str!("../../../../guest-sdk/templates/rust/examples/blank.json")),
    ("README.md", include_str!("../../../../guest-sdk/templates/rust/README.md")),
    (".gitignore", include_str!("../../../../guest-sdk/templates/rust/gitignore")),
];

const GO: [File; 11] = [
    ("go.mod", include_str!("../../../../guest-sdk/templates/go/go.mod.in")),
    ("plugin.toml", include_str!("../../../../guest-sdk/templates/go/plugin.toml")),
    ("wit/plugin.wit", include_str!("../../../../guest-sdk/templates/go/wit/plugin.wit")),
    ("greet.go", include_str!("../../../../guest-sdk/templates/go/greet.go")),
    ("greet_test.go", include_str!("../../../../guest-sdk/templates/go/greet_test.go")),
    ("plugin.go", include_str!("../../../../guest-sdk/templates/go/plugin.go")),
    ("smoke_test.go", include_str!("../../../../guest-sdk/templates/go/smoke_test.go")),
    ("examples/ada.json", include_str!("../../../../guest-sdk/templates/go/examples/ada.json")),
    ("examples/blank.json", include_str!("../../../../guest-sdk/templates/go/examples/blank.json")),
    ("README.md", include_str!("../../../../guest-sdk/templates/go/README.md")),
    (".gitignore", include_str!("../../../../guest-sdk/templates/go/gitignore")),
];

const C: [File; 11] = [
    ("Makefile", include_str!("../../../../guest-sdk/templates/c/Makefile")),
    ("plugin.toml", include_str!("../../../../guest-sdk/templates/c/plugin.toml")),
    ("wit/plugin.wit", include_str!("../../../../guest-sdk/templates/c/wit/plugin.wit")),
    ("src/greet.h", include_str!("../../../../guest-sdk/templates/c/src/greet.h")),
    ("src/greet.c", include_str!("../../../../guest-sdk/templates/c/src/greet.c")),
    ("src/plugin.c", include_str!("../../../../guest-sdk/templates/c/src/plugin.c")),
    ("tests/greet_test.c", include_str!("../../../../guest-sdk/templates/c/tests/greet_test.c")),
    ("examples/ada.json", include_str!("../../../../guest-sdk/templates/c/examples/ada.json")),
    ("examples/blank.json", include_str!("../../../../guest-sdk/templates/c/examples/blank.json")),
    ("README.md", include_str!("../../../../guest-sdk/templates/c/README.md")),
    (".gitignore", include_str!("../../../../guest-sdk/templates/c/gitignore")),
];

const PYTHON: [File; 8] = [
    ("pyproject.toml", include_str!("../../../../guest-sdk/templates/python/pyproject.toml.in")),
    ("plugin.toml", include_str!("../../../../guest-sdk/templates/python/plugin.toml")),
    ("plugin.py", include_str!("../../../../guest-sdk/templates/python/plugin.py")),
    ("test_plugin.py", include_str!("../../../../guest-sdk/templates/python/test_plugin.py")),
    ("examples/ada.json", include_str!("../../../../guest-sdk/templates/python/examples/ada.json")),
    ("examples/blank.json", include_str!("../../../../guest-sdk/templates/python/examples/blank.json")),
    ("README.md", include_str!("../../../../guest-sdk/templates/python/README.md")),
    (".gitignore", include_str!("../../../../guest-sdk/templates/python/gitignore")),
];

const JAVASCRIPT: [File; 8] = [
    ("package.json", include_str!("../../../../guest-sdk/templates/javascript/package.json")),
    ("plugin.toml", include_str!("../../../../guest-sdk/templates/javascript/plugin.toml")),
    ("src/plugin.js", include_str!("../../../../guest-sdk/templates/javascript/src/plugin.js")),
    ("test/plugin.test.js", include_str!("../../../../guest-sdk/templates/javascript/test/plugin.test.js")),
    ("examples/ada.json", include_str!("../../../../guest-sdk/templates/javascript/examples/ada.json")),
    ("examples/blank.json", include_str!("../../../../guest-sdk/templates/javascript/examples/blank.json")),
    ("README.md", include_str!("../../../../guest-sdk/templates/javascript/README.md")),
    (".gitignore", include_str!("../../../../guest-sdk/templates/javascript/gitignore")),
];

const TYPESCRIPT: [File; 9] = [
    ("package.json", include_str!("../../../../guest-sdk/templates/typescript/package.json")),
    ("tsconfig.json", include_str!("../../../../guest-sdk/templates/typescript/tsconfig.json")),
    ("plugin.toml", include_str!("../../../../guest-sdk/templates/typescript/plugin.toml")),
    ("src/plugin.ts", include_str!("../../../../guest-sdk/templates/typescript/src/plugin.ts")),
    ("test/plugin.test.ts", include_str!("../../../../guest-sdk/templates/typescript/test/plugin.test.ts")),
    ("examples/ada.json", include_str!("../../../../guest-sdk/templates/typescript/examples/ada.json")),
    ("examples/blank.json", include_str!("../../../../guest-sdk/templates/typescript/examples/blank.json")),
    ("README.md", include_str!("../../../../guest-sdk/templates/typescript/README.md")),
    (".gitignore", include_str!("../../../../guest-sdk/templates/typescript/gitignore")),
];
