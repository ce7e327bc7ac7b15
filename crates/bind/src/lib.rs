//! Contracts and marts bound by the engine, without data and without a store.
//!
//! `lake validate`, silver, check and gold all ask the same question before any data is
//! touched: does every expression, quality rule and mart of this pipeline bind, with the types
//! it promises, and does it read only what it may? Here is the one answer.

pub mod contracts;
mod failure;
pub mod marts;

pub use contracts::{bind_contract, bind_contracts, bind_each, binding_session};
pub use failure::EngineFailure;
pub use marts::{BoundMart, bind_marts, parquet_relation};
