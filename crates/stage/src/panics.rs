//! A panic is a bug that is reported like any other failure: logged, exit 70, a report.

use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};

use crate::StageError;

/// The first panic of the process: what came later is often its consequence.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// Lets panics be logged where they happen, in whatever thread.
pub(crate) fn start() {
    std::panic::set_hook(Box::new(|information| {
        let text = describe(information);
        tracing::error!(panic = %text, thread = std::thread::current().name().unwrap_or("unnamed"), "a part of the stage panicked");
        FIRST
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(text);
    }));
}

/// The error of a stage that panicked.
pub(crate) fn error() -> StageError {
    let first = FIRST.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let error = StageError::bug("the stage panicked").hint(
        "this is a bug of the lake: report it with this message and the logs; what was published is whole",
    );
    match first {
        Some(text) => error.cause(text),
        None => error,
    }
}

fn describe(information: &PanicHookInfo<'_>) -> String {
    let payload = information.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    match information.location() {
        Some(location) => format!("{message}, at {}:{}", location.file(), location.line()),
        None => message.to_owned(),
    }
}
