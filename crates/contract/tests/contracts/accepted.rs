//! What a contract may say, and what it means.

use lakehouse_contract::{
    Bound, ColumnType, Contract, Dedupe, Keep, OnInvalid, OnOtherDay, OnUnreadableFile,
    OnViolation, Pseudonymise, QualityKind, Severity, Unit, UnknownColumns,
};

use super::{A, EVERYTHING, KEY, contract, custom};

#[test]
fn everything_that_is_accepted_is_read() {
    let contract = Contract::parse(EVERYTHING).unwrap();
    assert_eq!(contract.id, "orders-silver");
    assert_eq!(contract.version, "1.2.0");
    assert_eq!(contract.dataset_name, "orders");
    assert_eq!(
        contract.dedupe,
        Dedupe::ByKey {
            columns: vec!["order_id".to_owned()],
            keep: Keep::Latest,
            order_by: vec!["ordered_at".to_owned()],
        }
    );
    assert_eq!(contract.event_time.as_deref(), Some("ordered_at"));
    assert_eq!(contract.sort, ["channel", "order_id"]);
    assert_eq!(contract.on_violation, OnViolation::Quarantine);
    assert_eq!(contract.on_unreadable_file, OnUnreadableFile::Quarantine);
    assert_eq!(contract.unknown_columns, UnknownColumns::Quarantine);
    assert_eq!(contract.on_other_day, OnOtherDay::Quarantine);
    assert!((contract.max_quarantined_percent - 12.5).abs() < f64::EPSILON);
    assert!(contract.allow_empty);
    assert!(contract.needs_pseudonym_key());
    assert_eq!(contract.source_texts(), ["client.born", "options.gift"]);
    assert_eq!(contract.key(), ["order_id"]);
    assert_eq!(contract.sha256.len(), 64);

    let types: Vec<String> = contract
        .published_types()
        .into_iter()
        .map(|(_, sql_type)| sql_type)
        .collect();
    assert_eq!(
        types,
        [
            "VARCHAR",
            "TIMESTAMP",
            "DATE",
            "VARCHAR",
            "INTEGER",
            "BIGINT",
            "DECIMAL(18,2)",
            "DECIMAL(18,2)",
            "DOUBLE",
            "DOUBLE",
            "BOOLEAN",
            "VARCHAR",
            "INTEGER",
        ]
    );
    let column = |name: &str| contract.column(name).unwrap();
    assert_eq!(column("ORDER_ID").source_path.as_deref(), Some("id"));
    assert_eq!(column("order_id").key_position, Some(1));
    assert_eq!(
        column("order_id").description.as_deref(),
        Some("Given out by the shop.")
    );
    assert_eq!(column("ordered_at").source_format.patterns.len(), 2);
    assert_eq!(
        column("ordered_at").source_format.timezone,
        chrono_tz::Europe::Berlin
    );
    assert_eq!(column("ship_date").on_invalid, OnInvalid::SetNull);
    assert_eq!(column("channel").allowed, ["web", "it's", "store"]);
    assert_eq!(column("channel").source_path.as_deref(), Some("channel"));
    assert_eq!(column("unit_price").minimum.as_deref(), Some("0.10"));
    assert_eq!(column("unit_price").source_format.decimal_separator, ',');
    assert_eq!(column("total").source_path, None);
    assert_eq!(
        column("total").column_type,
        ColumnType::Decimal {
            precision: 18,
            scale: 2
        }
    );
    assert_eq!(
        column("client").pseudonymise,
        Some(Pseudonymise { length: 32 })
    );
    assert!(column("client").classified && column("birth_decade").classified);
    assert!(!column("channel").classified);
    assert_eq!(
        contract.showable_paths(),
        [
            "channel",
            "id",
            "options.gift",
            "ordered_at",
            "quantity",
            "serial",
            "ship_date",
            "unit_price",
            "weight",
        ]
    );

    let rules: Vec<&str> = contract
        .quality
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(
        rules,
        [
            "has_rows",
            "lines_are_one",
            "totals_add_up",
            "ids_are_there",
            "few_odd_ids"
        ]
    );
    assert_eq!(contract.quality[0].kind, QualityKind::RowCount);
    assert_eq!(
        contract.quality[0].bound,
        Bound::GreaterThan("0".parse().unwrap())
    );
    assert_eq!(contract.quality[1].unit, Unit::Percent);
    assert_eq!(contract.quality[2].severity, Severity::Warning);
    assert_eq!(
        contract.quality[4].kind,
        QualityKind::Sql {
            query: "SELECT count(*) FROM ${table} WHERE \"order_id\" LIKE 'Z%'".to_owned()
        }
    );
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let contract = Contract::parse(&contract("", "", &[A])).unwrap();
    assert_eq!(contract.dedupe, Dedupe::None);
    assert_eq!(contract.event_time, None);
    assert!(contract.sort.is_empty());
    assert_eq!(contract.on_violation, OnViolation::Quarantine);
    assert_eq!(contract.on_unreadable_file, OnUnreadableFile::Fail);
    assert_eq!(contract.unknown_columns, UnknownColumns::Discard);
    assert_eq!(contract.on_other_day, OnOtherDay::Keep);
    assert!((contract.max_quarantined_percent - 5.0).abs() < f64::EPSILON);
    assert!(!contract.allow_empty);
    assert_eq!(contract.columns[0].source_path.as_deref(), Some("a"));
    assert_eq!(contract.columns[0].on_invalid, OnInvalid::Reject);
    assert!(!contract.needs_pseudonym_key());
}

