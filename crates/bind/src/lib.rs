//! Contracts and marts bound by the engine, without data and without a store.
//!
//! `lake validate`, silver, check and gold all ask the same question before any data is
//! touched: does every expression, quality rule and mart of this pipeline bind, with the types
//! it promises, and does it read only what it may? Here is the one answer.

pub mod contracts;
mod failure;
pub mod marts;
mod position;
mod warehouses;

pub use contracts::{bind_contract, bind_contracts, bind_each, binding_session, judge_contract};
pub use failure::EngineFailure;
pub use marts::{BoundMart, MartFile, bind_marts, judge_marts, parquet_relation};

/// What does not bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where it is written, where that is known.
    pub position: Option<lakehouse_contract::Position>,
    /// Why, and what to write instead.
    pub error: lakehouse_stage::StageError,
}
