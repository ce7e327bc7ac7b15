//! Reading single records again, for the quarantine: their source texts, as they are.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::{Batch, PADDING};
use crate::csv::{CsvOutcome, CsvSyntax, Header, read_record, record_fault};
use crate::error::{PlanError, ReadError};
use crate::json::{JsonParser, RecordOutcome, Tree};
use crate::model::UnknownColumns;
use crate::plan::ReadPlan;
use crate::reader::ReaderOptions;
use crate::rows::{Rows, Targets};
use crate::split::{
    ElementScanner, Layout, Limits, Mark, RecordEnd, Window, read_header, record_end,
};

/// Bytes that are read of a record at first.
const FIRST_BYTES: usize = 4 << 10;

/// Reads records again by where they are. Asked in the order of files and offsets it does no
/// more than one read per record.
#[derive(Debug)]
pub struct SourceTexts {
    plan: ReadPlan,
    layout: Layout,
    limits: Limits,
    parser: JsonParser,
    batch: Batch,
    buffer: Vec<u8>,
    file: Option<(PathBuf, File, Header)>,
}

impl SourceTexts {
    /// For these fields, each by its path, of files of the format that `options` declares.
    ///
    /// # Errors
    ///
    /// A path with an empty part.
    pub fn new(
        fields_to_show: Vec<Vec<String>>,
        options: &ReaderOptions,
    ) -> Result<Self, PlanError> {
        let mut plan = ReadPlan::new(Vec::new(), fields_to_show, UnknownColumns::Discard)?;
        plan.judges_headers = false;
        Ok(Self {
            layout: options.layout(),
            limits: options.limits(),
            parser: JsonParser::new(Arc::new(Tree::new(&plan)), UnknownColumns::Discard),
            batch: Batch {
                block: Vec::new(),
                rows: Rows::new(Arc::new(Targets::new(&plan))),
            },
            buffer: Vec::new(),
            file: None,
            plan,
        })
    }

    /// The texts of the record at this offset (`_lake_offset`) of a decoded file, in the order
    /// of the fields: strings and CSV fields as what they mean, other JSON values as they are
    /// written, `None` where there is none or it is null. A record that is broken as a whole
    /// has none; do not ask for one whose `_lake_broken` names no column, since a record may be
    /// broken by what stands behind it in its line.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that ends before the record does. `position` is for the
    /// message.
    pub fn texts(
        &mut self,
        file: &Path,
        offset: u64,
        position: u64,
    ) -> Result<Vec<Option<String>>, ReadError> {
        let length = self.load(file, offset, position, false)?;
        // A batch's texts are UTF-8, see `Batch::resolve`.
        let is_text = std::str::from_utf8(&self.batch.block[..length]).is_ok();
        let Some((.., header)) = &self.file else {
            return Ok(Vec::new());
        };
        let is_row = is_text
            && read_one(
                &mut self.parser,
                &self.layout,
                header,
                &mut self.batch,
                length,
            );
        let texts = 0..self.plan.texts.len();
        let text = |column| self.batch.text(column, 0).map(str::to_owned);
        Ok(if is_row {
            texts.map(text).collect()
        } else {
            texts.map(|_| None).collect()
        })
    }

    /// Why the record at this offset of a decoded file is broken as a whole; `None` where it is
    /// not, by what this reads of it. Nothing of the record's content is told.
    ///
    /// # Errors
    ///
    /// As [`SourceTexts::texts`].
    pub fn fault(
        &mut self,
        file: &Path,
        offset: u64,
        position: u64,
    ) -> Result<Option<Fault>, ReadError> {
        let lines = matches!(self.layout, Layout::Lines);
        let length = self.load(file, offset, position, lines)?;
        let Some((.., header)) = &self.file else {
            return Ok(None);
        };
        let Batch { block, rows } = &mut self.batch;
        if std::str::from_utf8(&block[..length]).is_err() {
            return Ok(None);
        }
        rows.clear();
        let found = match &self.layout {
            Layout::Csv(syntax) => record_fault(block, 0, length, *syntax, header),
            Layout::Lines => self
                .parser
                .fault::<true>(block, 0, length, rows)
                .map(|(at, reason)| (at, reason.to_owned())),
            // Only objects and arrays have a length here.
            Layout::Array | Layout::Concatenated if length == 0 => {
                Some((0, "not an object".to_owned()))
            }
            Layout::Array | Layout::Concatenated => self
                .parser
                .fault::<false>(block, 0, length, rows)
                .map(|(at, reason)| (at, reason.to_owned())),
        };
        rows.clear();
        Ok(found.map(|(at, reason)| Fault {
            byte_offset: offset + at as u64,
            reason,
        }))
    }

