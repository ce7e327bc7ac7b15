//! The registry of every environment variable that the lake reads.
//!
//! A variable is declared here and nowhere else; `--help` and `docs/environment.md` are
//! made from this list, and a test holds the page against it. A variable that is set to
//! nothing counts as not set, since that is how an empty field of a form or a connection
//! arrives.

use crate::StageError;

/// One environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is not set, in words; nothing where it must be set.
    pub default: Option<&'static str>,
    /// What it means, one sentence.
    pub meaning: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Which stages read it.
    pub readers: Readers,
}

/// Which executables read a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// All stages, and `lake`.
    All,
    /// Only these.
    Only(&'static [&'static str]),
}

impl Readers {
    /// Whether the stage reads it.
    #[must_use]
    pub fn include(self, stage: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(stages) => stages.contains(&stage),
        }
    }
}

/// Reads a variable of this process; set to nothing is not set.
///
/// # Errors
/// When its value is not UTF-8.
pub fn read(variable: &Variable) -> Result<Option<String>, StageError> {
    match std::env::var(variable.name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(StageError::usage(format!(
            "environment variable `{}` is not UTF-8",
            variable.name
        ))),
    }
}

const fn plain(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        default: Some(default),
        meaning,
        secret: false,
        readers: Readers::All,
    }
}

const fn only(variable: Variable, stages: &'static [&'static str]) -> Variable {
    Variable {
        readers: Readers::Only(stages),
        ..variable
    }
}

const fn needed(variable: Variable) -> Variable {
    Variable {
        default: None,
        ..variable
    }
}

const fn secret(variable: Variable) -> Variable {
    Variable {
        secret: true,
        ..variable
    }
}

