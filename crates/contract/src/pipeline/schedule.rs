//! The five fields of cron.

use crate::ContractError;

/// One field: its name with an article, its least and greatest value, and the names of its values, if any.
struct Field {
    name: &'static str,
    least: u32,
    greatest: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Field; 5] = [
    field("a minute", 0, 59, &[]),
    field("an hour", 0, 23, &[]),
    field("a day of the month", 1, 31, &[]),
    field("a month", 1, 12, &MONTHS),
    field("a day of the week", 0, 7, &WEEKDAYS),
];

const fn field(
    name: &'static str,
    least: u32,
    greatest: u32,
    names: &'static [&'static str],
) -> Field {
    Field {
        name,
        least,
        greatest,
        names,
    }
}

/// Refuses what is not cron, and what ticks more than once a day: a run is about a day, so that
/// two ticks of a day would be two runs that write the same partitions.
pub(super) fn check_cron(cron: &str) -> Result<(), ContractError> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let refuse = |why: String| {
        ContractError::invalid(format!("`{cron}` is not a cron schedule: {why}"))
            .with_hint("write five fields: `0 0 * * *` is every midnight")
    };
    if fields.len() != FIELDS.len() {
        return Err(refuse(format!("it has {} fields", fields.len())));
    }
    let mut ticks_of_a_day = 1;
    for (index, (text, field)) in fields.iter().zip(FIELDS).enumerate() {
        let Some(values) = field.values(text) else {
            return Err(refuse(format!(
                "`{text}` is not {} ({}-{})",
                field.name, field.least, field.greatest
            )));
        };
        if index < 2 {
            ticks_of_a_day *= values;
        }
    }
    if ticks_of_a_day > 1 {
        return Err(ContractError::invalid(format!(
            "`{cron}` ticks {ticks_of_a_day} times a day: a run is about one day, and two runs \
             would write the same partitions"
        ))
        .with_hint("write one minute and one hour, such as `0 3 * * *` for every day at 03:00"));
    }
    Ok(())
}

impl Field {
    /// How many values a field means; none where it is not one.
    fn values(&self, text: &str) -> Option<usize> {
        let mut values = std::collections::BTreeSet::new();
        for part in text.split(',') {
            values.extend(self.part(part)?);
        }
        Some(values.len())
    }

    /// `*`, `5`, `1-5`, any of them with `/2`.
    fn part(&self, part: &str) -> Option<Vec<u32>> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.greatest),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            // `5/15` is every fifteenth from the fifth on.
            None if step.is_some() => (self.value(range)?, self.greatest),
            None => (self.value(range)?, self.value(range)?),
        };
        (first <= last).then(|| (first..=last).step_by(step.unwrap_or(1) as usize).collect())
    }

    fn value(&self, text: &str) -> Option<u32> {
        let lower = text.to_lowercase();
        let named = self.names.iter().position(|name| *name == lower);
        let value = match named {
            Some(position) => self.least + u32::try_from(position).ok()?,
            None => number(text)?,
        };
        (self.least..=self.greatest)
            .contains(&value)
            .then_some(value)
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_told_from_other_texts() {
        for good in [
            "0 0 * * *",
            "30 6 1 1,7 1-5",
            "30  3 * * 0",
            "5 4 * JAN-mar MON,fri",
            "15 3 */2 * 7",
            "59/5 23 * * *",
        ] {
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
            "0 0 * MON *",
            "0 0 * * FRIDAY",
            "0 0 L * *",
            "0 0 * * 1#2",
        ] {
            let error = check_cron(bad).unwrap_err();
            assert!(
                error.to_string().contains("is not a cron schedule"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_schedule_ticks_at_most_once_a_day() {
        for (cron, times) in [
            ("* * * * *", "1440"),
            ("0 * * * *", "24"),
            ("*/15 0-6,22 * * 1-5", "32"),
            ("0,30 5 * * *", "2"),
            ("0 6,18 1 1 *", "2"),
        ] {
            let error = check_cron(cron).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{cron}` ticks {times} times a day")),
                "{error}"
            );
        }
    }
}