    /// Reads a record, or the whole rest of its line, into the batch's block; returns its length.
    fn load(
        &mut self,
        file: &Path,
        offset: u64,
        position: u64,
        whole_line: bool,
    ) -> Result<usize, ReadError> {
        let io_error = |source| ReadError::Io {
            path: file.to_owned(),
            source,
        };
        if self.file.as_ref().is_none_or(|(path, ..)| path != file) {
            let mut handle = File::open(file).map_err(io_error)?;
            let mut header = Header::default();
            if let Layout::Csv(syntax) = self.layout {
                let read =
                    read_header(&mut handle, syntax, self.limits, &self.plan).map_err(io_error)?;
                header = read.ok_or_else(|| ReadError::NoRecord {
                    path: file.to_owned(),
                    position,
                    offset,
                })?;
            }
            self.file = Some((file.to_owned(), handle, header));
        }
        let Some((_, handle, _)) = &mut self.file else {
            return Ok(0);
        };
        let mut window = Window::new(handle, offset, &mut self.buffer);
        let length = match whole_line {
            true => line_length(&mut window, self.limits),
            false => record_length(&mut window, &self.layout, self.limits),
        };
        let length = length.map_err(io_error)?;
        let length = length.ok_or_else(|| ReadError::NoRecord {
            path: file.to_owned(),
            position,
            offset,
        })?;
        self.batch.block.clear();
        self.batch
            .block
            .extend_from_slice(&window.bytes()[..length]);
        self.batch.block.resize(length + PADDING, 0);
        Ok(length)
    }
}

/// Why a record is broken as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The byte of the decoded file that shows it.
    pub byte_offset: u64,
    /// What is wrong, without any of the record's content.
    pub reason: String,
}

/// How long the rest of the line at the begin of the window is.
fn line_length(window: &mut Window<'_>, limits: Limits) -> io::Result<Option<usize>> {
    window.fill(FIRST_BYTES)?;
    loop {
        let bytes = window.bytes();
        if let Some(end) = memchr::memchr(b'\n', bytes) {
            return Ok(Some(end));
        }
        if window.at_end() {
            return Ok((!bytes.is_empty()).then_some(bytes.len()));
        }
        if bytes.len() > limits.max_record_bytes {
            return Ok(None);
        }
        window.grow(limits.max_record_bytes)?;
    }
}

/// How long the record at the begin of the window is.
fn record_length(
    window: &mut Window<'_>,
    layout: &Layout,
    limits: Limits,
) -> io::Result<Option<usize>> {
    window.fill(FIRST_BYTES)?;
    let mut scanner = ElementScanner::new(true);
    loop {
        let bytes = window.bytes();
        let length = match layout {
            Layout::Csv(syntax) => match record_end(bytes, 0, *syntax) {
                RecordEnd::At(end) => Some(end),
                RecordEnd::Open if window.at_end() && !bytes.is_empty() => Some(bytes.len()),
                _ => None,
            },
            _ => match scanner.next(bytes) {
                Some(Mark::ValueEnd(end)) => Some(end),
                // Not an object: it has no fields.
                Some(_) => return Ok(Some(0)),
                None => None,
            },
        };
        if length.is_some() {
            return Ok(length);
        }
        if window.at_end() || bytes.len() > limits.max_record_bytes {
            return Ok(None);
        }
        window.grow(limits.max_record_bytes)?;
    }
}

fn read_one(
    parser: &mut JsonParser,
    layout: &Layout,
    header: &Header,
    batch: &mut Batch,
    length: usize,
) -> bool {
    let Batch { block, rows } = batch;
    rows.clear();
    let is_row = match layout {
        Layout::Csv(syntax) => read_csv(block, length, *syntax, header, rows),
        _ => matches!(
            parser.record::<false>(block, 0, length, rows),
            RecordOutcome::Row(_)
        ),
    };
    if is_row {
        rows.finish(0, 0, 0);
    }
    is_row
}

fn read_csv(
    block: &[u8],
    length: usize,
    syntax: CsvSyntax,
    header: &Header,
    rows: &mut Rows,
) -> bool {
    matches!(
        read_record(block, 0, length, syntax, header, rows),
        (CsvOutcome::Row, _)
    )
}
