//! The columns of up to a vector's worth of rows, filled by a row source.

use std::marker::PhantomData;

use duckdb::ffi;

use crate::assign::assign_text;
use crate::source::ColumnKind;

/// Texts of up to this many bytes live in the column itself.
const INLINE_BYTES: usize = 12;
/// What a text takes in its column.
const TEXT_BYTES: usize = 16;

/// A type that a column of fixed width can be filled with.
///
/// # Safety
///
/// The engine's memory for a column of any kind for which [`fits`](Self::fits) is true holds
/// values of this type, and all bytes zero is one of them.
pub unsafe trait Fixed: Copy {
    /// Whether a column of this kind is stored in this type.
    fn fits(kind: ColumnKind) -> bool;
}

macro_rules! fixed {
    ($($type:ty => $pattern:pat,)*) => {$(
        // SAFETY: the widths are those that the engine documents for these types.
        unsafe impl Fixed for $type {
            fn fits(kind: ColumnKind) -> bool {
                matches!(kind, $pattern)
            }
        }
    )*};
}

fixed! {
    bool => ColumnKind::Boolean,
    i16 => ColumnKind::Decimal { precision: ..=4, .. },
    i32 => ColumnKind::Int32 | ColumnKind::Date | ColumnKind::Decimal { precision: 5..=9, .. },
    i64 => ColumnKind::Int64 | ColumnKind::Timestamp | ColumnKind::Decimal { precision: 10..=18, .. },
    i128 => ColumnKind::Uuid | ColumnKind::Decimal { precision: 19.., .. },
    f64 => ColumnKind::Double,
}

impl ColumnKind {
    /// Bytes that one value takes in a column.
    fn width(self) -> usize {
        match self {
            Self::Boolean => 1,
            Self::Decimal {
                precision: ..=4, ..
            } => 2,
            Self::Int32
            | Self::Date
            | Self::Decimal {
                precision: ..=9, ..
            } => 4,
            Self::Int64
            | Self::Double
            | Self::Timestamp
            | Self::Decimal {
                precision: ..=18, ..
            } => 8,
            Self::Text | Self::Uuid | Self::Decimal { .. } => TEXT_BYTES,
        }
    }
}

/// One column of the engine's chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    kind: ColumnKind,
    vector: ffi::duckdb_vector,
    data: *mut u8,
    /// Null until the first NULL of the chunk.
    validity: *mut u64,
}

// SAFETY: the pointers are set anew for each chunk, by the thread that fills it.
unsafe impl Send for Slot {}

impl Slot {
    pub(crate) fn new(kind: ColumnKind) -> Self {
        Self {
            kind,
            vector: std::ptr::null_mut(),
            data: std::ptr::null_mut(),
            validity: std::ptr::null_mut(),
        }
    }
}

/// The columns of up to [`capacity`](Self::capacity) rows, written in place.
///
/// A slot that is not written holds zero, `false` or the empty text.
///
/// Its methods panic when a column or row is out of range or of another kind: that is a defect of
/// the row source, and ends the query as [`EngineError::Panic`](crate::EngineError::Panic).
#[derive(Debug)]
pub struct Chunk<'a> {
    slots: &'a mut [Slot],
    capacity: usize,
    vectors: PhantomData<&'a mut [u8]>,
}

impl<'a> Chunk<'a> {
    /// Points the slots at the vectors of `output` and clears them.
    ///
    /// # Safety
    ///
    /// `output` is a live chunk with the slots' columns, empty and flat, that nobody else uses
    /// for `'a`.
    pub(crate) unsafe fn new(
        slots: &'a mut [Slot],
        output: ffi::duckdb_data_chunk,
        capacity: usize,
    ) -> Self {
        for (column, slot) in slots.iter_mut().enumerate() {
            // SAFETY: the chunk has this column, with room for `capacity` values of its kind; all
            // bytes zero is a value of each kind, the empty text included.
            unsafe {
                slot.vector = ffi::duckdb_data_chunk_get_vector(output, column as u64);
                slot.data = ffi::duckdb_vector_get_data(slot.vector).cast();
                slot.validity = std::ptr::null_mut();
                std::ptr::write_bytes(slot.data, 0, capacity * slot.kind.width());
            }
        }
        Self {
            slots,
            capacity,
            vectors: PhantomData,
        }
    }

