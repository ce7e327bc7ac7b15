//! What single names mean: functions, types, collations, and names that look like columns.

use super::functions::{AGGREGATES, ORDERED_AGGREGATES, SCALARS, WINDOWS};

/// What is defined by a session and allowed.
const OURS: [&str; 6] = [
    "lake_date",
    "lake_decimal",
    "lake_integer",
    "lake_pseudonymise",
    "lake_timestamp",
    "run_date",
];

/// Names that mean the clock or the session when no column has them.
const NOT_COLUMNS: [&str; 13] = [
    "current_catalog",
    "current_database",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "get_current_timestamp",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
];

/// What a function is allowed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FunctionKind {
    Scalar,
    Aggregate,
    /// Its result depends on the order of its rows.
    OrderedAggregate,
}

/// The kind of an allowed function; `None` for one that is not allowed. `name` is in lowercase.
pub(super) fn function_kind(name: &str) -> Option<FunctionKind> {
    let is_in = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name));
    if OURS.contains(&name) || is_in(SCALARS) {
        Some(FunctionKind::Scalar)
    } else if is_in(ORDERED_AGGREGATES) {
        Some(FunctionKind::OrderedAggregate)
    } else if is_in(AGGREGATES) {
        Some(FunctionKind::Aggregate)
    } else {
        None
    }
}

/// Whether the function works over a window only, or by the window's order.
pub(super) fn is_window_function(name: &str) -> bool {
    WINDOWS.contains(&name)
}

/// Whether this name, unqualified, means the clock or the session.
pub(super) fn is_clock_or_session(name: &str) -> bool {
    NOT_COLUMNS.contains(&name)
}

/// Whether a type carries a time zone.
pub(super) fn is_zoned_type(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("with time zone")
        || name.contains("timestamptz")
        || name.contains("timetz")
        || name.contains("timestamp_tz")
}

/// Whether the engine has this collation without ICU.
pub(super) fn is_plain_collation(name: &str) -> bool {
    name.split('.').all(|part| {
        ["binary", "nocase", "noaccent", "nfc"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(part))
    })
}

/// Whether a date format is read or written differently with ICU.
pub(super) fn is_zoned_format(format: &str) -> bool {
    format.contains("%z") || format.contains("%Z")
}

/// What to do instead of calling a function that is not allowed.
pub(super) fn function_hint(name: &str) -> String {
    let starts_with_any =
        |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if matches!(
        name,
        "now" | "today" | "ago" | "age" | "transaction_timestamp"
    ) || starts_with_any(&["current_", "get_current", "local"])
    {
        "use `run_date()`: a day that is run again must give the same rows".into()
    } else if matches!(name, "timezone" | "to_timestamp" | "make_timestamptz")
        || name.contains("tz")
    {
        "timestamps are UTC without a zone: use TIMESTAMP, `make_timestamp`, `epoch_ms`, or an INTERVAL".into()
    } else if matches!(name, "random" | "uuid" | "gen_random_uuid" | "setseed")
        || starts_with_any(&["uuidv", "reservoir", "approx"])
    {
        "use something that follows from the row: the same input must give the same bytes".into()
    } else if starts_with_any(&[
        "read_",
        "parquet_",
        "sniff_",
        "glob",
        "scan_",
        "query",
        "getenv",
        "current_setting",
    ]) {
        "read `silver.<dataset>` or `gold.<mart>`, declared under `reads`".into()
    } else {
        "use another function; the list of those allowed is in `crates/engine/src/guard/functions.rs`".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_with_a_zone_are_known_by_any_of_their_names() {
        for name in [
            "TIMESTAMPTZ",
            "timestamp with time zone",
            "TIMETZ",
            "TIME WITH TIME ZONE",
            "timestamptz_ns",
        ] {
            assert!(is_zoned_type(name), "{name}");
        }
        for name in ["TIMESTAMP", "TIMESTAMP_NS", "TIME", "DATE", "VARCHAR"] {
            assert!(!is_zoned_type(name), "{name}");
        }
    }

    #[test]
    fn lists_do_not_overlap_and_are_sorted() {
        for list in [SCALARS, AGGREGATES, ORDERED_AGGREGATES, WINDOWS] {
            assert!(list.is_sorted(), "{list:?}");
        }
        for name in SCALARS {
            assert!(
                !AGGREGATES.contains(name) && !ORDERED_AGGREGATES.contains(name),
                "{name}"
            );
        }
    }

    /// A name that this engine does not have was misspelled, or the engine has lost it.
    #[test]
    fn allowed_functions_are_in_the_engine() {
        let folder = tempfile::tempdir().expect("a folder");
        let session = crate::Session::open(&crate::SessionOptions {
            workspace: folder.path().to_owned(),
            memory_limit_bytes: 1 << 28,
            threads: 1,
            pseudonym_key: None,
        })
        .expect("a session");
        let rows = session
            .query("SELECT DISTINCT function_name FROM duckdb_functions()")
            .expect("functions");
        let known: Vec<String> = rows.iter().map(|row| row[0].to_string()).collect();
        // The parser makes these itself.
        let of_the_parser = ["coalesce", "grouping", "grouping_id", "unnest"];
        for name in [SCALARS, AGGREGATES, ORDERED_AGGREGATES, WINDOWS].concat() {
            assert!(
                of_the_parser.contains(&name) || known.iter().any(|known| known == name),
                "{name}"
            );
        }
    }
}
