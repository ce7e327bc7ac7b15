//! Keys and types that are refused.

use lakehouse_contract::{Contract, ContractError};

use super::{A, EVERYTHING, contract, refused};

#[test]
fn an_unknown_key_is_named_with_its_place() {
    let error = refused(&EVERYTHING.replacen("criticalDataElement", "criticalDataElment", 1));
    assert!(matches!(error, ContractError::UnknownKey(_)));
    assert_eq!(
        error.to_string(),
        "column `order_id`: unknown key `criticalDataElment` (line 51, column 9)"
    );
    let hint = error.hint().unwrap();
    assert!(
        hint.starts_with("did you mean `criticalDataElement`? keys here: `name`"),
        "{hint}"
    );
    assert!(
        !hint.contains("physicalName"),
        "a refused key is no advice: {hint}"
    );

    for (from, to, place, closest) in [
        ("tenant: shop", "tennant: shop", "", "`tenant`"),
        (
            "dataGranularityDescription",
            "dataGranularityDescribtion",
            "",
            "`dataGranularityDescription`",
        ),
        (
            "{minLength: 3",
            "{minLenght: 3",
            "column `order_id`: ",
            "`minLength`",
        ),
        (
            "minimum: 0.10",
            "minimun: 0.10",
            "column `unit_price`: ",
            "`minimum`",
        ),
        (
            "mustBeGreaterThan",
            "mustBeGreaterThen",
            "quality rule `has_rows`: ",
            "`mustBeGreaterThan`",
        ),
        (
            "dimension: consistency",
            "dimensions: consistency",
            "quality rule `totals_add_up`: ",
            "`dimension`",
        ),
    ] {
        assert!(EVERYTHING.contains(from), "{from}");
        let error = refused(&EVERYTHING.replacen(from, to, 1));
        let word = to
            .split([':', '{', ' '])
            .find(|word| !word.is_empty())
            .unwrap();
        assert!(
            error
                .to_string()
                .starts_with(&format!("{place}unknown key `{word}` (line ")),
            "{error}"
        );
        assert!(
            error
                .hint()
                .unwrap()
                .starts_with(&format!("did you mean {closest}?")),
            "{error}"
        );
    }
}

#[test]
fn types_are_chosen_from_a_list() {
    for (column, message, hint) in [
        (
            "name: a, logicalType: strng",
            "`strng` is not a value of `logicalType`",
            "did you mean `string`?",
        ),
        ("name: a", "`logicalType` is missing", "`timestamp`"),
        (
            "name: a, logicalType: number",
            "needs a `physicalType`",
            "DECIMAL(18,2)",
        ),
        (
            "name: a, logicalType: number, physicalType: NUMERIC",
            "`physicalType: NUMERIC` does not say how many digits",
            "DOUBLE",
        ),
        (
            "name: a, logicalType: number, physicalType: 'DECIMAL(39,2)'",
            "does not say how many digits",
            "38",
        ),
        (
            "name: a, logicalType: number, physicalType: 'DECIMAL(2,3)'",
            "does not say how many digits",
            "38",
        ),
        (
            "name: a, logicalType: number, physicalType: DOUBLE, logicalTypeOptions: {format: f32}",
            "`format: f32`",
            "leave it out",
        ),
        (
            "name: a, logicalType: string, physicalType: INT",
            "`physicalType: INT` contradicts `logicalType: string`",
            "`logicalType: integer`",
        ),
        (
            "name: a, logicalType: timestamp, physicalType: date",
            "contradicts",
            "`logicalType: date`",
        ),
        (
            "name: a, logicalType: integer, physicalType: 'NUMERIC(10,2)'",
            "contradicts",
            "`logicalType: number`",
        ),
        (
            "name: a, logicalType: integer, physicalType: bigint, logicalTypeOptions: {format: i32}",
            "contradicts `physicalType`",
            "`format: i64`",
        ),
        (
            "name: a, logicalType: integer, logicalTypeOptions: {format: u8}",
            "`u8` is not a format",
            "`i64`",
        ),
        (
            "name: a, logicalType: string, logicalTypeOptions: {format: email}",
            "promise something that nothing checks",
            "`pattern`",
        ),
        (
            "name: a, logicalType: date, logicalTypeOptions: {format: yyyy-MM-dd}",
            "promise something that nothing checks",
            "`sourceFormat`",
        ),
    ] {
        let error = refused(&contract("", "", &[column]));
        assert!(error.to_string().starts_with("column `a`: "), "{error}");
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
        assert!(error.line().is_some(), "{error}");
    }
}

