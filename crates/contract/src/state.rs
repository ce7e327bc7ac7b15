//! The state of a dataset as of a date: which versions it is made of, and the SQL that finds them.
//!
//! The state is a function of what is published, never of when or in which order days ran. Of a
//! snapshot it is the newest partition; of changes, the newest version of each key: the greatest by
//! `orderBy`, then by the date of its partition, then by all columns. Such a maximum can be taken in
//! any order and in any number of steps, so what was found for one date is where a later one goes
//! on from. Tombstones stay among the versions until the state is read: an older version that
//! arrives late must not bring a key back.

use serde_json::json;

use crate::contract::{Contract, Dedupe, Delivery};
use crate::quote::{identifier, identifiers};

/// The column that says from which partition a version came.
pub const VERSION_DATE: &str = "_lake_date";

/// How the state of a dataset comes from its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateRule {
    /// It is the newest partition.
    Newest,
    /// It is the newest version of each key.
    Merged {
        /// What tells keys apart.
        key: Vec<String>,
        /// What tells which version is newer, before the date of its partition.
        order_by: Vec<String>,
        /// The column that is true where the key is gone.
        tombstone: Option<String>,
    },
}

impl Contract {
    /// How the dataset's state comes from its partitions; none where a day holds the rows of that
    /// day alone.
    #[must_use]
    pub fn state_rule(&self) -> Option<StateRule> {
        match (self.delivery, &self.dedupe) {
            (Delivery::Event, _) => None,
            (Delivery::Snapshot, _) => Some(StateRule::Newest),
            (
                Delivery::Changes,
                Dedupe::ByKey {
                    columns, order_by, ..
                },
            ) => Some(StateRule::Merged {
                key: columns.clone(),
                order_by: order_by.clone(),
                tombstone: self.tombstone.clone(),
            }),
            // A contract that declares changes without an order is refused when it is read.
            (Delivery::Changes, _) => None,
        }
    }
}

