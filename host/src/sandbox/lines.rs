//! The source lines of a component that carries line tables, read once when it is loaded. wasmtime would parse all of a
//! component's debug information again for every frame of every trap, which a plugin can make as slow as it likes; a
//! lookup here is a search in a sorted table.
//!
//! Only the line number programs are read, each once and from its first byte to its last, so that reading takes no longer
//! than the size of the section allows. Everything else in the debug information can refer to the same bytes over and over.

use std::collections::HashMap;

use gimli::{
    AttributeValue, DebugLine, DebugLineOffset, DebugLineStr, DebugStr, EndianSlice, LineProgramHeader, LittleEndian,
};
use wasmparser::{Encoding, Parser, Payload};

/// Bytes of line tables that are read; a component with more has none.
const MAX_BYTES: usize = 8 << 20;
/// Lines that are kept; a component with more has none.
const MAX_ROWS: usize = 1 << 20;
/// Bytes of an address in a component.
const ADDRESS: u8 = 4;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Where in the source each part of a component's code comes from.
#[derive(Debug, Default)]
pub(super) struct Lines {
    files: Vec<String>,
    /// By offset.
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    /// From the start of the component.
    offset: u32,
    /// File and line; `None` from where on the code is not the plugin's own.
    place: Option<(u32, u32)>,
}

/// The parts of one core module that matter here.
#[derive(Debug, Default)]
struct Module<'a> {
    code: std::ops::Range<usize>,
    line: &'a [u8],
    line_str: &'a [u8],
    str: &'a [u8],
}

impl Lines {
    /// The lines of a component. What cannot be read is left out.
    pub(super) fn of(wasm: &[u8]) -> Self {
        let mut lines = Self::default();
        let mut left = MAX_BYTES;
        for module in modules(wasm).iter().filter(|module| !module.line.is_empty()) {
            let Some(rest) = left.checked_sub(module.line.len()) else { return Self::default() };
            left = rest;
            if lines.read(module).is_none() {
                return Self::default();
            }
        }
        lines.rows.sort_unstable();
        lines.rows.dedup_by_key(|row| row.place);
        lines.rows.shrink_to_fit();
        lines
    }

    /// The file and line of an instruction, within the function that starts at `function`: where it was inlined from
    /// somebody else's code, the last line of the plugin's own before it.
    pub(super) fn at(&self, function: usize, instruction: usize) -> Option<(&str, u32)> {
        let behind = self.rows.partition_point(|row| row.offset as usize <= instruction);
        let before = self.rows[..behind].iter().rev();
        let (file, line) = before.take_while(|row| row.offset as usize >= function).find_map(|row| row.place)?;
        Some((self.files.get(file as usize)?, line))
    }

    /// Adds a module's rows; `None` where that is too many.
    fn read(&mut self, module: &Module) -> Option<()> {
        let section = DebugLine::new(module.line, LittleEndian);
        let mut known = HashMap::new();
        let mut start = 0;
        while start < module.line.len() {
            // A mistake ends this module's lines: where the next program starts is not known then.
            let Ok(program) = section.program(DebugLineOffset(start), ADDRESS, None, None) else { return Some(()) };
            let header = program.header();
            start += header.unit_length() + usize::from(header.format().initial_length_size());
            known.clear();
            let mut rows = program.rows();
            while let Ok(Some((header, row))) = rows.next_row() {
                let Some(offset) = within(&module.code, row.address()) else { continue };
                let place = row.line().filter(|_| !row.end_sequence()).and_then(|line| {
                    let file =
                        *known.entry(row.file_index()).or_insert_with(|| self.file(module, header, row.file_index()));
                    Some((file?, u32::try_from(line.get()).ok()?))
                });
                if self.rows.last().is_none_or(|last| last.place != place || last.offset > offset) {
                    self.rows.push(Row { offset, place });
                }
                if self.rows.len() > MAX_ROWS {
                    return None;
                }
            }
        }
        Some(())
    }

    /// The number of a file of the plugin's own.
    fn file(&mut self, module: &Module, header: &LineProgramHeader<Slice<'_>>, index: u64) -> Option<u32> {
        let file = header.file(index)?;
        let name = text(module, file.path_name())?;
        let folder = file.directory(header).and_then(|folder| text(module, folder)).unwrap_or_default();
        let path = if folder.is_empty() || name.starts_with('/') { name } else { format!("{folder}/{name}") };
        // What is of the language's own library says little about the plugin.
        if path.contains("/rustc/") || path.contains("library/") {
            return None;
        }
        self.files.push(path);
        u32::try_from(self.files.len() - 1).ok()
    }
}

/// Where an address of a module's code is in the component. Code that the linker left out has addresses outside.
fn within(code: &std::ops::Range<usize>, address: u64) -> Option<u32> {
    let offset = code.start.checked_add(usize::try_from(address).ok()?)?;
    if code.contains(&offset) { u32::try_from(offset).ok() } else { None }
}

fn text(module: &Module, value: AttributeValue<Slice<'_>>) -> Option<String> {
    let found = match value {
        AttributeValue::String(text) => text,
        AttributeValue::DebugLineStrRef(at) => DebugLineStr::new(module.line_str, LittleEndian).get_str(at).ok()?,
        AttributeValue::DebugStrRef(at) => DebugStr::new(module.str, LittleEndian).get_str(at).ok()?,
        _ => return None,
    };
    Some(String::from_utf8_lossy(found.slice()).into_owned())
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
