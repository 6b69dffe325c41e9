//! What is read of a module's debug information (DWARF 4 and 5): the line number programs, and of DWARF 4 the calls that
//! were inlined. Debug information can refer to the same bytes over and over; here each part is read once, from its first
//! byte to its last, and what cannot be bounded so is counted.

use std::collections::{BTreeMap, HashMap};

use gimli::{
    Abbreviations, Attribute, AttributeValue, DebugAbbrev, DebugAbbrevOffset, DebugInfo, DebugLine, DebugLineOffset,
    DebugLineStr, DebugStr, EndianSlice, EntriesRaw, LineProgramHeader, LittleEndian, UnitHeader, constants,
};

use super::{Lines, MAX_ROWS, Module, Row};

/// Bytes of an address in a component.
const ADDRESS: u8 = 4;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// How much is read of one component.
#[derive(Debug)]
pub(super) struct Budget {
    /// Bytes of line tables; read, they take some thirty times as much for a moment.
    line: usize,
    /// Bytes of entries, which say among much else what was inlined.
    info: usize,
    /// Bytes of the descriptions of entries.
    abbrev: usize,
    /// Attributes and ranges of entries.
    steps: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { line: 4 << 20, info: 16 << 20, abbrev: 1 << 20, steps: 20_000_000 }
    }
}

fn take(budget: &mut usize, amount: usize) -> Option<()> {
    *budget = budget.checked_sub(amount)?;
    Some(())
}

/// Adds what is known of a module; `None` where its lines are too many. Inlined calls that are too many are left out.
pub(super) fn read(module: &Module, lines: &mut Lines, budget: &mut Budget) -> Option<()> {
    take(&mut budget.line, module.line.len())?;
    let mut reader = Reader { module, programs: HashMap::new(), files: HashMap::new(), lines };
    reader.programs()?;
    let _ = reader.calls(budget);
    Some(())
}

struct Reader<'a> {
    module: &'a Module<'a>,
    /// What line number programs know of files, by offset.
    programs: HashMap<usize, LineProgramHeader<Slice<'a>>>,
    /// Which of the files are the plugin's own, by program and index.
    files: HashMap<(usize, u64), Option<u32>>,
    lines: &'a mut Lines,
}

impl<'a> Reader<'a> {
    fn programs(&mut self) -> Option<()> {
        let section = DebugLine::new(self.module.line, LittleEndian);
        let mut start = 0;
        while start < self.module.line.len() {
            // After a mistake it is not known where the next program starts.
            let Ok(program) = section.program(DebugLineOffset(start), ADDRESS, None, None) else { break };
            let (offset, header) = (start, program.header().clone());
            start += header.unit_length() + usize::from(header.format().initial_length_size());
            self.programs.insert(offset, header);
            let mut rows = program.rows();
            while let Ok(Some((_, row))) = rows.next_row() {
                let Some(at) = self.within(row.address()) else { continue };
                let place = row
                    .line()
                    .filter(|_| !row.end_sequence())
                    .and_then(|line| Some((self.file(offset, row.file_index())?, u32::try_from(line.get()).ok()?)));
                let rows = &mut self.lines.rows;
                if rows.last().is_none_or(|last| last.place != place || last.offset > at) {
                    rows.push(Row { offset: at, place });
                }
                if rows.len() > MAX_ROWS {
                    return None;
                }
            }
        }
        Some(())
    }

    /// Where an address of the module's code is in the component. Code that the linker left out has addresses outside.
    fn within(&self, address: u64) -> Option<u32> {
        let code = &self.module.code;
        let offset = code.start.checked_add(usize::try_from(address).ok()?)?;
        if (code.start..=code.end).contains(&offset) { u32::try_from(offset).ok() } else { None }
    }

    /// The number of a file of the plugin's own.
    fn file(&mut self, program: usize, index: u64) -> Option<u32> {
        if let Some(known) = self.files.get(&(program, index)) {
            return *known;
        }
        let path = self.programs.get(&program).and_then(|header| self.path(header, index));
        // What is of the language's own library says little about the plugin.
        let own = path.filter(|path| !path.contains("/rustc/") && !path.contains("library/"));
        let number = own.and_then(|path| {
            self.lines.files.push(path);
            u32::try_from(self.lines.files.len() - 1).ok()
        });
        self.files.insert((program, index), number);
        number
    }

