//! The exact text of what decides which rows are published, and of what is said about them.

use super::tests::contract;
use super::{PublishedSql, Repeated, SilverSql};
use crate::Contract;

fn all(contract: &Contract) -> SilverSql {
    super::tests::sql(contract)
}

fn sql(contract: &Contract) -> PublishedSql {
    all(contract).published
}

const KEY: &str = "name: k, logicalType: string, primaryKey: true";
const TIME: &str = "name: t, logicalType: date";

#[test]
fn rows_with_one_key_are_one_row() {
    let contract = contract(
        &["dedupe: {by: key, keep: latest, orderBy: [t]}"],
        &[KEY, TIME],
    );
    assert_eq!(
        sql(&contract).deduplicate,
        [
            "CREATE TABLE dropped AS SELECT _lake_file, _lake_offset FROM (\n  \
             SELECT _lake_file, _lake_offset, row_number() OVER (PARTITION BY \"k\" ORDER BY \"t\" DESC NULLS LAST, _lake_file, _lake_offset) AS _lake_rank\n  \
             FROM judged\n  \
             WHERE _lake_reasons IS NULL AND hash(\"k\") IN (SELECT _lake_hash FROM repeated)\n\
             ) AS _lake_ranked WHERE _lake_rank > 1",
            "CREATE VIEW published AS SELECT \"k\", \"t\" FROM judged \
             ANTI JOIN dropped USING (_lake_file, _lake_offset) WHERE _lake_reasons IS NULL",
        ]
    );
}

#[test]
fn keys_that_occur_twice_are_found_among_those_seen_or_among_all() {
    let repeated = sql(&contract(&["dedupe: {by: key}"], &[KEY])).repeated;
    assert_eq!(
        repeated,
        Some(Repeated {
            seen_rows: "SELECT count(*) FROM judged WHERE _lake_seen".to_owned(),
            of_seen: "CREATE TABLE repeated AS SELECT DISTINCT hash(\"k\") AS _lake_hash \
                      FROM judged WHERE _lake_seen"
                .to_owned(),
            of_all: "CREATE TABLE repeated AS SELECT hash(\"k\") AS _lake_hash FROM judged \
                     WHERE _lake_reasons IS NULL GROUP BY _lake_hash HAVING count(*) > 1"
                .to_owned(),
        })
    );
}

#[test]
fn ties_are_decided_by_all_columns_and_then_by_where_rows_stand() {
    let value = "name: v, logicalType: integer";
    let order = |custom: &str| {
        let ranked = sql(&contract(&[custom], &[KEY, value, TIME])).deduplicate[0].clone();
        let from = ranked.find("ORDER BY").unwrap();
        ranked[from..ranked.find(") AS _lake_rank").unwrap()].to_owned()
    };
    assert_eq!(
        order("dedupe: {by: key, keep: first, orderBy: [t]}"),
        "ORDER BY \"t\" ASC NULLS LAST, \"v\" ASC NULLS LAST, _lake_file, _lake_offset"
    );
    assert_eq!(
        order("dedupe: {by: key}"),
        "ORDER BY \"v\" DESC NULLS LAST, \"t\" DESC NULLS LAST, _lake_file, _lake_offset"
    );
}

#[test]
fn a_key_without_other_columns_needs_no_order() {
    let ranked = sql(&contract(&[], &[KEY])).deduplicate[0].clone();
    assert!(
        ranked.contains("PARTITION BY \"k\" ORDER BY _lake_file, _lake_offset)"),
        "{ranked}"
    );
}

#[test]
fn equal_rows_are_one_row() {
    let contract = contract(
        &["dedupe: {by: row}"],
        &["name: a, logicalType: string", TIME],
    );
    let repeated = sql(&contract).repeated.unwrap();
    for way in [repeated.of_seen, repeated.of_all] {
        assert!(way.contains("hash(\"a\", \"t\") AS _lake_hash"), "{way}");
    }
    let statements = sql(&contract).deduplicate;
    assert!(statements[0].contains("PARTITION BY \"a\", \"t\" ORDER BY _lake_file, _lake_offset)"));
}

