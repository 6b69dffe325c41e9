//! What a plugin's folder holds beside its component: source, tests, README.

use std::{fs, path::Path};

/// Files that are read at most, and bytes of each: a folder can hold anything.
const MAX_FILES: usize = 1_000;
const MAX_BYTES: u64 = 1 << 20;

/// Languages by the ends of their files' names.
const SOURCES: [&str; 13] = ["rs", "py", "js", "mjs", "ts", "mts", "go", "c", "cpp", "cs", "zig", "mbt", "wit"];
/// Folders that tools fill.
const SKIPPED: [&str; 7] = ["target", "node_modules", "dist", "build", "gen", "venv", "__pycache__"];

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

    /// `src/lib.rs:12`, the first line of source, tests aside, that holds this text; else `otherwise`.
    #[must_use]
    pub fn place(&self, text: &str, otherwise: &str) -> String {
        self.find(text).map_or_else(|| otherwise.to_owned(), |(path, line)| format!("{path}:{line}"))
    }

    /// The first line that holds one of these texts and stands after `anchor`, in the same file; else as
    /// [`Files::place`] of the anchor.
    #[must_use]
    pub fn place_after(&self, anchor: &str, texts: &[&str], otherwise: &str) -> String {
        let after = self.find(anchor).and_then(|(path, from)| {
            let (_, source) = self.source.iter().find(|(known, _)| known == path)?;
            let holds = |line: &str| texts.iter().any(|text| line.contains(text));
            let line = source.lines().skip(from).position(holds)?;
            Some(format!("{path}:{}", from + line + 1))
        });
        after.unwrap_or_else(|| self.place(anchor, otherwise))
    }

    /// The file and the line, from 1.
    fn find(&self, text: &str) -> Option<(&str, usize)> {
        let is_test = |path: &str| path.split('/').any(|part| part.starts_with("test"));
        self.source.iter().filter(|(path, _)| !is_test(path)).find_map(|(path, source)| {
            let code = source.lines().take_while(|line| line.trim() != "#[cfg(test)]");
            let line = code.into_iter().position(|line| line.contains(text))?;
            Some((path.as_str(), line + 1))
        })
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

    /// Whether tests call tools as the host does: natively over the SDK, or in the real host within the test's process.
    /// Languages without an SDK for that have `toolcell smoke`.
    pub(super) fn has_calls_in_process(&self) -> bool {
        let calls = [
            "testing::examples(",
            "testing::call(",
            "toolcell::testing",
            "testing.examples(",
            "toolcell/testing",
            "toolcell smoke",
        ];
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
        }
        if kind.is_dir() && !SKIPPED.contains(&&*name) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_of_source_and_not_of_tests() {
        let source = "//! Gets it.\n\n/// Gets a story.\nstruct Story {\n    id: u64,\n}\n#[cfg(test)]\nmod tests { \"gone\" }\n";
        let files = Files {
            source: vec![
                ("src/api.rs".to_owned(), "id: u8,".to_owned()),
                ("src/story.rs".to_owned(), source.to_owned()),
                ("tests/all.rs".to_owned(), "\"gone\"".to_owned()),
            ],
            manifest: "component = \"a.wasm\"\nenv = [\"TOKEN\"]\n".to_owned(),
            readme: None,
        };
        assert_eq!(files.place("Gets a", "story"), "src/story.rs:3");
        assert_eq!(files.place("\"gone\"", "story"), "story");
        assert_eq!(files.place_after("Gets a", &["id:"], "story"), "src/story.rs:5");
        assert_eq!(files.place_after("Gets a", &["name:"], "story"), "src/story.rs:3");
        assert_eq!(files.manifest_place("TOKEN"), "plugin.toml:2");
    }

    #[test]
    fn tests_are_found_by_the_conventions_of_their_language() {
        let has = |path: &str, text: &str| {
            let files = Files { source: vec![(path.to_owned(), text.to_owned())], ..Files::default() };
            (files.has_unit_tests(), files.has_calls_in_process())
        };
        assert_eq!(has("src/lib.rs", "#[test]\nfn all() { testing::examples(&tools(), \"examples\") }"), (true, true));
        assert_eq!(has("src/lib.rs", "fn tools() {}"), (false, false));
        assert_eq!(has("test/plugin.test.js", "import { call } from \"toolcell/testing\";"), (true, true));
        assert_eq!(has("test_story.py", "run([\"toolcell smoke\"])"), (true, true));
        assert_eq!(has("test_story.py", "testing.examples(\"examples\")"), (true, true));
        assert_eq!(has("story.py", ""), (false, false));
        assert_eq!(has("src/story.test.ts", ""), (true, false));
        assert_eq!(has("story_test.go", ""), (true, false));
    }
}
