//! JSON Lines: a block ends at the end of a line, and no line end is inside of anything.

use std::io;

use memchr::memrchr;

use super::{Cut, Limits, Window};

pub(super) fn cut(window: &mut Window<'_>, position: u64, limits: Limits) -> io::Result<Cut> {
    window.fill(limits.block_bytes)?;
    let mut searched = 0;
    loop {
        let bytes = window.bytes();
        if window.at_end() {
            return Ok(if bytes.is_empty() {
                Cut::End
            } else {
                Cut::Block(bytes.len())
            });
        }
        if let Some(at) = memrchr(b'\n', &bytes[searched..]) {
            return Ok(Cut::Block(searched + at + 1));
        }
        searched = bytes.len();
        if searched > limits.max_record_bytes {
            return Ok(Cut::Unreadable(window.too_long(
                0,
                position + 1,
                limits.max_record_bytes,
            )));
        }
        window.grow(limits.max_record_bytes)?;
    }
}
