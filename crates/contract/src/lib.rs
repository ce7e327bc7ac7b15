//! What a lakehouse is told: contracts, pipelines, test cases, and the SQL that they mean.
//!
//! Everything here is a pure function of texts: no files, no network, no clock. So a contract
//! is judged in milliseconds before any data is touched, and every generated statement can be
//! tested letter by letter.
//!
//! * [`Contract`]: an Open Data Contract Standard document, a strict subset of it.
//! * [`Pipeline`]: the `pipeline.yaml` of a folder.
//! * [`TestCase`]: the `case.yaml` of a test.
//! * [`silver_sql`]: contract to SQL; [`audit_sql`]: what check and gold ask.

pub mod audit_sql;
mod case;
mod case_limit;
mod contract;
mod date;
mod environment;
mod error;
mod name;
mod number;
mod pipeline;
mod query;
pub mod quote;
pub mod silver_sql;
pub mod source_path;
pub mod state;
pub mod suggest;
mod types;
mod yaml;

pub use case::{Expectation, TestCase};
pub use case_limit::with_max_quarantined;
pub use contract::{
    Bound, Column, Contract, Dedupe, Delivery, Keep, OnInvalid, OnOtherDay, OnUnreadableFile,
    OnViolation, Pseudonymise, QualityKind, QualityRule, Severity, Unit, UnknownColumns,
};
pub use date::RunDate;
pub use environment::{environment_names, expand_environment};
pub(crate) use error::Problems;
pub use error::{ContractError, Problem};
pub use name::Name;
pub use number::Number;
pub use pipeline::{
    BeforeFirst, ColumnDescription, Columns, Compression, CsvFormat, Database, Dataset, DuckDbFile,
    FileGlob, FilePattern, Files, Format, HISTORY_DATE, Input, JsonLayout, Load, Mart, MartFormat,
    Materialised, Pipeline, RUN_DATE_COLUMN, Relation, Schedule, Source, StorageVersion, Table,
    Take, WAREHOUSE_DIR, Warehouse, WarehouseDatabase, WarehouseTable, WhenMissing, Window,
};
pub use query::Query;
pub use state::StateRule;
pub use types::{ColumnType, SourceFormat};
pub use yaml::Position;
