//! Properties over generated input, against simple models.

use lakehouse_contract::{Contract, FilePattern, Number, Pipeline, RunDate, TestCase, quote};
use proptest::prelude::*;

/// The slow and obvious way to match: try every length for a star.
fn matches(pattern: &[char], path: &[char]) -> bool {
    match (pattern.first(), path.first()) {
        (None, None) => true,
        (Some('*'), _) => {
            matches(&pattern[1..], path)
                || path
                    .first()
                    .is_some_and(|next| *next != '/' && matches(pattern, &path[1..]))
        }
        (Some('?'), Some(next)) => *next != '/' && matches(&pattern[1..], &path[1..]),
        (Some(one), Some(other)) => one == other && matches(&pattern[1..], &path[1..]),
        _ => false,
    }
}

/// A document around an expression.
fn with_transform(expression: &str) -> String {
    let quoted = serde_json::to_string(expression).unwrap_or_default();
    format!(
        "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: '1'\nschema:\n- name: x\n  \
         properties:\n  - {{name: a, logicalType: string, transformLogic: {quoted}}}\n"
    )
}

proptest! {
    #[test]
    fn globs_match_like_the_model(pattern in "[ab/?*]{1,8}", path in "[ab/]{0,10}") {
        if let Ok(parsed) = pattern.parse::<FilePattern>() {
            let glob = parsed.expand(&"2024-01-01".parse().unwrap());
            let pattern: Vec<char> = pattern.chars().collect();
            let characters: Vec<char> = path.chars().collect();
            prop_assert_eq!(glob.matches(&path), matches(&pattern, &characters));
            if glob.matches(&path) {
                prop_assert!(path.starts_with(glob.literal_prefix()));
            }
        }
    }

    #[test]
    fn what_is_quoted_stays_inside_its_quotes(text in "\\PC{0,20}|['\"]{0,6}") {
        for (quoted, mark) in [(quote::literal(&text), '\''), (quote::identifier(&text), '"')] {
            let inner = quoted.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark)).unwrap();
            let doubled: String = [mark, mark].iter().collect();
            prop_assert!(!inner.replace(&doubled, "").contains(mark));
            prop_assert_eq!(inner.replace(&doubled, &mark.to_string()), text.clone());
        }
    }

    #[test]
    fn dates_and_partitions_are_read_back(days in 0_i32..3_652_058) {
        let date = chrono::NaiveDate::from_num_days_from_ce_opt(days + 1).unwrap();
        let date = RunDate::try_from(date).unwrap();
        prop_assert_eq!(date.to_string().parse::<RunDate>().unwrap(), date);
        prop_assert_eq!(RunDate::parse_partition(&date.partition()), Some(date));
    }

    #[test]
    fn numbers_compare_like_integers(left in any::<i64>(), right in any::<i64>(), scale in 0_u32..12) {
        // Both shifted by the same power of ten: their order stays.
        let number = |value: i64| -> Number { format!("{value}e-{scale}").parse().unwrap() };
        prop_assert_eq!(number(left).cmp(&number(right)), left.cmp(&right));
    }

    #[test]
    fn any_text_is_an_expression_or_an_error(expression in "[a-z0-9'\"$.,;()\\[\\]{}*:/\\- \n]{0,40}") {
        if let Ok(contract) = Contract::parse(&with_transform(&expression)) {
            // What was accepted once is read again for the statements: no panic, no loss.
            let date = "2024-01-01".parse().unwrap();
            let sql = lakehouse_contract::silver_sql::silver_sql(&contract, "t", &date, &chrono_tz::UTC);
            prop_assert!(sql.load.contains(&expression));
        }
    }

    #[test]
    fn any_text_is_a_document_or_an_error(text in "\\PC{0,80}|([a-zA-Z]{1,8}: ?[\\[{]?[a-z0-9,: ]{0,12}[\\]}]?\n){0,6}") {
        let _ = Contract::parse(&text);
        let _ = Pipeline::parse(&text);
        let _ = TestCase::parse(&text);
    }

    #[test]
    fn a_contract_with_a_broken_line_never_panics(line in 0_usize..140, broken in "[a-zA-Z:{}\\[\\], '\"-]{0,20}") {
        let text = include_str!("fixtures/everything.odcs.yaml");
        let mut lines: Vec<&str> = text.lines().collect();
        let line = line.min(lines.len() - 1);
        lines[line] = &broken;
        if let Err(error) = Contract::parse(&lines.join("\n")) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