/// The folder of pipelines.
pub const LAKE_PIPELINES_DIR: Variable = plain(
    "LAKE_PIPELINES_DIR",
    "`pipelines` in the working directory",
    "The folder that holds one folder per pipeline.",
);
/// A folder that stands in for every source.
pub const LAKE_SOURCE_ROOT: Variable = only(
    plain(
        "LAKE_SOURCE_ROOT",
        "the `from` of each dataset",
        "When set, bronze reads each dataset from the folder of its name below this one, wherever `from` points; `lake test` runs its cases so.",
    ),
    &["bronze", "lake"],
);
/// The location of bronze.
pub const LAKE_BRONZE_URL: Variable = plain(
    "LAKE_BRONZE_URL",
    "s3://bronze",
    "Where bronze objects are: `s3://bucket` or `s3://bucket/prefix`.",
);
/// The location of staging.
pub const LAKE_STAGING_URL: Variable = plain(
    "LAKE_STAGING_URL",
    "s3://staging",
    "Where silver puts partitions before they are audited, and where run reports are kept.",
);
/// The location of silver.
pub const LAKE_SILVER_URL: Variable = plain(
    "LAKE_SILVER_URL",
    "s3://silver",
    "Where published silver partitions are.",
);
/// The location of the quarantine.
pub const LAKE_QUARANTINE_URL: Variable = plain(
    "LAKE_QUARANTINE_URL",
    "s3://quarantine",
    "Where quarantined rows and quality reports are.",
);
/// The location of gold.
pub const LAKE_GOLD_URL: Variable = plain("LAKE_GOLD_URL", "s3://gold", "Where marts are.");
/// Path-style addressing.
pub const LAKE_S3_PATH_STYLE: Variable = plain(
    "LAKE_S3_PATH_STYLE",
    "`true` where an endpoint is set, else `false`",
    "Whether the bucket is part of the path (`true`, as MinIO wants it) or of the host name (`false`).",
);
/// Whether missing buckets are made.
pub const LAKE_CREATE_BUCKETS: Variable = plain(
    "LAKE_CREATE_BUCKETS",
    "false",
    "Whether a bucket that does not exist is created instead of refused.",
);
/// Time to connect to the store.
pub const LAKE_S3_CONNECT_TIMEOUT_SECS: Variable = plain(
    "LAKE_S3_CONNECT_TIMEOUT_SECS",
    "5",
    "How long connecting to the store may take.",
);
/// Time without an answer from the store.
pub const LAKE_S3_READ_TIMEOUT_SECS: Variable = plain(
    "LAKE_S3_READ_TIMEOUT_SECS",
    "30",
    "How long one attempt may wait for its answer; the time that its bytes need is added.",
);
/// Time for one whole call.
pub const LAKE_S3_OPERATION_TIMEOUT_SECS: Variable = plain(
    "LAKE_S3_OPERATION_TIMEOUT_SECS",
    "120",
    "How long one call of the store may take with all its attempts; the time that its bytes need is added.",
);
/// The folder of workspaces.
pub const LAKE_WORKSPACE_DIR: Variable = plain(
    "LAKE_WORKSPACE_DIR",
    "`lake` in the folder for temporary files (`TMPDIR`)",
    "Where each stage makes its private folder for temporary files, gone when it ends.",
);
/// The memory budget.
pub const LAKE_MEMORY_LIMIT: Variable = plain(
    "LAKE_MEMORY_LIMIT",
    "1GiB",
    "The memory of a whole stage, its reader included: `1GiB`, `512MB` or bytes.",
);
/// The number of threads.
pub const LAKE_THREADS: Variable = plain(
    "LAKE_THREADS",
    "the number of cores",
    "How many threads a stage works with.",
);
/// The largest record.
pub const LAKE_MAX_RECORD_BYTES: Variable = only(
    plain(
        "LAKE_MAX_RECORD_BYTES",
        "16MiB",
        "The largest single record of a source file; a file with a larger one is unreadable.",
    ),
    &["silver", "lake"],
);
/// The folder of warehouse files.
pub const LAKE_WAREHOUSE_DIR: Variable = only(
    plain(
        "LAKE_WAREHOUSE_DIR",
        "none; needed only where the `path` of a warehouse names it",
        "The folder of the DuckDB files that gold is loaded into.",
    ),
    &["load", "cleanup", "lake"],
);
/// The key of pseudonyms.
pub const LAKE_PSEUDONYM_KEY: Variable = secret(only(
    plain(
        "LAKE_PSEUDONYM_KEY",
        "none; needed only where a contract pseudonymises",
        "The key of pseudonyms, a text of at least 32 bytes; from the Airflow connection `lake_pseudonym`.",
    ),
    &["silver", "lake"],
));
/// The connections of databases; `connection` reads them, one for each name.
pub const LAKE_CONNECTION: Variable = secret(only(
    plain(
        "LAKE_CONNECTION_<NAME>",
        "none; needed for each database that a pipeline names",
        "How to reach a database: `postgresql://user:password@host:port/database?…`, `cassandra://user:password@host:port?…`, or the JSON of an Airflow connection (docs/databases.md); from the Airflow connection of the same name.",
    ),
    &["extract", "lake"],
));
/// The level of logs.
pub const LAKE_LOG: Variable = plain(
    "LAKE_LOG",
    "info",
    "How much is logged on standard error: `error`, `warn`, `info`, `debug` or `trace`.",
);
/// The form of logs.
pub const LAKE_LOG_FORMAT: Variable = plain(
    "LAKE_LOG_FORMAT",
    "`text` on a terminal, else `json`",
    "The form of logs: `text` for people, `json` for one JSON object a line.",
);
/// The folder of the executables.
pub const LAKE_BIN_DIR: Variable = only(
    plain(
        "LAKE_BIN_DIR",
        "the folder of `lake` itself",
        "Where `lake` finds the executables of the stages.",
    ),
    &["lake"],
);
/// The address of the store.
pub const AWS_ENDPOINT_URL: Variable = plain(
    "AWS_ENDPOINT_URL",
    "Amazon's own, for the region in `AWS_REGION`",
    "The address of the S3 store: `http://host:port` or `https://host`, without a path.",
);
/// The address of the store, the narrower name.
pub const AWS_ENDPOINT_URL_S3: Variable = plain(
    "AWS_ENDPOINT_URL_S3",
    "`AWS_ENDPOINT_URL`",
    "The same for S3 alone; wins where both are set.",
);
/// The region.
pub const AWS_REGION: Variable = plain(
    "AWS_REGION",
    "`AWS_DEFAULT_REGION`; us-east-1 where an endpoint is set, else it must be set",
    "The region of the store.",
);
/// The region's other name.
pub const AWS_DEFAULT_REGION: Variable = plain(
    "AWS_DEFAULT_REGION",
    "none",
    "The region where `AWS_REGION` is not set.",
);
/// The store's login.
pub const AWS_ACCESS_KEY_ID: Variable = secret(needed(plain(
    "AWS_ACCESS_KEY_ID",
    "",
    "The login for the store; from the Airflow connection `minio_default`.",
)));
/// The store's password.
pub const AWS_SECRET_ACCESS_KEY: Variable = secret(needed(plain(
    "AWS_SECRET_ACCESS_KEY",
    "",
    "The password for the store; from the Airflow connection `minio_default`.",
)));
/// The token of temporary credentials.
pub const AWS_SESSION_TOKEN: Variable = secret(plain(
    "AWS_SESSION_TOKEN",
    "none",
    "The token that belongs to temporary credentials.",
));
/// A profile instead of a login.
pub const AWS_PROFILE: Variable = plain(
    "AWS_PROFILE",
    "none",
    "A profile of the AWS configuration files, read only where `AWS_ACCESS_KEY_ID` is not set.",
);
/// How often a call is tried.
pub const AWS_MAX_ATTEMPTS: Variable = plain(
    "AWS_MAX_ATTEMPTS",
    "4",
    "How often a call of the store is tried before it counts as failed.",
);
/// Whom to trust.
pub const AWS_CA_BUNDLE: Variable = plain(
    "AWS_CA_BUNDLE",
    "`SSL_CERT_FILE`, else the system's certificates",
    "A PEM file with the certificates of the only CAs that a store's TLS certificate may be signed by.",
);
/// Whom to trust, by the name that most tools know.
pub const SSL_CERT_FILE: Variable = plain(
    "SSL_CERT_FILE",
    "the system's certificates",
    "The same, where `AWS_CA_BUNDLE` is not set.",
);

