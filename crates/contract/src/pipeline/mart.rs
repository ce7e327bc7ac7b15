//! One entry of `marts`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::window::read_window;
use super::{ColumnDescription, Input, Mart, MartFormat, Materialised};
use crate::yaml::{At, Spanned, choose, choose_or_default};
use crate::{ContractError, Problems};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMart {
    reads: Spanned<BTreeMap<String, Spanned<serde_json::Value>>>,
    grain: Spanned<Vec<String>>,
    #[serde(default)]
    formats: Vec<Spanned<String>>,
    materialised: At<String>,
    description: Option<String>,
    #[serde(default)]
    columns: BTreeMap<String, Spanned<String>>,
    lateness_days: At<IgnoredAny>,
    portable: At<IgnoredAny>,
}

pub(super) fn read_mart(raw: RawMart, problems: &mut Problems) -> Option<Mart> {
    for (key, later) in [
        ("lateness_days", &raw.lateness_days),
        ("portable", &raw.portable),
    ] {
        if let Some(later) = later {
            problems.add(
                ContractError::not_supported_yet(format!("`{key}`"))
                    .with_hint(format!("leave `{key}` out"))
                    .at(later.referenced),
            );
        }
    }
    if raw.reads.value.is_empty() && raw.reads.is_whole {
        problems.add(
            ContractError::invalid("`reads` is empty")
                .with_hint("declare what the SELECT reads: `reads: {silver.<dataset>: day}`")
                .at(raw.reads.referenced),
        );
    }
    let mut reads = BTreeMap::new();
    let mut positions = BTreeMap::new();
    for (key, window) in &raw.reads.value {
        let read = input(key).and_then(|input| Ok((input, read_window(&window.value)?)));
        let read = read.map_err(|error| error.at(window.referenced));
        if let Some((input, window_read)) = problems.keep(read) {
            positions.insert(input.clone(), window.referenced);
            reads.insert(input, window_read);
        }
    }
    let choices = [
        ("partition", Materialised::Partition),
        ("snapshot", Materialised::Snapshot),
    ];
    let materialised = choose_or_default("materialised", raw.materialised, &choices, &[]);
    let materialised = problems.keep_default(materialised);
    let formats = problems.keep(read_formats(&raw.formats));
    let grain_position = raw.grain.referenced;
    Some(Mart {
        reads,
        reads_positions: positions,
        grain: problems.keep(read_grain(raw.grain))?,
        grain_position,
        formats: formats?,
        materialised,
        description: raw.description,
        columns: raw
            .columns
            .into_iter()
            .map(|(column, text)| {
                let position = text.referenced;
                let text = text.value;
                (column, ColumnDescription { text, position })
            })
            .collect(),
    })
}

fn read_grain(raw: Spanned<Vec<String>>) -> Result<Vec<String>, ContractError> {
    let refuse = |message: String, hint: &str| {
        Err(ContractError::invalid(message)
            .with_hint(hint)
            .at(raw.referenced))
    };
    if raw.value.is_empty() {
        return refuse(
            "`grain` is empty".to_owned(),
            "name the columns that no two rows of the mart share",
        );
    }
    for (place, column) in raw.value.iter().enumerate() {
        if raw.value[..place]
            .iter()
            .any(|other| other.eq_ignore_ascii_case(column))
        {
            return refuse(
                format!("`grain` lists `{column}` twice"),
                "name each column once",
            );
        }
    }
    Ok(raw.value)
}

fn read_formats(raw: &[Spanned<String>]) -> Result<Vec<MartFormat>, ContractError> {
    let choices = [
        ("parquet", MartFormat::Parquet),
        ("csv", MartFormat::Csv),
        ("json", MartFormat::Json),
    ];
    let mut formats = vec![MartFormat::Parquet];
    for format in raw {
        let read = choose("formats", &format.value, &choices, &[])
            .map_err(|error| error.at(format.referenced))?;
        if !formats.contains(&read) {
            formats.push(read);
        }
    }
    Ok(formats)
}

fn input(text: &str) -> Result<Input, ContractError> {
    match text.split_once('.') {
        Some(("silver", name)) => Ok(Input::Silver(name.parse()?)),
        Some(("gold", name)) => Ok(Input::Gold(name.parse()?)),
        _ => Err(
            ContractError::invalid(format!("a mart cannot read `{text}`"))
                .with_hint("write `silver.<dataset>` or `gold.<mart>`"),
        ),
    }
}