#[test]
fn a_key_is_what_rows_are_deduplicated_by() {
    let by_key = |columns: &[&str]| Dedupe::ByKey {
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        keep: Keep::Latest,
        order_by: Vec::new(),
    };
    let read = Contract::parse(&contract("", "", &[A, KEY])).unwrap();
    assert_eq!(read.dedupe, by_key(&["k"]));
    assert_eq!(read.sort, ["k"]);
    let second = "name: first, logicalType: string, primaryKey: true, primaryKeyPosition: 1";
    let first = "name: second, logicalType: string, primaryKey: true, primaryKeyPosition: 2";
    let read = Contract::parse(&contract("", "", &[first, second])).unwrap();
    assert_eq!(read.dedupe, by_key(&["first", "second"]));
}

#[test]
fn a_key_that_nothing_keeps_is_measured() {
    for dedupe in ["none", "{by: row}"] {
        let read = Contract::parse(&contract("", &custom("dedupe", dedupe), &[A, KEY])).unwrap();
        assert_eq!(read.quality.len(), 1);
        assert_eq!(read.quality[0].name, "primary_key");
        assert_eq!(
            read.quality[0].kind,
            QualityKind::DuplicateValues {
                columns: vec!["k".to_owned()]
            }
        );
    }
}

#[test]
fn the_fingerprint_is_of_what_is_enforced() {
    let sha256 = |text: &str| Contract::parse(text).unwrap().sha256;
    let base = sha256(EVERYTHING);
    for (from, to) in [
        ("# Every key", "# Each key"),
        ("name: Orders\n", "name: All orders\n"),
        (
            "description: Given out by the shop.",
            "description: Another one.",
        ),
        (
            "required: true\n        primaryKey: true",
            "primaryKey: true\n        required: true",
        ),
    ] {
        assert!(EVERYTHING.contains(from), "{from}");
        assert_eq!(sha256(&EVERYTHING.replacen(from, to, 1)), base, "{from}");
    }
    for (from, to) in [
        ("maxLength: 12", "maxLength: 13"),
        ("minimum: 0.10", "minimum: 0.11"),
        ("version: 1.2.0", "version: 1.2.1"),
        ("value: 12.5", "value: 12"),
        ("length: 32", "length: 34"),
        ("mustBeLessOrEqualTo: 0.5", "mustBeLessOrEqualTo: 0.6"),
    ] {
        assert!(EVERYTHING.contains(from), "{from}");
        assert_ne!(sha256(&EVERYTHING.replacen(from, to, 1)), base, "{from}");
    }
}

#[test]
fn types_of_other_systems_are_understood() {
    use lakehouse_contract::ColumnType::{
        Boolean, Date, Double, Int32, Int64, Text, Timestamp, Uuid,
    };
    let decimal = |precision, scale| lakehouse_contract::ColumnType::Decimal { precision, scale };
    for (types, expected) in [
        ("integer, physicalType: bigint", Int64),
        ("integer, physicalType: INT", Int32),
        ("integer, physicalType: smallint", Int32),
        ("integer, physicalType: int unsigned", Int64),
        ("integer, physicalType: 'NUMBER(18)'", Int64),
        (
            "integer, physicalType: INT, logicalTypeOptions: {format: i64}",
            Int64,
        ),
        ("string, physicalType: 'VARCHAR(50)'", Text),
        ("string, physicalType: text", Text),
        ("string, physicalType: uuid", Uuid),
        ("string, physicalType: UUID", Uuid),
        ("boolean, physicalType: tinyint(1)", Boolean),
        ("date, physicalType: DATE", Date),
        (
            "timestamp, physicalType: timestamp with time zone",
            Timestamp,
        ),
        ("timestamp, physicalType: datetime2", Timestamp),
        ("number, physicalType: double precision", Double),
        ("number, physicalType: 'numeric(10, 2)'", decimal(10, 2)),
        ("number, physicalType: 'NUMBER(38,0)'", decimal(38, 0)),
    ] {
        let column = format!("name: a, logicalType: {types}");
        let read = Contract::parse(&contract("", "", &[&column])).unwrap();
        assert_eq!(read.columns[0].column_type, expected, "{types}");
    }
}

#[test]
fn older_versions_of_the_standard_are_read() {
    for version in ["v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0"] {
        let text = contract("", "", &[A]).replacen("v3.2.0", version, 1);
        assert_eq!(Contract::parse(&text).unwrap().columns.len(), 1);
    }
    let error = super::refused(&contract("", "", &[A]).replacen("v3.2.0", "v2.2.2", 1));
    assert!(error.hint().unwrap().contains("`v3.2.0`"));
}

#[test]
fn names_with_dots_are_lists_of_keys() {
    let custom = |value: &str| {
        format!("customProperties: [{{property: sourcePath, vendor: lakehouse, value: {value}}}]")
    };
    let one = format!("name: number, logicalType: string, {}", custom("['Nr.']"));
    let nested = format!(
        "name: level, logicalType: string, {}",
        custom("[event, log.level]")
    );
    let by_name = "name: 'Art.', logicalType: string";
    let by_text =
        "name: both, logicalType: string, transformLogic: 'source.\"Nr\\.\" || source.\"a.b\"'";
    let contract = Contract::parse(&contract("", "", &[&one, &nested, by_name, by_text])).unwrap();
    let paths: Vec<Option<&str>> = contract
        .columns
        .iter()
        .map(|column| column.source_path.as_deref())
        .collect();
    assert_eq!(
        paths,
        [
            Some("Nr\\."),
            Some("event.log\\.level"),
            Some("Art\\."),
            None
        ]
    );
    assert_eq!(contract.source_texts(), ["Nr\\.", "a.b"]);
    let text = crate::contract(
        "",
        "",
        &["name: n, logicalType: string, transformLogic: 'source.\"Nr.\"'"],
    );
    let error = super::refused(&text);
    assert!(
        error.hint().unwrap().contains("source.\"Nr\\.\""),
        "{error}"
    );
}
