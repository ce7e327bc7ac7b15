//! Long texts into the engine's vectors.

use std::ffi::{CStr, c_char, c_int};

use duckdb::ffi;

/// Room for the text of an exception; the engine's own are a sentence or two.
const MESSAGE_BYTES: usize = 1024;

unsafe extern "C" {
    fn lake_assign_text(
        vector: ffi::duckdb_vector,
        row: u64,
        text: *const c_char,
        length_bytes: u64,
        message: *mut c_char,
        capacity_bytes: usize,
    ) -> c_int;
}

/// What the engine said when it could not take a text. It unwinds to the nearest
/// [`Failures::contain`](crate::bridge::Failures::contain), which makes an error of it.
pub(crate) struct EngineRefusal(pub(crate) String);

/// Writes a text into a row of a vector. Unwinds with an [`EngineRefusal`] when the engine has
/// no memory for it.
///
/// # Safety
///
/// `vector` is a live flat vector of texts that has the row, and nobody else uses it.
pub(crate) unsafe fn assign_text(vector: ffi::duckdb_vector, row: u64, text: &[u8]) {
    let mut message = [0_u8; MESSAGE_BYTES];
    // SAFETY: the vector is as promised; the text and the message are live during the call.
    let failed = unsafe {
        lake_assign_text(
            vector,
            row,
            text.as_ptr().cast(),
            text.len() as u64,
            message.as_mut_ptr().cast(),
            MESSAGE_BYTES,
        )
    };
    if failed != 0 {
        let text = CStr::from_bytes_until_nul(&message).unwrap_or_default();
        // No panic: nothing is wrong with the program, and its hook must not say so.
        std::panic::resume_unwind(Box::new(EngineRefusal(sentence(&text.to_string_lossy()))));
    }
}

/// The engine's exceptions are JSON objects; its error texts are `<type> Error: <message>`.
fn sentence(what: &str) -> String {
    let Ok(exception) = serde_json::from_str::<serde_json::Value>(what) else {
        return what.to_owned();
    };
    let text = |name: &str| exception[name].as_str().unwrap_or_default().to_owned();
    format!(
        "{} Error: {}",
        text("exception_type"),
        text("exception_message")
    )
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn an_exception_reads_like_an_error() {
        assert_eq!(
            sentence(r#"{"exception_type":"Out of Memory","exception_message":"failed to pin"}"#),
            "Out of Memory Error: failed to pin"
        );
        assert_eq!(sentence("std::bad_alloc"), "std::bad_alloc");
    }
}
