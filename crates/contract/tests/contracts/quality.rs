//! Rules of the dataset that nothing could measure.

use super::{A, KEY, contract, refused};

#[test]
fn quality_rules_must_be_measurable() {
    let rule = |rule: &str| contract("", &format!("  quality: [{{{rule}}}]\n"), &[A, KEY]);
    let beside = |rule: &str| contract("", "", &[&format!("{A}, quality: [{{{rule}}}]")]);
    for (text, message) in [
        (rule("mustBe: 0"), "does not say what it measures"),
        (
            rule("metric: rowCount"),
            "does not say what the value must be",
        ),
        (
            rule("metric: rowCount, mustBe: 0, mustBeLessThan: 2"),
            "says more than once",
        ),
        (
            rule("metric: rowCount, mustBe: many"),
            "`many` is not a number",
        ),
        (
            rule("metric: rowCount, mustBeBetween: [5, 1]"),
            "is not a smaller number and a greater one",
        ),
        (
            rule("metric: rowcount, mustBe: 0"),
            "`rowcount` is not a value of `metric`",
        ),
        (
            rule("metric: rowCount, unit: percent, mustBe: 0"),
            "has no meaning",
        ),
        (
            rule("metric: rowCount, severity: info, mustBe: 0"),
            "`info` is not a value of `severity`",
        ),
        (
            rule("metric: rowCount, dimension: beauty, mustBe: 0"),
            "`beauty` is not a value of `dimension`",
        ),
        (rule("rule: rowCount, mustBe: 0"), "older standard's word"),
        (rule("metric: nullValues, mustBe: 0"), "about one column"),
        (
            rule("metric: duplicateValues, mustBe: 0"),
            "needs to know its columns",
        ),
        (
            rule("metric: duplicateValues, arguments: {properties: [x]}, mustBe: 0"),
            "names `x`",
        ),
        (
            beside("metric: rowCount, mustBe: 0"),
            "about the whole dataset",
        ),
        (rule("type: sql, mustBe: 0"), "needs a `query`"),
        (
            rule("type: sql, query: select 1, mustBe: 1"),
            "does not ask `{model}`",
        ),
        (
            rule("type: sql, query: 'select {column} from {model}', mustBe: 1"),
            "does not stand for a column",
        ),
        (
            rule("type: sqll, query: 'select 1 from {model}', mustBe: 1"),
            "`sqll` is not a value of `type`",
        ),
        (
            rule("metric: rowCount, mustBe: 1}, {metric: rowCount, mustBe: 2"),
            "two quality rules are called `row_count`",
        ),
    ] {
        let error = refused(&text);
        assert!(
            error.to_string().contains(message),
            "{error}\n--- expected: {message}"
        );
    }
}