/// Every variable, in the order of the page.
pub const ALL: &[&Variable] = &[
    &LAKE_PIPELINES_DIR,
    &LAKE_SOURCE_ROOT,
    &LAKE_BRONZE_URL,
    &LAKE_STAGING_URL,
    &LAKE_SILVER_URL,
    &LAKE_QUARANTINE_URL,
    &LAKE_GOLD_URL,
    &AWS_ENDPOINT_URL,
    &AWS_ENDPOINT_URL_S3,
    &AWS_REGION,
    &AWS_DEFAULT_REGION,
    &AWS_ACCESS_KEY_ID,
    &AWS_SECRET_ACCESS_KEY,
    &AWS_SESSION_TOKEN,
    &AWS_PROFILE,
    &AWS_MAX_ATTEMPTS,
    &AWS_CA_BUNDLE,
    &SSL_CERT_FILE,
    &LAKE_S3_PATH_STYLE,
    &LAKE_CREATE_BUCKETS,
    &LAKE_S3_CONNECT_TIMEOUT_SECS,
    &LAKE_S3_READ_TIMEOUT_SECS,
    &LAKE_S3_OPERATION_TIMEOUT_SECS,
    &LAKE_WAREHOUSE_DIR,
    &LAKE_PSEUDONYM_KEY,
    &LAKE_CONNECTION,
    &LAKE_MEMORY_LIMIT,
    &LAKE_THREADS,
    &LAKE_WORKSPACE_DIR,
    &LAKE_MAX_RECORD_BYTES,
    &LAKE_LOG,
    &LAKE_LOG_FORMAT,
    &LAKE_BIN_DIR,
];

/// `docs/environment.md`, made from the registry.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# Environment variables\n\n\
         <!-- Made from crates/stage/src/env.rs; `UPDATE_DOCS=1 cargo test --release -p lakehouse-stage` writes it again. -->\n\n\
         A variable that is set to nothing counts as not set. Secrets are never logged, reported or\n\
         passed as arguments. What a pipeline reads besides these, it declares under `environment` in\n\
         its `pipeline.yaml`; never credentials.\n\n\
         | variable | read by | default | meaning |\n|---|---|---|---|\n",
    );
    for variable in ALL {
        let readers = match variable.readers {
            Readers::All => "all".to_owned(),
            Readers::Only(stages) => stages.join(", "),
        };
        let default = variable.default.unwrap_or("none: must be set");
        let secret = if variable.secret { " Secret." } else { "" };
        page.push_str(&format!(
            "| `{}` | {readers} | {default} | {}{secret} |\n",
            variable.name, variable.meaning
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{ALL, page};

    #[test]
    fn names_are_unique_and_defaults_and_meanings_are_said() {
        let names: BTreeSet<&str> = ALL.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), ALL.len());
        for variable in ALL {
            assert!(variable.meaning.ends_with('.'), "{}", variable.name);
            assert!(variable.default != Some(""), "{}", variable.name);
        }
    }

    #[test]
    fn the_page_is_current() {
        let path = Path::new("../../docs/environment.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == page(),
            "docs/environment.md is not current: run `UPDATE_DOCS=1 cargo test --release -p lakehouse-stage`"
        );
    }
}
