//! The lakehouse as a person or a scheduler sees it: the real executables, real servers, and
//! everything from source files to gold.

mod bad_configuration;
mod bad_days;
mod bad_files;
mod by_files_alone;
mod contract_sql;
mod fixed_day;
mod killed;
mod lake_show;
mod lake_test;
mod mart_refusals;
mod marts;
mod memory;
mod same_bytes;
mod secrets;
mod several;
mod snapshots;
