//! The rules of a state, over small partitions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lakehouse_contract::{Input, RunDate, StateRule};
use lakehouse_engine::{Session, SessionOptions};

use super::{Merge, Versions};

struct Lake {
    folder: tempfile::TempDir,
    session: Session,
    columns: Vec<(String, String)>,
    files: std::cell::Cell<u64>,
}

impl Lake {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let session = Session::open(&SessionOptions {
            workspace: folder.path().to_owned(),
            memory_limit_bytes: 128 << 20,
            threads: 2,
            pseudonym_key: None,
        })
        .unwrap();
        session.lock().unwrap();
        let columns = [
            ("id", "INTEGER"),
            ("name", "VARCHAR"),
            ("version", "INTEGER"),
            ("gone", "BOOLEAN"),
        ];
        Self {
            folder,
            session,
            columns: columns
                .iter()
                .map(|(name, sql_type)| ((*name).to_owned(), (*sql_type).to_owned()))
                .collect(),
            files: std::cell::Cell::new(0),
        }
    }

    fn path(&self) -> PathBuf {
        self.files.set(self.files.get() + 1);
        self.folder
            .path()
            .join(format!("{}.parquet", self.files.get()))
    }

    /// A partition: rows of id, name, version and gone.
    fn partition(&self, date: &str, rows: &str) -> (RunDate, PathBuf) {
        let path = self.path();
        let select = format!("SELECT * FROM (VALUES {rows}) AS t(id, name, version, gone)");
        self.session
            .write_parquet(&select, &path, &BTreeMap::new())
            .unwrap();
        (date.parse().unwrap(), path)
    }

    fn merge(
        &self,
        rule: &StateRule,
        kept: Option<&Path>,
        partitions: &[(RunDate, PathBuf)],
    ) -> PathBuf {
        let incoming: Vec<(RunDate, Versions)> = partitions
            .iter()
            .map(|(date, path)| (*date, Versions::File(path.clone())))
            .collect();
        let to = self.path();
        self.of(rule)
            .write(kept, &incoming, &to, &BTreeMap::new())
            .unwrap();
        to
    }

    fn of<'a>(&'a self, rule: &'a StateRule) -> Merge<'a> {
        Merge {
            session: &self.session,
            rule,
            columns: &self.columns,
            action: "merge",
            memory_limit_bytes: 128 << 20,
        }
    }

    /// The state of a file of newest versions, as `id name`.
    fn state(&self, rule: &StateRule, versions: Option<&Path>) -> Vec<String> {
        let input = Input::Silver("users".parse().unwrap());
        self.of(rule).open(&input, versions).unwrap();
        self.session
            .query("SELECT id, name FROM silver.users ORDER BY ALL")
            .unwrap()
            .iter()
            .map(|row| format!("{} {}", row[0], row[1]))
            .collect()
    }
}

fn rule() -> StateRule {
    StateRule::Merged {
        key: vec!["id".to_owned()],
        order_by: vec!["version".to_owned()],
        tombstone: Some("gone".to_owned()),
    }
}

#[test]
fn the_newest_version_of_each_key_is_the_state_however_it_was_merged() {
    let lake = Lake::new();
    let days = [
        lake.partition(
            "2024-03-01",
            "(1, 'a1', 1, false), (2, 'b2', 2, NULL), (3, 'c5', 5, false), (4, 'd', NULL, false), \
             (5, 'e3', 3, false), (NULL, 'n1', 1, false), (7, 'g1', 1, false)",
        ),
        lake.partition(
            "2024-03-02",
            // A newer one; an equal one, which the later day wins; a late one; a tombstone; one that
            // has no version at all.
            "(1, 'a2', 2, false), (2, 'b2 again', 2, NULL), (3, 'c4 late', 4, false), \
             (5, 'e4 gone', 4, true), (4, 'd0', 0, false), (NULL, 'n2', 2, false), (7, 'g', NULL, true)",
        ),
        lake.partition(
            "2024-03-03",
            // A late version of a deleted key, and a new key that is deleted at once.
            "(5, 'e2 late', 2, false), (6, 'f', 1, true), (1, 'a3', 3, NULL)",
        ),
        lake.partition("2024-03-05", "(6, 'f back', 2, false), (3, 'gone', 9, true)"),
    ];
    let expected = ["1 a3", "2 b2 again", "4 d0", "6 f back", "7 g1", "NULL n2"];
    let rule = rule();

    let at_once = lake.merge(&rule, None, &days);
    assert_eq!(lake.state(&rule, Some(&at_once)), expected);
    // Day by day, in twos, and in any order: tombstones are kept until the state is read.
    for pieces in [1, 2, 3] {
        for is_reversed in [false, true] {
            let mut kept: Option<PathBuf> = None;
            let mut days = days.to_vec();
            if is_reversed {
                days.reverse();
            }
            for piece in days.chunks(pieces) {
                kept = Some(lake.merge(&rule, kept.as_deref(), piece));
            }
            let state = lake.state(&rule, kept.as_deref());
            assert_eq!(state, expected, "{pieces} {is_reversed}");
        }
    }
    assert_eq!(
        lake.state(&rule, Some(&lake.merge(&rule, None, &days[..2]))),
        ["1 a2", "2 b2 again", "3 c5", "4 d0", "7 g1", "NULL n2"],
        "as of the second day"
    );
    assert!(lake.state(&rule, None).is_empty());
}