    /// How many rows fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many columns there are.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.slots.len()
    }

    /// The kind of a column.
    #[must_use]
    pub fn kind(&self, column: usize) -> ColumnKind {
        self.slots[column].kind
    }

    /// The values of a column of fixed width, all [`capacity`](Self::capacity) of them.
    ///
    /// Decimals are digits without a point, in the narrowest of `i16` (up to 4 digits), `i32` (9),
    /// `i64` (18) and `i128` (38).
    ///
    /// # Panics
    ///
    /// When the column is of another type.
    pub fn column_mut<T: Fixed>(&mut self, column: usize) -> &mut [T] {
        let slot = &self.slots[column];
        assert!(
            T::fits(slot.kind),
            "column {column} is {:?}, not {}",
            slot.kind,
            std::any::type_name::<T>()
        );
        let data = slot.data.cast::<T>();
        assert!(
            data.is_aligned(),
            "the engine's memory is not aligned for {}",
            std::any::type_name::<T>()
        );
        // SAFETY: `fits` says that the vector holds values of this type; they were cleared, so
        // they are valid; `&mut self` is the only way to them.
        unsafe { std::slice::from_raw_parts_mut(data, self.capacity) }
    }

    /// Writes a text given as bytes, which must be UTF-8.
    ///
    /// # Panics
    ///
    /// When the bytes are not UTF-8, or the column is no text.
    pub fn set_text(&mut self, column: usize, row: usize, text: &[u8]) {
        match std::str::from_utf8(text) {
            Ok(text) => self.set_str(column, row, text),
            Err(error) => panic!("the text for column {column} is not UTF-8: {error}"),
        }
    }

    /// Writes a text.
    ///
    /// # Panics
    ///
    /// When the column is no text.
    pub fn set_str(&mut self, column: usize, row: usize, text: &str) {
        let slot = &self.slots[column];
        assert!(
            slot.kind == ColumnKind::Text,
            "column {column} is {:?}, not text",
            slot.kind
        );
        assert!(row < self.capacity, "row {row} of {}", self.capacity);
        // SAFETY: row and kind were checked; the short form is the engine's documented layout
        // (length, then the bytes, padded with zeros), the long form is written by the engine.
        unsafe {
            if text.len() <= INLINE_BYTES {
                let mut value = [0_u8; TEXT_BYTES];
                value[..4].copy_from_slice(&(text.len() as u32).to_ne_bytes());
                value[4..4 + text.len()].copy_from_slice(text.as_bytes());
                slot.data
                    .add(row * TEXT_BYTES)
                    .cast::<[u8; TEXT_BYTES]>()
                    .write(value);
            } else {
                assign_text(slot.vector, row as u64, text.as_bytes());
            }
        }
    }

    /// Makes a value NULL.
    pub fn set_null(&mut self, column: usize, row: usize) {
        self.words_mut(column)[row / 64] &= !(1 << (row % 64));
    }

    /// Copies a value of fixed width, given by the address of a column of the same kind.
    ///
    /// # Safety
    ///
    /// `values` points at a live column of this column's kind that has the row `from`.
    pub(crate) unsafe fn copy_fixed(
        &mut self,
        column: usize,
        row: usize,
        values: *const u8,
        from: usize,
    ) {
        let slot = &self.slots[column];
        assert!(slot.kind != ColumnKind::Text, "column {column} is text");
        assert!(row < self.capacity, "row {row} of {}", self.capacity);
        let width = slot.kind.width();
        // SAFETY: both columns have values of this width at these rows, and are not the same.
        unsafe {
            std::ptr::copy_nonoverlapping(
                values.add(from * width),
                slot.data.add(row * width),
                width,
            );
        }
    }

    /// Says which values of a column are there: bit `row % 64` of word `row / 64` is 1 for a value
    /// and 0 for NULL. Rows past the words keep their state.
    ///
    /// # Panics
    ///
    /// When there are more words than the capacity needs.
    pub fn set_validity(&mut self, column: usize, words: &[u64]) {
        self.words_mut(column)[..words.len()].copy_from_slice(words);
    }

    fn words_mut(&mut self, column: usize) -> &mut [u64] {
        let slot = &mut self.slots[column];
        // SAFETY: the vector is live; once asked for, its mask has a bit for each row of the
        // capacity, all set; `&mut self` is the only way to it.
        unsafe {
            if slot.validity.is_null() {
                ffi::duckdb_vector_ensure_validity_writable(slot.vector);
                slot.validity = ffi::duckdb_vector_get_validity(slot.vector);
            }
            std::slice::from_raw_parts_mut(slot.validity, self.capacity.div_ceil(64))
        }
    }
}
