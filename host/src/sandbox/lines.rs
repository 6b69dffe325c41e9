//! The source lines of a component that carries line tables, read once, when it first traps. wasmtime would parse all of a
//! component's debug information again for every frame of every trap, which a plugin can make as slow as it likes; a
//! lookup here is a search in a sorted table.

mod dwarf;

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;
use wasmparser::{Encoding, Parser, Payload};

/// Lines that are kept; a component with more has none.
const MAX_ROWS: usize = 1 << 20;

/// The lines of a component that may never be asked for.
#[derive(Debug, Default)]
pub(super) struct UnreadLines {
    /// The component, until its lines are read, if it has any.
    wasm: Mutex<Option<Arc<[u8]>>>,
    lines: OnceCell<Lines>,
}

impl UnreadLines {
    pub(super) fn of(wasm: &[u8]) -> Self {
        let has_lines = modules(wasm).iter().any(|module| !module.line.is_empty());
        Self { wasm: Mutex::new(has_lines.then(|| wasm.into())), lines: OnceCell::new() }
    }

    /// Reads them if nobody has, on a thread of its own: it takes long enough for others to notice.
    pub(super) async fn read(&self) -> &Lines {
        let wasm = || self.wasm.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = self.lines.get_or_init(|| async {
            // Stays where it is until they are read: a call that is dropped in the meantime reads nothing to its end.
            let Some(found) = wasm().clone() else { return Lines::default() };
            tokio::task::spawn_blocking(move || Lines::of(&found)).await.unwrap_or_default()
        });
        let lines = lines.await;
        wasm().take();
        lines
    }
}

/// Where in the source each part of a component's code comes from.
#[derive(Debug, Default)]
pub(super) struct Lines {
    files: Vec<String>,
    /// Where the code itself was written; by offset.
    rows: Vec<Row>,
    /// Where the plugin called what was inlined there; by offset.
    calls: Vec<Row>,
}

/// From this offset on, up to that of the next row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    /// From the start of the component.
    offset: u32,
    /// File and line; `None` where the code is not the plugin's own.
    place: Option<(u32, u32)>,
}

/// The parts of one core module that matter here.
#[derive(Debug, Default)]
struct Module<'a> {
    code: Range<usize>,
    line: &'a [u8],
    line_str: &'a [u8],
    str: &'a [u8],
    info: &'a [u8],
    abbrev: &'a [u8],
    ranges: &'a [u8],
}

impl Lines {
    /// The lines of a component. What cannot be read is left out.
    fn of(wasm: &[u8]) -> Self {
        let mut lines = Self::default();
        let mut budget = dwarf::Budget::default();
        for module in modules(wasm).iter().filter(|module| !module.line.is_empty()) {
            if dwarf::read(module, &mut lines, &mut budget).is_none() {
                tracing::debug!("a component has more debug information than is read: its crashes name no lines");
                return Self::default();
            }
        }
        for rows in [&mut lines.rows, &mut lines.calls] {
            rows.sort_unstable();
            rows.dedup_by_key(|row| row.place);
            rows.shrink_to_fit();
        }
        lines
    }

    /// The file and line of an instruction in the function that starts at `function`. Of code that was inlined from
    /// somebody else's, it is the line that called it; where that is not known, the plugin's last line before it.
    pub(super) fn at(&self, function: usize, instruction: usize) -> Option<(&str, u32)> {
        let mut before = up_to(&self.rows, instruction).iter().rev().take_while(|row| row.offset as usize >= function);
        let (file, line) = before
            .next()
            .and_then(|row| row.place)
            .or_else(|| up_to(&self.calls, instruction).last()?.place)
            .or_else(|| before.find_map(|row| row.place))?;
        Some((self.files.get(file as usize)?, line))
    }
}

fn up_to(rows: &[Row], instruction: usize) -> &[Row] {
    &rows[..rows.partition_point(|row| row.offset as usize <= instruction)]
}

/// The core modules of a component, nested ones included.
fn modules(wasm: &[u8]) -> Vec<Module<'_>> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::Version { encoding, .. }) => open.push((encoding, Module::default())),
            Ok(Payload::CodeSectionStart { range, .. }) => {
                if let Some((_, module)) = open.last_mut() {
                    module.code = range;
                }
            }
            Ok(Payload::CustomSection(section)) => {
                if let Some((_, module)) = open.last_mut() {
                    match section.name() {
                        ".debug_line" => module.line = section.data(),
                        ".debug_line_str" => module.line_str = section.data(),
                        ".debug_str" => module.str = section.data(),
                        ".debug_info" => module.info = section.data(),
                        ".debug_abbrev" => module.abbrev = section.data(),
                        ".debug_ranges" => module.ranges = section.data(),
                        _ => {}
                    }
                }
            }
            Ok(Payload::End(_)) => found.extend(open.pop()),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found.into_iter().filter(|(encoding, _)| *encoding == Encoding::Module).map(|(_, module)| module).collect()
}

#[cfg(test)]
mod tests;
