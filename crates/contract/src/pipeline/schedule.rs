//! The five fields of cron.

use crate::ContractError;

/// Name, least and greatest value of each field.
const FIELDS: [(&str, u32, u32); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
];

/// Refuses what cron does not know. Airflow would find it out only when it builds the DAG.
pub(super) fn check_cron(cron: &str) -> Result<(), ContractError> {
    let refuse = |why: String| {
        ContractError::invalid(format!("`{cron}` is not a schedule of cron: {why}"))
            .with_hint("write five fields: `0 0 * * *` is every midnight")
    };
    let fields: Vec<&str> = cron.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(refuse(format!("it has {} fields", fields.len())));
    }
    for (field, (name, least, greatest)) in fields.iter().zip(FIELDS) {
        if !field.split(',').all(|part| is_part(part, least, greatest)) {
            return Err(refuse(format!(
                "`{field}` is no {name} from {least} to {greatest}"
            )));
        }
    }
    Ok(())
}

/// `*`, `5`, `1-5`, any of them with `/2`.
fn is_part(part: &str, least: u32, greatest: u32) -> bool {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let number = |text: &str| -> Option<u32> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let within = |text: &str| number(text).is_some_and(|value| (least..=greatest).contains(&value));
    let good_range = range == "*"
        || match range.split_once('-') {
            Some((from, to)) => within(from) && within(to) && number(from) <= number(to),
            None => within(range),
        };
    good_range && step.is_none_or(|step| number(step).is_some_and(|step| step > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_told_from_other_texts() {
        for good in ["0 0 * * *", "*/15 0-6,22 1 1,7 1-5", "30  3 * * 0"] {
            check_cron(good).unwrap();
        }
        for bad in [
            "",
            "0 0 * *",
            "60 0 * * *",
            "0 24 * * *",
            "@daily",
            "0 0 0 * *",
            "a 0 * * *",
            "5-1 0 * * *",
            "*/0 * * * *",
            "1, 0 * * *",
        ] {
            assert!(check_cron(bad).is_err(), "{bad}");
        }
    }
}
