//! What the reader takes from contracts and pipelines.

pub(crate) use lakehouse_contract::{
    ColumnType, Compression, Contract, Format, JsonLayout, OnInvalid, SourceFormat, UnknownColumns,
};
