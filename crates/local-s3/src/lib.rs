//! The embedded S3 server of the lakehouse, for development on a machine without one.
//!
//! It answers the S3 calls that the lakehouse makes, on the loopback interface only, and keeps
//! the objects in a folder. What it promises is what the stages rely on: an object is replaced
//! in one step, conditional writes have one winner, what was sent is verified, and a listing
//! costs what its prefix costs. Every other call is answered with `NotImplemented`.
//!
//! [`storage`] is the folder: plain blocking functions that know nothing of HTTP, tested
//! directly. [`service`] translates S3 requests into them; `server` listens; `start` is the
//! command line.

#![warn(missing_docs)]

mod arguments;
mod server;
pub mod service;
mod start;
pub mod storage;

pub use start::main;