#[test]
fn what_comes_later_is_not_supported_yet() {
    let cases = [
        contract(
            "",
            "",
            &[
                "name: a, logicalType: date, customProperties: [{property: onInvalid, vendor: lakehouse, value: clamp}]",
            ],
        ),
        contract(
            "",
            "",
            &[
                "name: a, logicalType: date, customProperties: [{property: onInvalid, vendor: lakehouse, value: default}]",
            ],
        ),
        contract("", "", &["name: a, logicalType: array"]),
        contract(
            "",
            "  quality: [{metric: invalidValues, mustBe: 0}]\n",
            &[A],
        ),
    ];
    for text in cases {
        let error = refused(&text);
        assert!(
            matches!(error, ContractError::NotSupportedYet(_)),
            "{error}"
        );
        assert!(
            error.to_string().contains("is not supported yet"),
            "{error}"
        );
    }
}

#[test]
fn what_nothing_keeps_is_refused() {
    let column = |more: &str| contract("", "", &[&format!("{A}, {more}")]);
    let dataset = |more: &str| contract("", &format!("  {more}\n"), &[A]);
    for (text, message, hint) in [
        (column("physicalName: b"), "`physicalName`", "sourcePath"),
        (column("partitioned: true"), "`partitioned`", "leave it out"),
        (
            column("encryptedName: b"),
            "`encryptedName`",
            "pseudonymise",
        ),
        (column("unique: true"), "`unique`", "duplicateValues"),
        (
            column("relationships: [{to: b.c}]"),
            "`relationships`",
            "a mart that reads both datasets",
        ),
        (
            column("logicalTypeOptions: {multipleOf: 5}"),
            "`multipleOf`",
            "type: sql",
        ),
        (column("properties: []"), "`properties`", "sourcePath"),
        (dataset("physicalName: b"), "`physicalName`", "sourcePath"),
        (
            dataset("quality: [{type: text, description: Be good.}]"),
            "`type: text`",
            "description",
        ),
        (
            dataset("quality: [{metric: rowCount, mustBe: 1, schedule: daily}]"),
            "`schedule`",
            "leave it out",
        ),
        (
            dataset("quality: [{type: custom, engine: soda, implementation: x}]"),
            "`type: custom`",
            "type: sql",
        ),
        (
            contract(
                "slaProperties: [{property: freshness, value: 1}]\n",
                "",
                &[A],
            ),
            "`slaProperties`",
            "description",
        ),
        (
            contract("roles: [{role: reader}]\n", "", &[A]),
            "`roles`",
            "store",
        ),
    ] {
        let error = refused(&text);
        assert!(
            matches!(error, ContractError::NotEnforced(_)),
            "{error}\n{text}"
        );
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
        assert!(error.line().is_some(), "{error}");
    }
    // What says that it does not ask for it asks for nothing.
    assert!(Contract::parse(&column("unique: false")).is_ok());
    assert!(
        Contract::parse(&contract(
            "",
            "",
            &["name: k, logicalType: string, primaryKey: true, unique: true"]
        ))
        .is_ok()
    );
}

#[test]
fn names_that_are_taken_are_refused() {
    for name in [
        "year",
        "MONTH",
        "Day",
        "source",
        "source.x",
        "_lake_file",
        "_LAKE_x",
        "",
        "' a'",
        "\"a\\tb\"",
    ] {
        let name = if name.is_empty() { "''" } else { name };
        let error = refused(&contract(
            "",
            "",
            &[&format!("name: {name}, logicalType: string")],
        ));
        assert!(
            error.to_string().contains("a column cannot be called"),
            "{error}"
        );
    }
    let error = refused(&contract("", "", &[A, "name: A, logicalType: string"]));
    assert!(
        error.to_string().contains("two columns have the same name"),
        "{error}"
    );
    let error = refused(&contract("", "", &[A]).replace("- name: test", "- name: Test"));
    assert!(
        error.to_string().contains("`Test` is not a name"),
        "{error}"
    );
}
