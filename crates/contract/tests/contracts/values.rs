//! Values that do not fit their place.

use lakehouse_contract::Contract;

use super::{A, KEY, contract, custom};

#[test]
fn values_must_fit_their_place() {
    let column = |more: &str| contract("", "", &[&format!("name: a, {more}")]);
    let property = |name: &str, value: &str| {
        contract(
            "",
            &custom(name, value),
            &[A, KEY, "name: t, logicalType: timestamp"],
        )
    };
    let of_column = |kind: &str, name: &str, value: &str| {
        column(&format!(
            "{kind}, customProperties: [{{property: {name}, vendor: lakehouse, value: {value}}}]"
        ))
    };
    for (text, message) in [
        (
            column("logicalType: integer, logicalTypeOptions: {minimum: 1.5}"),
            "`1.5` is not a value of type INTEGER",
        ),
        (
            column(
                "logicalType: number, physicalType: 'DECIMAL(18,2)', logicalTypeOptions: {minimum: 0.001}",
            ),
            "`0.001` is not a value",
        ),
        (
            column("logicalType: integer, logicalTypeOptions: {minimum: 5, maximum: 4}"),
            "is greater than",
        ),
        (
            column("logicalType: string, logicalTypeOptions: {minimum: 5}"),
            "`minimum` has no meaning",
        ),
        (
            column("logicalType: integer, logicalTypeOptions: {pattern: x}"),
            "`pattern` has no meaning",
        ),
        (
            column("logicalType: string, logicalTypeOptions: {minLength: 5, maxLength: 4}"),
            "is greater than",
        ),
        (
            column("logicalType: string, logicalTypeOptions: {pattern: '(?=x)'}"),
            "is not a pattern",
        ),
        (
            column("logicalType: string, logicalTypeOptions: {pattern: '(x'}"),
            "is not a pattern",
        ),
        (
            column("logicalType: date, enum: [{value: 2024-02-30}]"),
            "is not a value of type DATE",
        ),
        (column("logicalType: string, enum: []"), "`enum` is empty"),
        (
            column("logicalType: timestamp, logicalTypeOptions: {defaultTimezone: Europe/Berlin}"),
            "published timestamps are in UTC",
        ),
        (
            column("logicalType: string, primaryKeyPosition: 1"),
            "without `primaryKey: true`",
        ),
        (column("logicalType: string, required: yes"), "line"),
        (
            of_column("logicalType: string", "sourcePath", "Nr."),
            "is not a path",
        ),
        (
            of_column("logicalType: string", "sourcePath", "[]"),
            "is not a path",
        ),
        (
            of_column("logicalType: string", "sourcePath", "[a, '']"),
            "is not a path",
        ),
        (
            of_column("logicalType: string", "sourcePath", "a..b"),
            "is not a path",
        ),
        (
            of_column("logicalType: string", "sourceFormat", "{patterns: ['%Y']}"),
            "`patterns` has no effect",
        ),
        (
            of_column(
                "logicalType: date",
                "sourceFormat",
                "{patterns: ['%d/%m/%Y %Z']}",
            ),
            "names of time zones are ambiguous",
        ),
        (
            of_column(
                "logicalType: timestamp",
                "sourceFormat",
                "{patterns: ['%H:%M']}",
            ),
            "does not say which day",
        ),
        (
            of_column("logicalType: date", "sourceFormat", "{patterns: ['%d/%m']}"),
            "does not say which day",
        ),
        (
            of_column(
                "logicalType: number, physicalType: DOUBLE",
                "sourceFormat",
                "{thousandsSeparator: '.'}",
            ),
            "are both `.`",
        ),
        (
            of_column(
                "logicalType: integer",
                "sourceFormat",
                "{thousandsSeparator: '5'}",
            ),
            "is part of numbers",
        ),
        (
            of_column(
                "logicalType: integer",
                "sourceFormat",
                "{thousandsSeparator: ''}",
            ),
            "is not one character",
        ),
        (
            of_column(
                "logicalType: string",
                "sourceFormat",
                "{thousandsSeparator: '.'}",
            ),
            "has no effect",
        ),
        (
            of_column("logicalType: date", "sourceFormat", "{strip: ['€']}"),
            "has no effect",
        ),
        (
            of_column("logicalType: integer", "sourceFormat", "{strip: ['-']}"),
            "cannot be told from the number",
        ),
        (
            of_column("logicalType: integer", "sourceFormat", "{strip: [' €']}"),
            "cannot be told from the number",
        ),
        (
            of_column(
                "logicalType: integer",
                "sourceFormat",
                "{strip: ['€', '€']}",
            ),
            "twice",
        ),
        (
            of_column(
                "logicalType: boolean",
                "sourceFormat",
                "{trueTexts: ['yes']}",
            ),
            "is missing",
        ),
        (
            of_column(
                "logicalType: boolean",
                "sourceFormat",
                "{trueTexts: ['y'], falseTexts: ['y']}",
            ),
            "is in `trueTexts` and in `falseTexts`",
        ),
        (
            of_column(
                "logicalType: boolean",
                "sourceFormat",
                "{trueTexts: ['1'], falseTexts: ['0'], nullTexts: ['0']}",
            ),
            "is in `nullTexts`",
        ),
        (
            of_column(
                "logicalType: string",
                "sourceFormat",
                "{nullTexts: [' -'], trim: true}",
            ),
            "is never met",
        ),
        (
            of_column("logicalType: string", "sourceFormat", "{nullTexts: []}"),
            "`nullTexts` is empty",
        ),
        (
            of_column(
                "logicalType: string",
                "sourceFormat",
                "{negativeParentheses: true}",
            ),
            "has no effect",
        ),
        (
            of_column("logicalType: date", "sourceFormat", "{patterns: ['%Q']}"),
            "is not a pattern of chrono",
        ),
        (
            of_column("logicalType: date", "sourceFormat", "{pattern: ['%Y']}"),
            "unknown key `pattern`",
        ),
        (
            of_column(
                "logicalType: timestamp",
                "sourceFormat",
                "{timezone: Berlin}",
            ),
            "is not a time zone",
        ),
        (
            of_column(
                "logicalType: number, physicalType: DOUBLE",
                "sourceFormat",
                "{decimalSeparator: ;}",
            ),
            "is not a `decimalSeparator`",
        ),
        (
            of_column("logicalType: string", "onInvalid", "setnull"),
            "`setnull` is not a value of `onInvalid`",
        ),
        (
            of_column("logicalType: string", "onInvald", "reject"),
            "unknown custom property `onInvald`",
        ),
        (
            of_column(
                "logicalType: string, transformLogic: \"'x'\"",
                "onInvalid",
                "setNull",
            ),
            "has no effect",
        ),
        (
            property("dedupe", "{by: kee}"),
            "`kee` is not a value of `by`",
        ),
        (
            property("dedupe", "{by: key, orderBy: [x]}"),
            "`orderBy` names `x`",
        ),
        (
            property("dedupe", "{by: row, keep: latest}"),
            "`keep` has no effect",
        ),
        (property("dedupe", "yes"), "`dedupe` is"),
        (
            contract("", &custom("dedupe", "{by: key}"), &[A]),
            "no column is part of a key",
        ),
        (property("eventTime", "a"), "a column of type VARCHAR"),
        (property("eventTime", "b"), "`eventTime` names `b`"),
        (property("onOtherDay", "quarantine"), "without `eventTime`"),
        (property("sort", "[a, a]"), "lists `a` twice"),
        (property("sort", "[]"), "`sort` is empty"),
        (property("maxQuarantined", "101"), "is not a percentage"),
        (property("allowEmpty", "maybe"), "`allowEmpty` is"),
        (
            property("onViolation", "ignore"),
            "`ignore` is not a value of `onViolation`",
        ),
        (property("dedup", "none"), "unknown custom property `dedup`"),
        (
            custom("sort", "[a]").replace("  custom", "custom") + &contract("", "", &[A]),
            "unknown custom property `sort`",
        ),
        (
            contract(
                "",
                "  customProperties: [{property: sort, value: [a]}]\n",
                &[A],
            ),
            "does not say whose it is",
        ),
        (
            contract(
                "",
                "  customProperties: [{property: sort, vendor: lakehouse, value: [a]}, {property: sort, vendor: lakehouse, value: [a]}]\n",
                &[A],
            ),
            "given twice",
        ),
        (
            contract(
                "",
                "",
                &[
                    KEY,
                    "name: b, logicalType: string, primaryKey: true, primaryKeyPosition: 1",
                ],
            ),
            "has no `primaryKeyPosition`",
        ),
        (
            contract(
                "",
                "",
                &["name: b, logicalType: string, primaryKey: true, primaryKeyPosition: 0"],
            ),
            "is not a position",
        ),
        (
            contract("", "", &[A]).replace("v3.2.0", "v4.0.0"),
            "`apiVersion: v4.0.0` is not supported",
        ),
        (
            contract("", "", &[A]).replace("DataContract", "Contract"),
            "`kind: Contract` is not supported",
        ),
        (
            contract("", "", &[A])
                + "- name: other\n  properties: [{name: a, logicalType: string}]\n",
            "`schema` has 2 objects",
        ),
        (
            contract("", "", &[A]).replace("id: test\n", ""),
            "the key `id` is missing",
        ),
        (
            contract("", "  logicalType: array\n", &[A]),
            "a dataset cannot be `array`",
        ),
    ] {
        let error = Contract::parse(&text).expect_err(&text);
        assert!(
            error.to_string().contains(message),
            "{error}\n--- expected: {message}"
        );
        assert!(
            error.line().is_some() || error.problem().place.starts_with("column"),
            "{error}"
        );
    }
}
