//! A locked session reaches nothing but its workspace.
//!
//! These run the statements that the guard would refuse first: the lock is the second wall.

mod common;

use common::{Lab, Rows};
use lakehouse_engine::{EngineError, SqlErrorKind};

/// A file outside the workspace that SQL must neither read nor write.
struct Outside(tempfile::TempDir);

impl Outside {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret.csv"), "name\nsecret\n").expect("a file");
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

#[test]
fn the_unlocked_session_shows_that_the_lock_matters() {
    let lab = Lab::new();
    let outside = Outside::new();
    let text = lab.one(&format!(
        "SELECT content FROM read_text('{}')",
        outside.path("secret.csv")
    ));
    assert!(text.contains("secret"));
    assert!(
        !lab.one("SELECT content FROM read_text('/proc/self/environ')")
            .is_empty()
    );
}

#[test]
fn a_locked_session_reaches_nothing_outside() {
    let lab = Lab::new();
    let outside = Outside::new();
    lab.session.lock().expect("locked");
    let secret = outside.path("secret.csv");
    let beside = lab.path("..").join("x.csv").display().to_string();
    let statements = [
        "SELECT * FROM read_text('/proc/self/environ')".to_owned(),
        "SELECT * FROM read_blob('/proc/self/environ')".to_owned(),
        format!("SELECT * FROM read_csv('{secret}')"),
        format!("SELECT * FROM '{secret}'"),
        format!(
            "SELECT * FROM read_parquet('{}')",
            outside.path("x.parquet")
        ),
        format!("SELECT * FROM read_json('{}')", outside.path("x.json")),
        format!("SELECT * FROM sniff_csv('{secret}')"),
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')".to_owned(),
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')".to_owned(),
        "SELECT * FROM glob('/etc/*')".to_owned(),
        format!("SELECT * FROM read_text('{beside}')"),
        format!("COPY (SELECT 1) TO '{}'", outside.path("out.csv")),
        format!("COPY (SELECT 1) TO '{beside}'"),
        "COPY (SELECT 1) TO '/dev/stdout'".to_owned(),
        format!("CREATE TABLE c (name VARCHAR); COPY c FROM '{secret}'"),
        format!("EXPORT DATABASE '{}'", outside.path("export")),
        format!("IMPORT DATABASE '{}'", outside.path("export")),
        format!("ATTACH '{}'", outside.path("x.db")),
        "INSTALL httpfs".to_owned(),
        "LOAD httpfs".to_owned(),
        format!("LOAD '{}'", lab.path("x.duckdb_extension").display()),
        "SET threads = 1".to_owned(),
        "SET enable_external_access = true".to_owned(),
        "SET lock_configuration = false".to_owned(),
        "RESET allowed_directories".to_owned(),
        "SET allowed_directories = ['/']".to_owned(),
        "SET temp_directory = '/tmp'".to_owned(),
        "PRAGMA memory_limit = '64GB'".to_owned(),
        format!("PRAGMA profile_output = '{}'", outside.path("profile")),
        format!("SET log_query_path = '{}'", outside.path("log")),
        "CALL enable_logging()".to_owned(),
        "SELECT getenv('PATH')".to_owned(),
        "CREATE PERSISTENT SECRET s (TYPE s3)".to_owned(),
    ];
    for statement in &statements {
        match lab.session.query(statement) {
            Ok(rows) => panic!("{statement} gave {rows:?}"),
            Err(EngineError::Sql { kind, message }) => {
                assert!(
                    matches!(
                        kind,
                        SqlErrorKind::Permission
                            | SqlErrorKind::Catalog
                            | SqlErrorKind::InvalidInput
                            | SqlErrorKind::Binder
                            | SqlErrorKind::Io
                            | SqlErrorKind::Other
                    ),
                    "{statement}: {kind:?} {message}"
                );
                assert!(!message.contains("name\nsecret"), "{message}");
            }
            Err(other) => panic!("{statement}: {other:?}"),
        }
    }
    let left: Vec<_> = std::fs::read_dir(outside.0.path())
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["secret.csv"], "nothing was written");
}

#[test]
fn a_locked_session_still_works_in_its_workspace() {
    let lab = Lab::with(2, 64 << 20);
    lab.session
        .register_source("rows", Rows::new(500_000, 2))
        .expect("a source");
    lab.session.lock().expect("locked");
    lab.session
        .execute("CREATE TABLE t AS SELECT * FROM rows()")
        .expect("a load that spills");
    let path = lab.path("t.parquet");
    let rows = lab
        .session
        .write_parquet("SELECT id, money FROM t ORDER BY id", &path, &[].into())
        .expect("a file");
    assert_eq!(rows, 500_000);
    lab.session
        .read_parquet_view("silver", "t", &[path], None)
        .expect("a view");
    assert_eq!(lab.one("SELECT count(*) FROM silver.t"), "500000");
    lab.session.lock().expect_err("once");
}

#[test]
fn settings_do_not_reach_the_home_directory() {
    let lab = Lab::new();
    for (setting, expected) in [
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("allow_community_extensions", "false"),
        ("allow_persistent_secrets", "false"),
        ("preserve_insertion_order", "false"),
        ("threads", "2"),
    ] {
        assert_eq!(
            lab.one(&format!("SELECT current_setting('{setting}')")),
            expected,
            "{setting}"
        );
    }
}
