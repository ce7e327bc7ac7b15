//! What check and gold ask the engine, and what they make of the answer.
//!
//! A `model` is a table as SQL writes it, quoted where it must be: `silver."transactions"`.

use crate::contract::{Bound, QualityKind, QualityRule, Unit};
use crate::{Number, quote};

/// How many rows a table has.
#[must_use]
pub fn row_count(model: &str) -> String {
    format!("SELECT count(*) FROM {model}")
}

/// What a rule measures: one row of one value.
///
/// * `rowCount`: rows.
/// * `nullValues`: rows that miss the column's value.
/// * `duplicateValues`: rows that are more than the first with their values; missing values are
///   equal to one another.
/// * `unit: percent`: the same in per cent of all rows, 0 without rows.
/// * `type: sql`: whatever the query says.
#[must_use]
pub fn quality_rule(rule: &QualityRule, model: &str) -> String {
    let measured = match &rule.kind {
        QualityKind::RowCount => return row_count(model),
        QualityKind::Sql { query } => return put_model(query, model),
        QualityKind::NullValues { column } => {
            format!("count(*) - count({})", quote::identifier(column))
        }
        QualityKind::DuplicateValues { columns } => {
            // Of texts joined into one, different rows could be equal; of a row nothing is.
            let row = format!("ROW({})", quote::identifiers(columns));
            format!("count(*) - count(DISTINCT {row})")
        }
    };
    match rule.unit {
        Unit::Rows => format!("SELECT {measured} FROM {model}"),
        Unit::Percent => format!(
            "SELECT CASE WHEN count(*) = 0 THEN 0 ELSE 100.0 * ({measured}) / count(*) END FROM {model}"
        ),
    }
}

fn put_model(query: &str, model: &str) -> String {
    let mut query = query.to_owned();
    for word in crate::contract::MODEL_WORDS {
        query = query
            .replace(&format!("${{{word}}}"), model)
            .replace(&format!("{{{word}}}"), model);
    }
    query
}

/// Whether a measured value is what a rule says it must be.
#[must_use]
pub fn bound_holds(bound: &Bound, measured: &Number) -> bool {
    match bound {
        Bound::Is(value) => measured == value,
        Bound::IsNot(value) => measured != value,
        Bound::GreaterThan(value) => measured > value,
        Bound::GreaterOrEqualTo(value) => measured >= value,
        Bound::LessThan(value) => measured < value,
        Bound::LessOrEqualTo(value) => measured <= value,
        Bound::Between(low, high) => low <= measured && measured <= high,
        Bound::NotBetween(low, high) => measured < low || high < measured,
    }
}

/// A bound for people: `= 0`, `> 1.5`, `1 to 10`.
#[must_use]
pub fn describe_bound(bound: &Bound) -> String {
    match bound {
        Bound::Is(value) => format!("= {value}"),
        Bound::IsNot(value) => format!("≠ {value}"),
        Bound::GreaterThan(value) => format!("> {value}"),
        Bound::GreaterOrEqualTo(value) => format!("≥ {value}"),
        Bound::LessThan(value) => format!("< {value}"),
        Bound::LessOrEqualTo(value) => format!("≤ {value}"),
        Bound::Between(low, high) => format!("{low} to {high}"),
        Bound::NotBetween(low, high) => format!("not {low} to {high}"),
    }
}

/// How many values of a mart's grain more than one row has.
#[must_use]
pub fn grain_duplicates(mart: &str, grain: &[String]) -> String {
    let columns = quote::identifiers(grain);
    format!(
        "SELECT count(*) FROM (SELECT 1 FROM {mart} GROUP BY {columns} HAVING count(*) > 1) AS \"twice\""
    )
}