    fn path(&self, header: &LineProgramHeader<Slice<'a>>, index: u64) -> Option<String> {
        let file = header.file(index)?;
        let name = self.text(file.path_name())?;
        let folder = file.directory(header).and_then(|folder| self.text(folder)).unwrap_or_default();
        Some(if folder.is_empty() || name.starts_with('/') { name } else { format!("{folder}/{name}") })
    }

    fn text(&self, value: AttributeValue<Slice<'a>>) -> Option<String> {
        let found = match value {
            AttributeValue::String(text) => text,
            AttributeValue::DebugLineStrRef(at) => {
                DebugLineStr::new(self.module.line_str, LittleEndian).get_str(at).ok()?
            }
            AttributeValue::DebugStrRef(at) => DebugStr::new(self.module.str, LittleEndian).get_str(at).ok()?,
            _ => return None,
        };
        Some(String::from_utf8_lossy(found.slice()).into_owned())
    }

    /// Adds where the plugin's own code called what was inlined.
    fn calls(&mut self, budget: &mut Budget) -> Option<()> {
        take(&mut budget.info, self.module.info.len())?;
        take(&mut budget.abbrev, self.module.abbrev.len())?;
        let info = DebugInfo::new(self.module.info, LittleEndian);
        let (mut units, mut found) = (info.units(), Vec::new());
        while let Ok(Some(unit)) = units.next() {
            if unit.version() <= 4 {
                found.push(unit);
            }
        }
        let descriptions = self.descriptions(&found);
        let mut painted = Painted::default();
        for unit in &found {
            let Some(descriptions) = descriptions.get(&unit.debug_abbrev_offset().0) else { continue };
            let Ok(entries) = unit.entries_raw(descriptions, None) else { continue };
            self.unit(entries, &mut painted, &mut budget.steps)?;
        }
        self.lines.calls.extend(painted.0.into_iter().map(|(offset, place)| Row { offset, place }));
        Some(())
    }

