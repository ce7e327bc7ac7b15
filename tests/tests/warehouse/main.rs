//! DuckDB files that gold is loaded into, as the people who query them see them.

mod concurrent;
mod fixture;
mod killed;
mod loading;
mod refusals;
mod remote;
mod shown;
