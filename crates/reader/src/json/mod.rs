//! JSON: records as objects of known keys, values as written.

mod keys;
mod record;
mod scan;

pub(crate) use keys::Tree;
pub(crate) use record::{JsonParser, RecordOutcome};
pub(crate) use scan::{string_stop_within, word_at};
