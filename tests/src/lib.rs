//! What the end-to-end tests share: a lake (server, environment, pipelines) and a look at what
//! is in its store, the same for every server.
//!
//! Helpers panic when something does not work: a test has nothing better to do.

mod harbour;
mod lake;
mod library;
mod objects;
mod till;

pub use harbour::{HARBOUR_DATASETS, HARBOUR_DATE, harbour, outcomes};
pub use lake::{Lake, error_of, repository};
pub use library::{
    Dice, LibraryDay, Version, deliver_library, library, library_date, library_days,
    members_by_city,
};
pub use objects::{Objects, assert_same_objects};
pub use till::{CONTRACT, DATE, MART, PIPELINE, receipt, till};
