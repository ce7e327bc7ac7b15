//! The reader on real files.

mod bad_input;
mod contracts;
mod csv_files;
mod decoding;
mod headers;
mod json_files;
mod json_values;
mod large;
mod properties;
mod quarantine;
mod real_data;
mod support;
