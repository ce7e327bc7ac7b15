//! Which of the clean rows are published.

use lakehouse_bind::EngineFailure as _;
use lakehouse_contract::silver_sql::PublishedSql;
use lakehouse_engine::Session;
use lakehouse_stage::StageError;

use crate::budget::Budget;

/// Makes the view of what is published. Which way the repeated keys are found changes nothing in
/// it.
///
/// # Errors
/// What the engine reports.
pub fn deduplicate(
    session: &Session,
    sql: &PublishedSql,
    budget: &Budget,
) -> Result<(), StageError> {
    if let Some(repeated) = &sql.repeated {
        let rows = session
            .query(&repeated.seen_rows)
            .stage("deduplicate")?
            .first()
            .and_then(|row| row.first()?.as_u64())
            .unwrap_or(u64::MAX);
        let find = if rows <= budget.few_keys() {
            &repeated.of_seen
        } else {
            &repeated.of_all
        };
        session.execute(find).stage("deduplicate")?;
    }
    for statement in &sql.deduplicate {
        session.execute(statement).stage("deduplicate")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lakehouse_contract::Contract;
    use lakehouse_contract::silver_sql::silver_sql;
    use lakehouse_engine::{Session, SessionOptions};

    use super::deduplicate;
    use crate::budget::Budget;

    /// Rows as the load leaves them: of 2,000 keys every third is there twice, every ninth of
    /// those with a rejected row besides.
    const JUDGED: &str = "CREATE TABLE judged AS
        SELECT key AS k, version AS v, 0 AS _lake_file, row_number() OVER () AS _lake_offset,
            lake_seen(hash(key)) AS _lake_seen,
            CASE WHEN version = 9 THEN [{'column': 'v', 'rule': 'maximum'}] END AS _lake_reasons
        FROM (SELECT range AS key, unnest(
            CASE WHEN range % 9 = 0 THEN [9, 1, 2] WHEN range % 3 = 0 THEN [1, 2] ELSE [1] END
        ) AS version FROM range(2000))";

    fn published(engine_bytes: u64, seen_bytes: u64) -> Vec<String> {
        let contract = Contract::parse(
            "apiVersion: v3.2.0\nkind: DataContract\nid: a\nname: a\nversion: 1.0.0\nstatus: active\n\
             schema:\n  - name: a\n    logicalType: object\n    properties:\n\
             \x20     - {name: k, logicalType: integer, primaryKey: true}\n\
             \x20     - {name: v, logicalType: integer}\n\
             \x20   customProperties:\n\
             \x20     - {property: dedupe, vendor: lakehouse, value: {by: key, keep: latest, orderBy: [v]}}\n",
        )
        .unwrap();
        let sql = silver_sql(
            &contract,
            "unused()",
            &"2024-03-01".parse().unwrap(),
            &"UTC".parse().unwrap(),
        );
        let folder = tempfile::tempdir().unwrap();
        let session = Session::open(&SessionOptions {
            workspace: folder.path().to_owned(),
            memory_limit_bytes: 1 << 28,
            threads: 2,
            pseudonym_key: None,
        })
        .unwrap();
        session.register_seen(seen_bytes).unwrap();
        session.execute(JUDGED).unwrap();
        let budget = Budget {
            reader_bytes: 0,
            seen_bytes: Some(seen_bytes),
            engine_bytes,
            threads: 2,
            small_pieces: false,
        };
        deduplicate(&session, &sql.published, &budget).unwrap();
        session
            .query("SELECT k, v FROM published ORDER BY ALL")
            .unwrap()
            .into_iter()
            .map(|row| format!("{}:{}", row[0], row[1]))
            .collect()
    }

    #[test]
    fn the_newest_of_a_key_is_published_whichever_way_it_is_found() {
        let expected: Vec<String> = (0..2000)
            .map(|key| format!("{key}:{}", if key % 3 == 0 { 2 } else { 1 }))
            .collect();
        // Few keys are held, none may be, and a table in which all keys share 64 places.
        for (engine_bytes, seen_bytes) in [(1 << 28, 1 << 20), (0, 1 << 20), (1 << 28, 8)] {
            assert_eq!(published(engine_bytes, seen_bytes), expected);
        }
    }
}
