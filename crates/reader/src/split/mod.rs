//! Cutting files into blocks of whole records, one block at a time, under the reader's lock.
//!
//! What happens here happens on one thread at a time, so it looks at as little as the format
//! allows: the ends of lines, or brackets outside of strings, or quotes. Whether a record is
//! what it should be is found out by whoever parses the block.

mod csv;
mod foreign;
mod json;
mod lines;
mod window;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub(crate) use csv::{RecordEnd, record_end};
pub(crate) use json::{ElementScanner, Mark};
pub(crate) use window::{INVALID_UTF8, Window};

use crate::csv::{CsvSyntax, Header, HeaderText};
use crate::error::Unreadable;
use crate::plan::ReadPlan;

/// How records lie in a file.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    Lines,
    Array,
    Concatenated,
    Csv(CsvSyntax),
}

/// Sizes that cutting keeps to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) block_bytes: usize,
    pub(crate) max_record_bytes: usize,
}

/// What cutting found next.
#[derive(Debug)]
pub(crate) enum Cut {
    /// A block of whole records: the first bytes of the buffer.
    Block(usize),
    /// The file ends here.
    End,
    /// The file cannot be read as a whole.
    Unreadable(Unreadable),
}

/// Where a block lies in its file.
#[derive(Debug, Clone, Default)]
pub(crate) struct BlockPlace {
    /// Byte offset of its first byte.
    pub(crate) offset: u64,
    /// Lines or elements before it.
    pub(crate) position: u64,
    /// Its length without padding.
    pub(crate) length: usize,
    /// Of a CSV file.
    pub(crate) header: Option<Arc<Header>>,
}

/// What the splitter does next in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// At its first byte.
    Start,
    /// Before the first record.
    First,
    /// Between records.
    Next,
    /// Behind the bracket that closes the array.
    Tail,
}

/// A file being cut.
#[derive(Debug)]
pub(crate) struct Splitter {
    handle: File,
    layout: Layout,
    limits: Limits,
    phase: Phase,
    offset: u64,
    position: u64,
    header: Option<Arc<Header>>,
}

impl Splitter {
    pub(crate) fn open(path: &Path, layout: Layout, limits: Limits) -> std::io::Result<Self> {
        let handle = File::open(path)?;
        Ok(Self {
            handle,
            layout,
            limits,
            phase: Phase::Start,
            offset: 0,
            position: 0,
            header: None,
        })
    }

    /// The header of a CSV file, once its first block was cut.
    pub(crate) fn header(&self) -> Option<&Header> {
        self.header.as_deref()
    }

    /// Cuts the next block off into `buffer`, padded with zeros.
    pub(crate) fn next(
        &mut self,
        buffer: &mut Vec<u8>,
        make_header: impl FnOnce(&HeaderText<'_>) -> Result<Header, String>,
    ) -> std::io::Result<(Cut, BlockPlace)> {
        let mut window = Window::new(&mut self.handle, self.offset, buffer);
        if self.phase == Phase::Start {
            self.offset = window.byte_order_mark()?;
            window.fill(4)?;
            if let Some(reason) = foreign::foreign(window.bytes()) {
                let unreadable = Unreadable {
                    byte_offset: 0,
                    position: 0,
                    reason: reason.to_owned(),
                };
                return Ok((Cut::Unreadable(unreadable), BlockPlace::default()));
            }
            window = Window::new(&mut self.handle, self.offset, buffer);
            if let Layout::Csv(syntax) = &self.layout {
                match csv::cut_header(&mut window, *syntax, self.limits, make_header)? {
                    Ok((header, length, lines)) => {
                        self.header = Some(Arc::new(header));
                        self.offset += length as u64;
                        self.position += lines;
                    }
                    Err(unreadable) => {
                        return Ok((Cut::Unreadable(unreadable), BlockPlace::default()));
                    }
                }
                window = Window::new(&mut self.handle, self.offset, buffer);
            }
            self.phase = Phase::First;
            if let Layout::Array = &self.layout {
                match json::find_array(&mut window, self.limits)? {
                    Ok(length) => self.offset += length as u64,
                    Err(unreadable) => {
                        return Ok((Cut::Unreadable(unreadable), BlockPlace::default()));
                    }
                }
                window = Window::new(&mut self.handle, self.offset, buffer);
            }
        }
        if self.phase == Phase::Tail {
            return Ok((
                json::check_tail(&mut window, self.position, self.limits)?,
                BlockPlace::default(),
            ));
        }
        let mut place = BlockPlace {
            offset: self.offset,
            position: self.position,
            length: 0,
            header: self.header.clone(),
        };
        let cut = match &self.layout {
            Layout::Lines => lines::cut(&mut window, self.position, self.limits)?,
            Layout::Csv(syntax) => csv::cut(&mut window, self.position, *syntax, self.limits)?,
            Layout::Array => {
                let (cut, elements, closed) = json::cut_array(
                    &mut window,
                    self.position,
                    self.phase == Phase::First,
                    self.limits,
                )?;
                self.position += elements;
                self.phase = Phase::Next;
                if let Some(behind_bracket) = closed {
                    self.phase = Phase::Tail;
                    self.offset += behind_bracket as u64;
                } else if let Cut::Block(length) = cut {
                    self.offset += length as u64;
                }
                if let Cut::Block(length) = cut {
                    place.length = length;
                    window.pad(length);
                } else if self.phase == Phase::Tail {
                    window = Window::new(&mut self.handle, self.offset, buffer);
                    return Ok((
                        json::check_tail(&mut window, self.position, self.limits)?,
                        place,
                    ));
                }
                return Ok((cut, place));
            }
            Layout::Concatenated => {
                let (cut, elements) =
                    json::cut_concatenated(&mut window, self.position, self.limits)?;
                self.position += elements;
                cut
            }
        };
        if let Cut::Block(length) = cut {
            if matches!(self.layout, Layout::Lines | Layout::Csv(_)) {
                self.position += window.lines(length);
            }
            place.length = length;
            self.offset += length as u64;
            window.pad(length);
        }
        Ok((cut, place))
    }
}

/// Reads the header of a CSV file alone; `None` when it has none that can be read.
pub(crate) fn read_header(
    handle: &mut File,
    syntax: CsvSyntax,
    limits: Limits,
    plan: &ReadPlan,
) -> std::io::Result<Option<Header>> {
    let mut buffer = Vec::new();
    let start = Window::new(handle, 0, &mut buffer).byte_order_mark()?;
    let mut window = Window::new(handle, start, &mut buffer);
    let header = csv::cut_header(&mut window, syntax, limits, |text| {
        Header::new(text, syntax, plan)
    })?;
    Ok(header.ok().map(|(header, ..)| header))
}
