//! The lakehouse as a person or a scheduler sees it: the real executables, real servers, and
//! everything from source files to gold.

mod bad_days;
mod by_files_alone;
mod secrets;