#[test]
fn without_a_tombstone_nothing_is_gone() {
    let lake = Lake::new();
    let StateRule::Merged { key, order_by, .. } = rule() else {
        unreachable!();
    };
    let rule = StateRule::Merged {
        key,
        order_by,
        tombstone: None,
    };
    let day = lake.partition("2024-03-01", "(1, 'a', 1, true), (2, 'b', 1, false)");
    let merged = lake.merge(&rule, None, &[day]);
    assert_eq!(lake.state(&rule, Some(&merged)), ["1 a", "2 b"]);
}

#[test]
fn partitions_from_before_a_column_was_added_have_none_of_it() {
    let lake = Lake::new();
    let old = lake.path();
    lake.session
        .write_parquet(
            "SELECT 1 AS id, 'old' AS name, CAST(7 AS SMALLINT) AS version",
            &old,
            &BTreeMap::new(),
        )
        .unwrap();
    let rule = rule();
    let days = [
        ("2024-03-01".parse().unwrap(), old),
        lake.partition("2024-03-02", "(1, 'new', 6, false), (2, 'b', 1, false)"),
    ];
    let merged = lake.merge(&rule, None, &days);
    assert_eq!(lake.state(&rule, Some(&merged)), ["1 old", "2 b"]);
}

#[test]
fn rows_of_an_old_partition_that_share_a_key_are_one() {
    // It may have been published before the contract asked for changes.
    let lake = Lake::new();
    let day = lake.partition(
        "2024-03-01",
        "(1, 'a', 1, false), (1, 'b', 1, false), (1, NULL, 1, false)",
    );
    let rule = rule();
    let merged = lake.merge(&rule, None, &[day]);
    assert_eq!(lake.state(&rule, Some(&merged)), ["1 b"]);
}

#[test]
fn a_large_state_is_merged_within_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let session = Session::open(&SessionOptions {
        workspace: folder.path().to_owned(),
        memory_limit_bytes: 128 << 20,
        threads: 2,
        pseudonym_key: None,
    })
    .unwrap();
    session.lock().unwrap();
    let columns = [("id", "BIGINT"), ("text", "VARCHAR"), ("version", "BIGINT")];
    let columns: Vec<(String, String)> = columns
        .iter()
        .map(|(name, sql_type)| ((*name).to_owned(), (*sql_type).to_owned()))
        .collect();
    let rule = StateRule::Merged {
        key: vec!["id".to_owned()],
        order_by: vec!["version".to_owned()],
        tombstone: None,
    };
    let merge = Merge {
        session: &session,
        rule: &rule,
        columns: &columns,
        action: "merge",
        memory_limit_bytes: 128 << 20,
    };
    // Some 220 MB of rows, of which every third has a newer version on the second day.
    let days = ["2024-03-01", "2024-03-02"];
    let mut kept: Option<PathBuf> = None;
    for (number, date) in days.iter().enumerate() {
        let step = 1 + 2 * number;
        let file = folder.path().join(format!("{date}.parquet"));
        session
            .write_parquet(
                &format!(
                    "SELECT range AS id, sha256(CAST(range AS VARCHAR)) || sha256('{date}' || range) AS text, \
                     CAST({number} AS BIGINT) AS version FROM range(0, 1500000, {step})"
                ),
                &file,
                &BTreeMap::new(),
            )
            .unwrap();
        let to = folder.path().join(format!("state.{date}.parquet"));
        let incoming = [(date.parse().unwrap(), Versions::File(file))];
        let rows = merge
            .write(kept.as_deref(), &incoming, &to, &BTreeMap::new())
            .unwrap();
        assert_eq!(rows, 1_500_000);
        kept = Some(to);
    }
    let input = Input::Silver("texts".parse().unwrap());
    merge.open(&input, kept.as_deref()).unwrap();
    let counted = session
        .query("SELECT count(*), count(*) FILTER (WHERE version = 1) FROM silver.texts")
        .unwrap();
    assert_eq!(counted[0][0].to_string(), "1500000");
    assert_eq!(counted[0][1].to_string(), "500000");
}
