//! Cleanup as a scheduler calls it, against a real server.

mod fixture;
mod one_run;
mod sweeping;
