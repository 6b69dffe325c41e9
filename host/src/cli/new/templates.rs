//! The files of a new plugin, by language. `{{name}}` stands for the plugin's name, `{{sdk}}` for the path of the folder `guest-sdk`
//! from the plugin's. The folders of guest-sdk/templates are tested as projects of their own.

use crate::plugin::Language;

/// A file's path in the plugin's folder, and its text.
type File = (&'static str, &'static str);

pub(super) fn of(language: Language) -> &'static [File] {
    match language {
        Language::Rust => &RUST,
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
