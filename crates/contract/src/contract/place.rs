//! In which column, rule or property an error of the YAML parser lies.
//!
//! The parser knows the line. The document is read a second time, for nothing but where its parts
//! begin.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use crate::ContractError;

#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    schema: Vec<OutlineObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutlineObject {
    #[serde(default)]
    properties: Vec<Spanned<OutlinePart>>,
    #[serde(default)]
    quality: Vec<Spanned<OutlinePart>>,
    #[serde(default)]
    custom_properties: Vec<Spanned<OutlinePart>>,
}

#[derive(Deserialize)]
struct OutlinePart {
    name: Option<String>,
    property: Option<String>,
    #[serde(flatten)]
    _others: std::collections::BTreeMap<String, IgnoredAny>,
}

/// `error` with the part of the document that it lies in, as far as that is certain.
pub(super) fn name_place(text: &str, error: ContractError) -> ContractError {
    let (Some(line), Some(column)) = (error.line(), error.column()) else {
        return error;
    };
    let options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::FirstWins,
    };
    let Ok(outline) = serde_saphyr::from_str_with_options::<Outline>(text, options) else {
        return error;
    };
    let mut parts: Vec<(u64, u64, String)> = Vec::new();
    for object in outline.schema {
        let kinds = [
            ("column", object.properties),
            ("quality rule", object.quality),
            ("custom property", object.custom_properties),
        ];
        for (kind, entries) in kinds {
            for (number, entry) in entries.into_iter().enumerate() {
                let name = entry.value.name.or(entry.value.property);
                let label = match name {
                    Some(name) => format!("{kind} `{name}`"),
                    None => format!("{kind} {}", number + 1),
                };
                parts.push((entry.referenced.line(), entry.referenced.column(), label));
            }
        }
    }
    // Within a part in block style every key stands at the part's column or to the right of it.
    let part = parts
        .into_iter()
        .filter(|(start, indent, _)| (*start, *indent) <= (line, column))
        .filter(|(start, indent, _)| *start == line || *indent <= column)
        .max();
    match part {
        Some((_, _, label)) => error.within(label),
        None => error,
    }
}
