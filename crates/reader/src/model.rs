//! What the reader takes from contracts and pipelines.

pub(crate) use lakehouse_contract::{
    Column, ColumnType, Compression, Contract, Format, JsonLayout, OnInvalid, SourceFormat,
    UnknownColumns,
};