impl StateRule {
    /// The rule as a text that is the same for the same rule: two states of one list of partitions
    /// are the same where this is the same.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Newest => json!({"delivery": "snapshot"}),
            Self::Merged {
                key,
                order_by,
                tombstone,
            } => json!({
                "delivery": "changes",
                "key": key,
                "orderBy": order_by,
                "tombstone": tombstone,
            }),
        }
        .to_string()
    }

    /// The newest version of each key, tombstones included, with the date of its partition.
    ///
    /// `kept` are the newest versions so far, one a key; `incoming` are versions that came since.
    /// Both are tables with the dataset's `columns` and [`VERSION_DATE`]. Keys without a new version
    /// pass as they are: only the others are compared, so that a day costs what it brings, and a scan
    /// of the state. What is compared is found by the hash of the key; keys that share one by chance
    /// are compared as well, which changes nothing.
    #[must_use]
    pub fn newest_versions(
        &self,
        kept: Option<&str>,
        incoming: &str,
        columns: &[String],
    ) -> Option<String> {
        let Self::Merged { key, order_by, .. } = self else {
            return None;
        };
        let names = identifiers(columns);
        let date = identifier(VERSION_DATE);
        let key_names = identifiers(key);
        let others = columns
            .iter()
            .filter(|column| !key.contains(column) && !order_by.contains(column));
        let date_name = VERSION_DATE.to_owned();
        let order: Vec<String> = order_by
            .iter()
            .filter(|column| !key.contains(column))
            .chain(std::iter::once(&date_name))
            .chain(others)
            .map(|column| format!("{} DESC NULLS LAST", identifier(column)))
            .collect();
        let newest = |versions: &str| {
            format!(
                "SELECT {names}, {date} FROM (\n  \
                 SELECT {names}, {date}, row_number() OVER (PARTITION BY {key_names} ORDER BY {}) AS _lake_rank\n  \
                 FROM ({versions}) AS _lake_versions\n\
                 ) AS _lake_ranked WHERE _lake_rank = 1",
                order.join(", ")
            )
        };
        let incoming_versions = format!("SELECT {names}, {date} FROM {incoming}");
        let Some(kept) = kept else {
            return Some(newest(&incoming_versions));
        };
        let hashes = format!("SELECT hash({key_names}) FROM {incoming}");
        let compared = format!(
            "SELECT {names}, {date} FROM {kept} WHERE hash({key_names}) IN ({hashes}) \
             UNION ALL {incoming_versions}"
        );
        Some(format!(
            "SELECT {names}, {date} FROM {kept} WHERE hash({key_names}) NOT IN ({hashes})\n\
             UNION ALL\n{}",
            newest(&compared)
        ))
    }

    /// What of the newest versions is the state: all but tombstones.
    #[must_use]
    pub fn living(&self) -> Option<String> {
        match self {
            Self::Merged {
                tombstone: Some(tombstone),
                ..
            } => Some(format!("{} IS NOT TRUE", identifier(tombstone))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StateRule;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn rule() -> StateRule {
        StateRule::Merged {
            key: texts(&["id"]),
            order_by: texts(&["changed_at", "id"]),
            tombstone: Some("is \"gone\"".to_owned()),
        }
    }

    #[test]
    fn the_newest_of_all_versions() {
        let columns = texts(&["id", "name", "changed_at"]);
        let sql = rule().newest_versions(None, "incoming", &columns).unwrap();
        assert_eq!(
            sql,
            r#"SELECT "id", "name", "changed_at", "_lake_date" FROM (
  SELECT "id", "name", "changed_at", "_lake_date", row_number() OVER (PARTITION BY "id" ORDER BY "changed_at" DESC NULLS LAST, "_lake_date" DESC NULLS LAST, "name" DESC NULLS LAST) AS _lake_rank
  FROM (SELECT "id", "name", "changed_at", "_lake_date" FROM incoming) AS _lake_versions
) AS _lake_ranked WHERE _lake_rank = 1"#
        );
    }

    #[test]
    fn only_keys_with_a_new_version_are_compared() {
        let columns = texts(&["id", "changed_at"]);
        let sql = rule()
            .newest_versions(Some("kept"), "incoming", &columns)
            .unwrap();
        assert_eq!(
            sql,
            r#"SELECT "id", "changed_at", "_lake_date" FROM kept WHERE hash("id") NOT IN (SELECT hash("id") FROM incoming)
UNION ALL
SELECT "id", "changed_at", "_lake_date" FROM (
  SELECT "id", "changed_at", "_lake_date", row_number() OVER (PARTITION BY "id" ORDER BY "changed_at" DESC NULLS LAST, "_lake_date" DESC NULLS LAST) AS _lake_rank
  FROM (SELECT "id", "changed_at", "_lake_date" FROM kept WHERE hash("id") IN (SELECT hash("id") FROM incoming) UNION ALL SELECT "id", "changed_at", "_lake_date" FROM incoming) AS _lake_versions
) AS _lake_ranked WHERE _lake_rank = 1"#
        );
    }

    #[test]
    fn a_version_whose_mark_is_missing_is_alive() {
        assert_eq!(rule().living().unwrap(), r#""is ""gone""" IS NOT TRUE"#);
        assert_eq!(StateRule::Newest.living(), None);
        assert_eq!(StateRule::Newest.newest_versions(None, "a", &[]), None);
    }

    #[test]
    fn every_part_of_a_rule_is_in_its_text() {
        let rules = [
            StateRule::Newest,
            rule(),
            StateRule::Merged {
                key: texts(&["id"]),
                order_by: texts(&["changed_at"]),
                tombstone: None,
            },
            StateRule::Merged {
                key: texts(&["id", "changed_at"]),
                order_by: texts(&["changed_at"]),
                tombstone: None,
            },
        ];
        for (place, one) in rules.iter().enumerate() {
            for other in &rules[..place] {
                assert_ne!(one.canonical(), other.canonical());
            }
        }
    }
}
