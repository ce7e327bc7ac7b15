//! `lake-extract` against a real PostgreSQL.

mod broken;
mod configuration;
mod days;
mod fixture;
mod ranges;
mod secrets;
mod silver;
mod tls;
mod types;