/// How many rows of a mart miss a value of its grain.
#[must_use]
pub fn grain_nulls(mart: &str, grain: &[String]) -> String {
    let missing: Vec<String> = grain
        .iter()
        .map(|column| format!("{} IS NULL", quote::identifier(column)))
        .collect();
    format!("SELECT count(*) FROM {mart} WHERE {}", missing.join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Severity;

    fn rule(kind: QualityKind, unit: Unit) -> String {
        let rule = QualityRule {
            name: "rule".to_owned(),
            severity: Severity::Error,
            kind,
            bound: Bound::Is(Number::zero()),
            unit,
            position: None,
            dimension: None,
            description: None,
        };
        quality_rule(&rule, "silver.\"t\"")
    }

    #[test]
    fn every_metric_has_its_query() {
        let column = || QualityKind::NullValues {
            column: "a\"b".to_owned(),
        };
        let columns = || QualityKind::DuplicateValues {
            columns: vec!["a".to_owned(), "b".to_owned()],
        };
        assert_eq!(
            rule(QualityKind::RowCount, Unit::Rows),
            "SELECT count(*) FROM silver.\"t\""
        );
        assert_eq!(
            rule(column(), Unit::Rows),
            "SELECT count(*) - count(\"a\"\"b\") FROM silver.\"t\""
        );
        assert_eq!(
            rule(columns(), Unit::Rows),
            "SELECT count(*) - count(DISTINCT ROW(\"a\", \"b\")) FROM silver.\"t\""
        );
        assert_eq!(
            rule(column(), Unit::Percent),
            "SELECT CASE WHEN count(*) = 0 THEN 0 \
             ELSE 100.0 * (count(*) - count(\"a\"\"b\")) / count(*) END FROM silver.\"t\""
        );
    }

    #[test]
    fn a_query_asks_the_model() {
        for query in [
            "{model}",
            "${model}",
            "{table}",
            "${table}",
            "{object}",
            "${object}",
        ] {
            let kind = QualityKind::Sql {
                query: format!("SELECT count(*) FROM {query} AS m"),
            };
            assert_eq!(
                rule(kind, Unit::Rows),
                "SELECT count(*) FROM silver.\"t\" AS m"
            );
        }
        let kind = QualityKind::Sql {
            query: "SELECT {'a': 1} FROM {model}".to_owned(),
        };
        assert_eq!(rule(kind, Unit::Rows), "SELECT {'a': 1} FROM silver.\"t\"");
    }

    #[test]
    fn bounds_hold_exactly() {
        let number = |text: &str| text.parse::<Number>().unwrap();
        let ten = || number("10");
        for (bound, holding, breaking) in [
            (Bound::Is(ten()), vec!["10", "10.00"], vec!["9.99", "11"]),
            (Bound::IsNot(ten()), vec!["9"], vec!["10.0"]),
            (Bound::GreaterThan(ten()), vec!["10.01"], vec!["10", "9"]),
            (
                Bound::GreaterOrEqualTo(ten()),
                vec!["10", "11"],
                vec!["9.999"],
            ),
            (Bound::LessThan(ten()), vec!["-5"], vec!["10", "11"]),
            (Bound::LessOrEqualTo(ten()), vec!["10"], vec!["10.0001"]),
            (
                Bound::Between(number("1"), ten()),
                vec!["1", "5", "10"],
                vec!["0.9", "10.1"],
            ),
            (
                Bound::NotBetween(number("1"), ten()),
                vec!["0.9", "10.1"],
                vec!["1", "5", "10"],
            ),
        ] {
            for value in holding {
                assert!(bound_holds(&bound, &number(value)), "{bound:?} {value}");
            }
            for value in breaking {
                assert!(!bound_holds(&bound, &number(value)), "{bound:?} {value}");
            }
        }
    }

    #[test]
    fn bounds_can_be_read_by_people() {
        let number = |text: &str| text.parse::<Number>().unwrap();
        for (bound, text) in [
            (Bound::Is(number("0")), "= 0"),
            (Bound::IsNot(number("0")), "≠ 0"),
            (Bound::GreaterThan(number("0")), "> 0"),
            (Bound::GreaterOrEqualTo(number("0")), "≥ 0"),
            (Bound::LessThan(number("0.50")), "< 0.50"),
            (Bound::LessOrEqualTo(number("0")), "≤ 0"),
            (Bound::Between(number("1"), number("2")), "1 to 2"),
            (Bound::NotBetween(number("1"), number("2")), "not 1 to 2"),
        ] {
            assert_eq!(describe_bound(&bound), text);
        }
    }

    #[test]
    fn a_grain_is_unique_and_there() {
        let grain = ["day of week".to_owned(), "b".to_owned()];
        assert_eq!(
            grain_duplicates("gold.\"m\"", &grain),
            "SELECT count(*) FROM (SELECT 1 FROM gold.\"m\" GROUP BY \"day of week\", \"b\" \
             HAVING count(*) > 1) AS \"twice\""
        );
        assert_eq!(
            grain_nulls("gold.\"m\"", &grain),
            "SELECT count(*) FROM gold.\"m\" WHERE \"day of week\" IS NULL OR \"b\" IS NULL"
        );
    }
}
