//! What a plugin's folder holds beside its component: source, tests, README.

use std::{fs, path::Path};

/// Files that are read at most, and bytes of each: a folder can hold anything.
const MAX_FILES: usize = 1_000;
const MAX_BYTES: u64 = 1 << 20;

/// Languages by the ends of their files' names.
const SOURCES: [&str; 12] = ["rs", "py", "js", "mjs", "ts", "mts", "go", "c", "cpp", "cs", "zig", "mbt"];
/// Folders that tools fill.
const SKIPPED: [&str; 6] = ["target", "node_modules", "dist", "build", "venv", "__pycache__"];

/// Texts in the folder, by their paths in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Source and tests.
    pub source: Vec<(String, String)>,
    /// `README.md`.
    pub readme: Option<String>,
    /// `plugin.toml`; empty for a bare component.
    pub manifest: String,
}

impl Files {
    /// Reads what is there. What cannot be read is not there.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let mut source = Vec::new();
        collect(folder, "", &mut source);
        source.sort();
        let text = |name: &str| read(&folder.join(name));
        Self { source, readme: text("README.md"), manifest: text("plugin.toml").unwrap_or_default() }
    }

    /// `src/lib.rs:12`, the first line of source that holds one of these texts; else what they were looked for in.
    #[must_use]
    pub fn place(&self, needles: &[&str], otherwise: &str) -> String {
        let holds = |line: &str| needles.iter().any(|needle| line.contains(needle));
        let found = self.source.iter().find_map(|(path, text)| {
            let line = text.lines().position(holds)?;
            Some(format!("{path}:{}", line + 1))
        });
        found.unwrap_or_else(|| otherwise.to_owned())
    }

    /// `plugin.toml:7`, the line of the manifest that holds this text.
    #[must_use]
    pub fn manifest_place(&self, needle: &str) -> String {
        match self.manifest.lines().position(|line| line.contains(needle)) {
            Some(line) => format!("plugin.toml:{}", line + 1),
            None => "plugin.toml".to_owned(),
        }
    }

    /// Whether there are tests of the language's own kind.
    pub(super) fn has_unit_tests(&self) -> bool {
        self.source.iter().any(|(path, text)| {
            let file = path.rsplit('/').next().unwrap_or(path);
            let is_named = |part: &str| file.contains(part);
            match file.rsplit('.').next() {
                Some("rs") => text.contains("#[test]"),
                Some("py") => file.starts_with("test_") || is_named("_test."),
                Some("go") => is_named("_test."),
                _ => is_named(".test.") || is_named(".spec.") || is_named("_test.") || path.starts_with("tests/"),
            }
        })
    }

    /// Whether tests call tools as the host does: the examples run natively, or the real host in the test's process. What
    /// has no SDK with such tests has `toolcell smoke`.
    pub(super) fn has_calls_in_process(&self) -> bool {
        let calls = ["testing::examples(", "toolcell::testing", "toolcell smoke"];
        self.source.iter().any(|(_, text)| calls.iter().any(|call| text.contains(call)))
    }
}

fn collect(folder: &Path, inside: &str, source: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let shown = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
        // The type of the entry itself: a link is neither.
        let Ok(kind) = entry.file_type() else { continue };
        let is_source = || name.rsplit_once('.').is_some_and(|(_, end)| SOURCES.contains(&end));
        if source.len() >= MAX_FILES || name.starts_with('.') {
            continue;
        } else if kind.is_dir() && !SKIPPED.contains(&&*name) {
            collect(&entry.path(), &shown, source);
        } else if kind.is_file() && is_source() {
            source.extend(read(&entry.path()).map(|text| (shown, text)));
        }
    }
}

fn read(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    (metadata.is_file() && metadata.len() <= MAX_BYTES).then(|| fs::read_to_string(path).ok())?
}