#[test]
fn without_dedupe_every_clean_row_is_published() {
    let sql = all(&contract(&[], &[TIME]));
    assert_eq!(sql.published.repeated, None);
    assert_eq!(
        sql.published.deduplicate,
        ["CREATE VIEW published AS SELECT \"t\" FROM judged WHERE _lake_reasons IS NULL"]
    );
    assert!(sql.counts.contains("CAST(0 AS BIGINT) AS rows_duplicate"));
    assert!(
        sql.repairs
            .contains("FROM judged WHERE _lake_repaired IS NOT NULL AND")
    );
}

#[test]
fn the_published_order_is_total() {
    let columns = ["name: a, logicalType: string", TIME, KEY];
    let order = |custom: &[&str]| {
        let published = sql(&contract(custom, &columns)).select;
        published
            .split_once(" ORDER BY ")
            .unwrap()
            .1
            .replace(" ASC NULLS LAST", "")
    };
    assert_eq!(order(&[]), "\"k\"");
    assert_eq!(order(&["sort: [t, a]"]), "\"t\", \"a\", \"k\"");
    assert_eq!(order(&["sort: [t]", "dedupe: none"]), "\"t\", \"a\", \"k\"");
    assert_eq!(order(&["dedupe: {by: row}"]), "\"k\", \"a\", \"t\"");
    assert_eq!(
        sql(&contract(&[], &columns)).select,
        "SELECT \"a\", \"t\", \"k\" FROM published ORDER BY \"k\" ASC NULLS LAST"
    );
}

#[test]
fn files_are_dropped_by_their_number() {
    let sql = all(&contract(&[], &[TIME]));
    assert_eq!(
        sql.drop_files(&[3, 7]),
        "DELETE FROM judged WHERE _lake_file IN (3, 7)"
    );
    assert_eq!(sql.drop_files(&[]), "DELETE FROM judged WHERE false");
}

#[test]
fn counts_are_each_counted_by_themselves() {
    let sql = all(&contract(&[], &[KEY]));
    assert_eq!(
        sql.counts,
        "SELECT (SELECT count(*) FROM judged) AS rows_read, \
         (SELECT count(*) FROM published) AS rows_published, \
         (SELECT count(*) FROM judged WHERE _lake_reasons IS NOT NULL) AS rows_quarantined, \
         (SELECT count(*) FROM dropped) AS rows_duplicate"
    );
    assert_eq!(
        sql.rules,
        "SELECT \"column\", \"rule\", CAST(sum(\"rows\") AS BIGINT) AS \"rows\", \
         min(_lake_file) AS _lake_file, arg_min(_lake_position, _lake_file) AS _lake_position \
         FROM (SELECT reason.\"column\" AS \"column\", reason.\"rule\" AS \"rule\", _lake_file, \
         count(*) AS \"rows\", min(_lake_position) AS _lake_position \
         FROM (SELECT _lake_file, _lake_position, unnest(_lake_reasons) AS reason FROM judged WHERE _lake_reasons IS NOT NULL) AS _lake_reason \
         GROUP BY 1, 2, 3) AS _lake_rule \
         GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2"
    );
    assert_eq!(
        sql.repairs,
        "SELECT repair.\"column\" AS \"column\", repair.\"rule\" AS \"rule\", count(*) AS \"rows\" \
         FROM (SELECT unnest(from_json(_lake_repaired, '[{\"column\":\"VARCHAR\",\"rule\":\"VARCHAR\"}]')) AS repair \
         FROM judged ANTI JOIN dropped USING (_lake_file, _lake_offset) \
         WHERE _lake_repaired IS NOT NULL AND _lake_reasons IS NULL) AS _lake_repair \
         GROUP BY 1, 2 ORDER BY 1, 2"
    );
}

