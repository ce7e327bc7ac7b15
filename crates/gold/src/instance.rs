//! The one notion of gold: an instance is a mart on a date, computed from pinned inputs.
//!
//! A partition mart and a snapshot differ in their windows alone: how far back an input is read, or
//! as what.
//! What an instance was computed from is pinned, absent days included, so that it is known when
//! something else is published now, and so that it does not depend on the order in which days ran.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Days, NaiveDate};
use lakehouse_bind::BoundMart;
use lakehouse_contract::{Input, Mart, RunDate, StateRule, Window};
use lakehouse_store::sha256_of_bytes;

use crate::state::pin_json;

/// A mart on a date.
#[derive(Debug, Clone, Copy)]
pub struct Instance<'a> {
    /// The mart.
    pub mart: &'a BoundMart,
    /// Its date.
    pub date: RunDate,
}

/// What an instance is computed from: the published partitions of each input, by date, with the
/// SHA-256 of their data files. A day of the window that is not in the list is absent.
pub type Pins = BTreeMap<Input, Vec<(RunDate, String)>>;

impl Instance<'_> {
    /// The days that this instance reads of an input.
    #[must_use]
    pub fn days(&self, window: Window) -> WindowDays {
        WindowDays::new(window, self.date)
    }

    /// How the state of an input comes from its partitions, where it is a dataset that has one.
    #[must_use]
    pub fn rule(&self, input: &Input) -> Option<&StateRule> {
        match input {
            Input::Silver(dataset) => self.mart.rules.get(dataset),
            Input::Gold(_) => None,
        }
    }

    /// Whether an input is read as a state that is merged from many partitions.
    #[must_use]
    pub fn merges(&self, input: &Input) -> bool {
        matches!(
            (self.mart.definition.reads.get(input), self.rule(input)),
            (Some(Window::State(_)), Some(StateRule::Merged { .. }))
        )
    }

    /// Whether any input has a partition on the instance's own date. Without one there is nothing
    /// to do: a day without data has no mart.
    #[must_use]
    pub fn has_own_day(&self, pins: &Pins) -> bool {
        pins.values()
            .any(|days| days.iter().any(|(date, _)| *date == self.date))
    }

    /// The inputs that have no partition on the instance's own date and are read as empty, or
    /// as what came before; of states and histories, those that are empty.
    #[must_use]
    pub fn absent_inputs(&self, pins: &Pins) -> Vec<String> {
        self.mart
            .definition
            .reads
            .iter()
            .filter(|(input, window)| {
                let days = pins.get(input).map(Vec::as_slice).unwrap_or_default();
                match window.is_of_state() {
                    // A table that has nothing new on a day is as it was, which is not amiss.
                    true => days.is_empty(),
                    false => days.iter().all(|(date, _)| *date != self.date),
                }
            })
            .map(|(input, _)| input.to_string())
            .collect()
    }

    /// What the data file says of its making: inputs, definition, and the fingerprint of both.
    /// The engine's version stands beside them and is no part of the fingerprint: an upgrade makes
    /// nothing stale. A clock, a run id or an object key is in none of it.
    #[must_use]
    pub fn key_values(&self, pins: &Pins) -> BTreeMap<String, String> {
        let inputs = self.inputs_json(pins);
        let definition = definition_sha256(&self.mart.select, &self.mart.definition);
        let fingerprint = sha256_of_bytes(format!("{inputs}\n{definition}").as_bytes());
        let mut key_values = BTreeMap::from([
            ("lake.mart".to_owned(), self.mart.name.to_string()),
            ("lake.date".to_owned(), self.date.to_string()),
            ("lake.inputs".to_owned(), inputs),
            ("lake.definition_sha256".to_owned(), definition),
            ("lake.fingerprint".to_owned(), fingerprint),
            ("lake.engine".to_owned(), lakehouse_engine::version()),
        ]);
        let absent = self.absent_inputs(pins);
        if !absent.is_empty() {
            let absent = serde_json::Value::from(absent).to_string();
            key_values.insert("lake.absent_inputs".to_owned(), absent);
        }
        key_values
    }

    /// The fingerprint alone.
    #[must_use]
    pub fn fingerprint(&self, pins: &Pins) -> String {
        let definition = definition_sha256(&self.mart.select, &self.mart.definition);
        sha256_of_bytes(format!("{}\n{definition}", self.inputs_json(pins)).as_bytes())
    }

    /// What it was computed from: each partition, or a state or history as a whole.
    fn inputs_json(&self, pins: &Pins) -> String {
        let mut listed: Vec<serde_json::Value> = Vec::new();
        for (input, partitions) in pins {
            match self.mart.definition.reads.get(input) {
                Some(window) if window.is_of_state() => {
                    listed.extend(pin_json(input, *window, self.rule(input), partitions));
                }
                _ => listed.extend(partitions.iter().map(|(date, sha256)| {
                    serde_json::json!({"input": input.to_string(), "date": date.to_string(), "sha256": sha256})
                })),
            }
        }
        serde_json::Value::from(listed).to_string()
    }
}

impl fmt::Display for Instance<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "mart `{}` of {}", self.mart.name, self.date)
    }
}

/// What shapes the files of a mart besides its inputs: the SELECT, the grain (which is the order
/// and what is audited) and the formats, in whatever order they were declared.
fn definition_sha256(select: &str, definition: &Mart) -> String {
    let mut formats: Vec<&str> = definition
        .formats
        .iter()
        .map(|format| format.extension())
        .collect();
    formats.sort_unstable();
    let definition = serde_json::json!([select, definition.grain, formats]);
    sha256_of_bytes(definition.to_string().as_bytes())
}

