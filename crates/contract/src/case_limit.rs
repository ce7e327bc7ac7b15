//! A test case's own `maxQuarantined`, written into the text of a contract.
//!
//! The stages read contracts from files, and a switch that loosens them would be one in
//! production too. So a case that sets its own limit is run with a changed copy of the contract;
//! everything else in the text stays as it is written.

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use crate::{Contract, ContractError};

#[derive(Deserialize)]
struct Document {
    schema: Vec<Spanned<Dataset>>,
}

#[derive(Deserialize)]
struct Dataset {
    #[serde(rename = "customProperties")]
    custom_properties: Option<Spanned<Vec<Property>>>,
}

#[derive(Deserialize)]
struct Property {
    property: String,
    vendor: Option<String>,
    value: Spanned<serde_json::Value>,
}

/// The contract's text with another `maxQuarantined`, in per cent.
///
/// # Errors
/// When the contract cannot be read, or is written so that the limit cannot be put into it.
pub fn with_max_quarantined(text: &str, percent: f64) -> Result<String, ContractError> {
    let mut wanted = Contract::parse(text)?;
    let changed = serde_saphyr::from_str::<Document>(text)
        .ok()
        .and_then(|document| edit(text, document.schema.first()?, percent));
    // The text was edited without a full understanding of YAML, so the result is judged: it must
    // mean the same but for the limit. Places in the text are no part of what it means.
    if let Some(changed) = changed
        && let Ok(found) = Contract::parse(&changed)
    {
        wanted.max_quarantined_percent = percent;
        wanted.sha256.clone_from(&found.sha256);
        let meaning = |contract: &Contract| serde_json::to_value(contract).ok();
        if meaning(&found) == meaning(&wanted) {
            return Ok(changed);
        }
    }
    Err(ContractError::invalid(
        "the contract is written so that a case's `maxQuarantined` cannot be put into it",
    )
    .with_hint(
        "write the dataset's `maxQuarantined` as an entry of `customProperties` of its own, \
         without anchors",
    ))
}

fn edit(text: &str, dataset: &Spanned<Dataset>, percent: f64) -> Option<String> {
    let entry = format!("{{property: maxQuarantined, vendor: lakehouse, value: {percent}}}");
    let Some(properties) = &dataset.value.custom_properties else {
        let key = format!("customProperties: [{entry}]");
        return insert(text, dataset.referenced, '{', &key);
    };
    let there = properties.value.iter().find(|property| {
        property.property == "maxQuarantined" && property.vendor.as_deref() == Some("lakehouse")
    });
    match there {
        Some(property) => {
            let start = byte_offset(text, property.value.referenced)?;
            let characters = usize::try_from(property.value.referenced.span().len()).ok()?;
            let length: usize = text[start..]
                .chars()
                .take(characters)
                .map(char::len_utf8)
                .sum();
            let (before, after) = (&text[..start], &text[start + length..]);
            Some(format!("{before}{percent}{after}"))
        }
        None if text[byte_offset(text, properties.referenced)?..].starts_with('[') => {
            insert(text, properties.referenced, '[', &entry)
        }
        None => insert(text, properties.referenced, '[', &format!("- {entry}")),
    }
}

/// Puts an entry before the first one of a collection: behind its opening bracket in flow style,
/// on a line of its own in block style.
fn insert(text: &str, collection: Location, opening: char, entry: &str) -> Option<String> {
    let start = byte_offset(text, collection)?;
    let (before, after) = text.split_at(start);
    Some(match after.strip_prefix(opening) {
        Some(rest) => format!("{before}{opening}{entry}, {rest}"),
        None => {
            let indent = usize::try_from(collection.column()).ok()?.checked_sub(1)?;
            format!("{before}{entry}\n{:indent$}{after}", "")
        }
    })
}

fn byte_offset(text: &str, location: Location) -> Option<usize> {
    let line = usize::try_from(location.line()).ok()?.checked_sub(1)?;
    let column = usize::try_from(location.column()).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let within: usize = text[start..].chars().take(column).map(char::len_utf8).sum();
    Some(start + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(dataset: &str) -> String {
        format!(
            "apiVersion: v3.2.0\nkind: DataContract\nid: café\nversion: 1.0.0\nstatus: active\nschema:\n{dataset}"
        )
    }

    #[track_caller]
    fn check(dataset: &str, expected: &str) {
        let changed = with_max_quarantined(&contract(dataset), 12.5).unwrap();
        assert_eq!(changed, contract(expected));
        let parsed = Contract::parse(&changed).unwrap();
        assert!((parsed.max_quarantined_percent - 12.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_limit_that_is_there_is_replaced() {
        check(
            "- name: beans # « »\n  logicalType: object\n  customProperties:\n  - {property: sort, vendor: lakehouse, value: [x]}\n  - property: maxQuarantined\n    vendor: lakehouse\n    value: 5 # per cent\n  properties:\n  - {name: x, logicalType: string}\n",
            "- name: beans # « »\n  logicalType: object\n  customProperties:\n  - {property: sort, vendor: lakehouse, value: [x]}\n  - property: maxQuarantined\n    vendor: lakehouse\n    value: 12.5 # per cent\n  properties:\n  - {name: x, logicalType: string}\n",
        );
    }

    #[test]
    fn a_limit_that_is_not_there_is_added() {
        for (given, wanted) in [
            (
                "  - name: beans\n    logicalType: object\n    customProperties:\n      - {property: sort, vendor: lakehouse, value: [x]}\n",
                "  - name: beans\n    logicalType: object\n    customProperties:\n      - {property: maxQuarantined, vendor: lakehouse, value: 12.5}\n      - {property: sort, vendor: lakehouse, value: [x]}\n",
            ),
            (
                "  - name: beans\n    logicalType: object\n    customProperties: [{property: sort, vendor: lakehouse, value: [x]}]\n",
                "  - name: beans\n    logicalType: object\n    customProperties: [{property: maxQuarantined, vendor: lakehouse, value: 12.5}, {property: sort, vendor: lakehouse, value: [x]}]\n",
            ),
            (
                "  - name: beans\n    logicalType: object\n",
                "  - customProperties: [{property: maxQuarantined, vendor: lakehouse, value: 12.5}]\n    name: beans\n    logicalType: object\n",
            ),
        ] {
            let columns = "    properties:\n      - {name: x, logicalType: string}\n";
            check(&format!("{given}{columns}"), &format!("{wanted}{columns}"));
        }
        check(
            "  [{name: beans, logicalType: object, properties: [{name: x, logicalType: string}]}]\n",
            "  [{customProperties: [{property: maxQuarantined, vendor: lakehouse, value: 12.5}], name: beans, logicalType: object, properties: [{name: x, logicalType: string}]}]\n",
        );
    }

    #[test]
    fn a_limit_that_something_else_shares_is_refused() {
        let text = contract(
            "- name: beans\n  logicalType: object\n  customProperties:\n  - {property: maxQuarantined, vendor: lakehouse, value: &five 5}\n  properties:\n  - {name: x, logicalType: integer, physicalType: BIGINT, logicalTypeOptions: {format: i64, minimum: *five}}\n",
        );
        assert_eq!(Contract::parse(&text).unwrap().columns.len(), 1);
        let error = with_max_quarantined(&text, 50.0).unwrap_err();
        assert!(
            error.to_string().contains("cannot be put into it"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("without anchors"));
    }
}
