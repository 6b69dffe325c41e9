//! The files of a new plugin, by language. `{{name}}` stands for the plugin's name, `{{sdk}}` for the path of the folder `guest-sdk`
//! from the plugin's. The folders of guest-sdk/templates are tested as projects of their own.

use crate::plugin::Language;

/// A file's path in the plugin's folder, and its text.
type File = (&'static str, &'static str);

pub(super) fn of(language: Language) -> &'static [File] {
    match language {
        Language::Rust => &RUST,
        Language::Python => &PYTHON,
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
