//! Bytes into lines, in bounded memory.

use memchr::memchr;

/// Bytes that a read takes at most.
const CHUNK: usize = 64 << 10;

/// What has been read and not yet been taken.
#[derive(Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Where the current line starts.
    start: usize,
    /// Up to where there is no line feed.
    scanned: usize,
    /// Whether the current line is too long, and was answered: its rest is dropped as it comes.
    skipping: bool,
    ended: bool,
}

/// What the input holds next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line, without its `\n` or `\r\n`.
    Whole(&'a [u8]),
    /// A line of more than [`Lines::MAX_LENGTH`] bytes; told once, as soon as it is known.
    TooLong,
    /// Nothing more will come.
    End,
}

impl Lines {
    /// Bytes that a line may have.
    pub(super) const MAX_LENGTH: usize = 4 << 20;

    /// The next line, if it is there; `None` if more has to be read first.
    pub(super) fn next(&mut self) -> Option<Line<'_>> {
        while let Some(length) = memchr(b'\n', &self.buffer[self.scanned..]) {
            let (start, end) = (self.start, self.scanned + length);
            self.take_up_to(end + 1);
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            return Some(self.line(start, end));
        }
        self.scanned = self.buffer.len();
        if self.skipping {
            self.take_up_to(self.buffer.len());
        } else if self.buffer.len() - self.start > Self::MAX_LENGTH {
            self.take_up_to(self.buffer.len());
            self.skipping = true;
            return Some(Line::TooLong);
        } else if self.ended && self.start < self.buffer.len() {
            // The last line counts without a line feed too, as `printf` and editors leave it.
            let (start, end) = (self.start, self.buffer.len());
            self.take_up_to(end);
            return Some(self.line(start, end));
        }
        self.ended.then_some(Line::End)
    }

    /// Where the next bytes are to be appended.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        if self.buffer.len() < CHUNK {
            // After a long line: what it needed is given back.
            self.buffer.shrink_to(2 * CHUNK);
        }
        self.buffer.reserve(CHUNK);
        &mut self.buffer
    }

    /// Notes that nothing more will come.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    fn take_up_to(&mut self, end: usize) {
        self.start = end;
        self.scanned = end;
    }

    fn line(&self, start: usize, end: usize) -> Line<'_> {
        let line = &self.buffer[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > Self::MAX_LENGTH { Line::TooLong } else { Line::Whole(line) }
    }
}