    /// The descriptions of entries by offset, each read up to where the next begins.
    fn descriptions(&self, units: &[UnitHeader<Slice<'a>>]) -> HashMap<usize, Abbreviations> {
        let mut starts: Vec<_> = units.iter().map(|unit| unit.debug_abbrev_offset().0).collect();
        starts.sort_unstable();
        starts.dedup();
        let ends = starts.iter().skip(1).copied().chain([self.module.abbrev.len()]);
        let tables = starts.iter().zip(ends).filter_map(|(start, end)| {
            let table = DebugAbbrev::new(self.module.abbrev.get(*start..end)?, LittleEndian);
            Some((*start, table.abbreviations(DebugAbbrevOffset(0)).ok()?))
        });
        tables.collect()
    }

    /// Paints the calls of one unit, the inner ones over the outer. A mistake ends the unit; `None` is out of steps.
    fn unit(&mut self, mut entries: EntriesRaw<'_, Slice<'a>>, painted: &mut Painted, steps: &mut usize) -> Option<()> {
        let (mut program, mut base) = (None, 0);
        while !entries.is_empty() {
            let Ok(entry) = entries.read_abbreviation() else { return Some(()) };
            let Some(entry) = entry else { continue };
            take(steps, entry.attributes().len() + 1)?;
            let is_unit = entry.tag() == constants::DW_TAG_compile_unit;
            if !is_unit && entry.tag() != constants::DW_TAG_inlined_subroutine {
                if entries.skip_attributes(entry.attributes()).is_err() {
                    return Some(());
                }
                continue;
            }
            let mut read = Entry::default();
            for described in entry.attributes() {
                let Ok(attribute) = entries.read_attribute(*described) else { return Some(()) };
                read.note(&attribute);
            }
            if is_unit {
                (program, base) = (read.program, read.low.unwrap_or(0));
                continue;
            }
            let (Some(file), Some(line)) = (program.and_then(|program| self.file(program, read.file?)), read.line)
            else {
                continue;
            };
            if let (Some(low), Some(high)) = (read.low, read.high()) {
                self.paint(painted, low, high, (file, line))?;
            } else if let Some(at) = read.ranges {
                self.paint_ranges(painted, at, base, (file, line), steps)?;
            }
        }
        Some(())
    }

    /// A list of ranges ends with a pair of zeroes (DWARF 4, section 2.17.3).
    fn paint_ranges(
        &self,
        painted: &mut Painted,
        at: usize,
        mut base: u64,
        place: (u32, u32),
        steps: &mut usize,
    ) -> Option<()> {
        let pairs = self.module.ranges.get(at..).unwrap_or_default().chunks_exact(2 * usize::from(ADDRESS));
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        for pair in pairs {
            take(steps, 1)?;
            let (low, high) = pair.split_at(usize::from(ADDRESS));
            match (number(low), number(high)) {
                (0, 0) => break,
                (low, high) if low == u64::from(u32::MAX) => base = high,
                (low, high) => self.paint(painted, base + low, base + high, place)?,
            }
        }
        Some(())
    }

    fn paint(&self, painted: &mut Painted, low: u64, high: u64, place: (u32, u32)) -> Option<()> {
        if let (Some(low), Some(high)) = (self.within(low), self.within(high))
            && low < high
        {
            painted.paint(low, high, place);
        }
        (painted.0.len() <= MAX_ROWS).then_some(())
    }
}

/// The attributes of an entry that matter.
#[derive(Debug, Default)]
struct Entry {
    low: Option<u64>,
    /// An address, or else the distance from the low one.
    high: Option<Result<u64, u64>>,
    ranges: Option<usize>,
    program: Option<usize>,
    file: Option<u64>,
    line: Option<u32>,
}

impl Entry {
    fn note(&mut self, attribute: &Attribute<Slice<'_>>) {
        let value = attribute.value();
        match (attribute.name(), value) {
            (constants::DW_AT_low_pc, AttributeValue::Addr(low)) => self.low = Some(low),
            (constants::DW_AT_high_pc, AttributeValue::Addr(high)) => self.high = Some(Ok(high)),
            (constants::DW_AT_high_pc, value) => self.high = value.udata_value().map(Err),
            (constants::DW_AT_ranges, AttributeValue::RangeListsRef(at)) => self.ranges = Some(at.0),
            (constants::DW_AT_stmt_list, AttributeValue::DebugLineRef(at)) => self.program = Some(at.0),
            (constants::DW_AT_call_file, AttributeValue::FileIndex(file)) => self.file = Some(file),
            (constants::DW_AT_call_line, value) => {
                self.line = value.udata_value().and_then(|line| u32::try_from(line).ok()).filter(|line| *line > 0);
            }
            _ => {}
        }
    }

    fn high(&self) -> Option<u64> {
        match self.high? {
            Ok(high) => Some(high),
            Err(distance) => self.low?.checked_add(distance),
        }
    }
}

/// What was painted last counts, from each key up to the next.
#[derive(Debug, Default)]
struct Painted(BTreeMap<u32, Option<(u32, u32)>>);

impl Painted {
    fn paint(&mut self, low: u32, high: u32, place: (u32, u32)) {
        let after = self.0.range(..=high).next_back().and_then(|(_, place)| *place);
        let covered: Vec<_> = self.0.range(low..high).map(|(at, _)| *at).collect();
        for at in covered {
            self.0.remove(&at);
        }
        self.0.insert(low, Some(place));
        self.0.entry(high).or_insert(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_calls_are_painted_over_outer_ones() {
        let mut painted = Painted::default();
        painted.paint(10, 50, (0, 1));
        painted.paint(20, 30, (0, 2));
        painted.paint(40, 50, (0, 3));
        painted.paint(60, 70, (0, 4));
        painted.paint(60, 65, (0, 5));
        let at = |offset| painted.0.range(..=offset).next_back().and_then(|(_, place)| *place).map(|(_, line)| line);
        let lines = [5, 10, 25, 30, 45, 50, 60, 65, 70].map(at);
        assert_eq!(lines, [None, Some(1), Some(2), Some(1), Some(3), None, Some(5), Some(4), None]);
    }

    #[test]
    fn what_is_too_much_is_not_read() {
        let module = Module { line: &[0; 100], abbrev: &[0; 100], ..Module::default() };
        let read = |line| read(&module, &mut Lines::default(), &mut Budget { line, ..Budget::default() });
        assert_eq!([read(100), read(99)], [Some(()), None]);
    }
}
