//! Which states and histories a mart saw, as its data file says.

use std::collections::BTreeMap;

use serde_json::Value;

/// A line for each state and history that a mart's file pins.
#[must_use]
pub fn seen(key_values: &BTreeMap<String, String>) -> Vec<String> {
    let inputs = key_values
        .get("lake.inputs")
        .and_then(|text| serde_json::from_str::<Value>(text).ok())
        .unwrap_or_default();
    let date = key_values.get("lake.date").map_or("", String::as_str);
    inputs
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|pin| line(pin, date))
        .collect()
}

fn line(pin: &Value, date: &str) -> Option<String> {
    let (read_as, input) = (pin["as"].as_str()?, pin["input"].as_str()?);
    let made_of = match (pin["date"].as_str(), pin["partitions"].as_u64()) {
        (Some(snapshot), _) => format!("the snapshot of {snapshot}"),
        (None, Some(1)) => format!("the partition of {}", pin["first"].as_str()?),
        (None, Some(count)) => format!(
            "{count} partitions, {} to {}",
            pin["first"].as_str()?,
            pin["last"].as_str()?
        ),
        (None, None) => return None,
    };
    Some(format!("  {read_as:<12} `{input}` as of {date}: {made_of}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::seen;

    #[test]
    fn every_state_is_told_and_nothing_else() {
        let inputs = r#"[
            {"input":"silver.orders","date":"2024-03-05","sha256":"a"},
            {"input":"silver.users","as":"state","partitions":4,"first":"2024-03-01","last":"2024-03-05","partitions_sha256":"b"},
            {"input":"silver.prices","as":"state","date":"2024-03-03","sha256":"c"},
            {"input":"silver.groups","as":"history","partitions":1,"first":"2024-03-02","last":"2024-03-02","partitions_sha256":"d"}
        ]"#;
        let key_values = BTreeMap::from([
            ("lake.inputs".to_owned(), inputs.to_owned()),
            ("lake.date".to_owned(), "2024-03-05".to_owned()),
        ]);
        assert_eq!(
            seen(&key_values),
            [
                "  state        `silver.users` as of 2024-03-05: 4 partitions, 2024-03-01 to 2024-03-05",
                "  state        `silver.prices` as of 2024-03-05: the snapshot of 2024-03-03",
                "  history      `silver.groups` as of 2024-03-05: the partition of 2024-03-02",
            ]
        );
        assert!(seen(&BTreeMap::new()).is_empty());
    }
}