#[test]
fn statistics_say_nothing_of_classified_values() {
    let contract = contract(
        &[],
        &[
            "name: \"it's\", logicalType: string",
            "name: n, logicalType: integer",
            "name: s, logicalType: integer, classification: secret, transformLogic: s % 10",
        ],
    );
    let sql = all(&contract);
    assert_eq!(
        sql.column_statistics,
        r#"SELECT entry."column", entry."nulls", entry."min", entry."max" FROM (SELECT unnest([
  {'place': 1, 'column': 'it''s', 'nulls': count(*) - count("it's"), 'min': left(CASE WHEN strlen(min("it's")) > 256 THEN left(min("it's"), length(min("it's")) - 56) ELSE min("it's") END, 200), 'max': left(CASE WHEN strlen(max("it's")) > 256 THEN left(max("it's"), length(max("it's")) - 56) ELSE max("it's") END, 200)},
  {'place': 2, 'column': 'n', 'nulls': count(*) - count("n"), 'min': CAST(min("n") AS VARCHAR), 'max': CAST(max("n") AS VARCHAR)},
  {'place': 3, 'column': 's', 'nulls': count(*) - count("s"), 'min': CAST(NULL AS VARCHAR), 'max': CAST(NULL AS VARCHAR)}
]) AS entry FROM published) AS _lake_entry ORDER BY entry."place""#
    );
    let lines: Vec<&str> = sql.published.profile.lines().collect();
    assert_eq!(
        lines[2],
        "  {'place': 2, 'column': 'n', 'distinct_values': count(DISTINCT \"n\"), \
         'q05': CAST(quantile_disc(\"n\", 0.05) AS VARCHAR), \
         'q25': CAST(quantile_disc(\"n\", 0.25) AS VARCHAR), \
         'q50': CAST(quantile_disc(\"n\", 0.5) AS VARCHAR), \
         'q75': CAST(quantile_disc(\"n\", 0.75) AS VARCHAR), \
         'q95': CAST(quantile_disc(\"n\", 0.95) AS VARCHAR)},"
    );
    assert!(
        !lines[1].contains("quantile_disc"),
        "texts have no quantiles"
    );
    assert!(
        !lines[3].contains("quantile_disc"),
        "classified columns have no quantiles"
    );
}

#[test]
fn long_texts_are_compared_by_what_they_say() {
    let columns = ["name: a, logicalType: string", TIME];
    let sql = all(&contract(&["dedupe: {by: row}"], &columns));
    assert!(sql.load.contains(
        "CASE WHEN strlen(\"a\") > 256 THEN lake_keep_text(\"a\") ELSE \"a\" END AS \"a\", \"t\","
    ));
    let long = sql.published_with_long_texts;
    let compared =
        "CASE WHEN strlen(\"a\") > 256 THEN left(\"a\", length(\"a\") - 24) ELSE \"a\" END";
    let order = format!(
        "ORDER BY {} ASC NULLS LAST, published.\"t\" ASC NULLS LAST",
        compared.replace("\"a\"", "published.\"a\"")
    );
    assert_eq!(format!("ORDER BY {}", long.order), order);
    assert!(long.select.starts_with(
        "SELECT CASE WHEN strlen(\"a\") > 256 THEN lake_kept_text(\"a\") ELSE \"a\" END AS \"a\", \"t\" FROM"
    ));
    assert!(long.select.ends_with(&order));
    assert!(long.deduplicate[0].contains(&format!(
        "PARTITION BY {compared}, \"t\" ORDER BY _lake_file"
    )));
    assert!(
        long.repeated
            .unwrap()
            .of_all
            .contains(&format!("hash({compared}, \"t\")"))
    );
    assert!(
        long.profile
            .contains(&format!("count(DISTINCT {compared})"))
    );
}