/// The days of a window: from the first, or from the beginning, to the last.
#[derive(Debug, Clone, Copy)]
pub struct WindowDays {
    first: Option<NaiveDate>,
    last: RunDate,
    is_one_day: bool,
}

impl WindowDays {
    fn new(window: Window, date: RunDate) -> Self {
        let first = match window {
            Window::Day => Some(date.date()),
            Window::Days(days) => date
                .date()
                .checked_sub_days(Days::new(u64::from(days.saturating_sub(1)))),
            Window::All | Window::State(_) | Window::History => None,
        };
        Self {
            first,
            last: date,
            is_one_day: window == Window::Day,
        }
    }

    /// The first day; none where the window has no beginning.
    #[must_use]
    pub fn first(&self) -> Option<NaiveDate> {
        self.first
    }

    /// The last day: the instance's own.
    #[must_use]
    pub fn last(&self) -> RunDate {
        self.last
    }

    /// Whether it is the instance's own day and no other.
    #[must_use]
    pub fn is_one_day(&self) -> bool {
        self.is_one_day
    }

    /// Whether a day is in the window.
    #[must_use]
    pub fn contains(&self, date: &RunDate) -> bool {
        self.first.is_none_or(|first| date.date() >= first) && *date <= self.last
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lakehouse_bind::BoundMart;
    use lakehouse_contract::{Input, Mart, MartFormat, Materialised, Position, RunDate, Window};

    use super::{Instance, Pins};

    fn mart() -> BoundMart {
        BoundMart {
            name: "per_till".parse().unwrap(),
            definition: Mart {
                reads: BTreeMap::from([
                    (Input::Silver("receipts".parse().unwrap()), Window::Day),
                    (Input::Gold("tills".parse().unwrap()), Window::Days(3)),
                ]),
                reads_positions: BTreeMap::new(),
                grain: vec!["till".to_owned()],
                grain_position: Position { line: 1, column: 1 },
                formats: vec![MartFormat::Parquet, MartFormat::Csv, MartFormat::Json],
                materialised: Materialised::Snapshot,
                description: None,
                columns: BTreeMap::new(),
            },
            rules: BTreeMap::new(),
            select: "select till from silver.receipts".to_owned(),
            columns: vec![("till".to_owned(), "VARCHAR".to_owned())],
        }
    }

    fn date(text: &str) -> RunDate {
        text.parse().unwrap()
    }

    fn pins() -> Pins {
        let partition = |day: &str| (date(day), "0".repeat(64));
        Pins::from([
            (
                Input::Silver("receipts".parse().unwrap()),
                vec![partition("2024-03-01")],
            ),
            (
                Input::Gold("tills".parse().unwrap()),
                vec![partition("2024-02-28")],
            ),
        ])
    }

    #[test]
    fn a_fingerprint_has_the_definition_and_the_inputs_in_it_and_not_the_engine() {
        let whole = mart();
        let of = |mart: &BoundMart, pins: &Pins| {
            let day = date("2024-03-01");
            let instance = Instance { mart, date: day };
            let key_values = instance.key_values(pins);
            assert_eq!(key_values["lake.fingerprint"], instance.fingerprint(pins));
            assert_eq!(key_values["lake.engine"], lakehouse_engine::version());
            instance.fingerprint(pins)
        };
        let expected = of(&whole, &pins());
        // Were the engine's version in it, this would change with every upgrade.
        assert_eq!(
            expected, "ef7df261e477cbe8b7ccc64b95b2396230b3dfbffee61d0ead8662a7aff89379",
            "published marts would all be stale"
        );
        let mut other = whole.clone();
        other.definition.grain = vec!["date".to_owned(), "till".to_owned()];
        assert_ne!(of(&other, &pins()), expected, "grain");
        let mut other = whole.clone();
        other.definition.formats = vec![MartFormat::Parquet, MartFormat::Csv];
        assert_ne!(of(&other, &pins()), expected, "formats");
        let mut other = whole.clone();
        other.definition.formats = vec![MartFormat::Parquet, MartFormat::Json, MartFormat::Csv];
        assert_eq!(of(&other, &pins()), expected, "the order of formats");
        let mut other = whole.clone();
        other.select.push(' ');
        assert_ne!(of(&other, &pins()), expected, "select");
        let mut less = pins();
        less.insert(Input::Gold("tills".parse().unwrap()), Vec::new());
        assert_ne!(of(&whole, &less), expected, "inputs");
    }

    #[test]
    fn an_input_without_the_own_day_is_absent() {
        let mart = mart();
        let instance = Instance {
            mart: &mart,
            date: date("2024-03-01"),
        };
        assert_eq!(instance.absent_inputs(&pins()), ["gold.tills"]);
        assert!(instance.has_own_day(&pins()));
        assert_eq!(
            instance.key_values(&pins())["lake.absent_inputs"],
            r#"["gold.tills"]"#
        );
        assert!(!instance.has_own_day(&Pins::new()));
    }

    #[test]
    fn windows_end_on_the_own_day() {
        let mart = mart();
        let instance = Instance {
            mart: &mart,
            date: date("2024-03-01"),
        };
        let days = |window: Window| -> Vec<&str> {
            [
                "2023-03-01",
                "2024-02-27",
                "2024-02-28",
                "2024-03-01",
                "2024-03-02",
            ]
            .into_iter()
            .filter(|day| instance.days(window).contains(&date(day)))
            .collect()
        };
        assert_eq!(days(Window::Day), ["2024-03-01"]);
        assert_eq!(days(Window::Days(3)), ["2024-02-28", "2024-03-01"]);
        assert_eq!(days(Window::All).len(), 4);
    }
}
