//! `lake show`: what is published, what was refused and why, where everything lies.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lakehouse_bind::EngineFailure;
use lakehouse_contract::quote::identifier;
use lakehouse_contract::{Name, RunDate};
use lakehouse_engine::{Session, SessionOptions, Value};
use lakehouse_stage::quality::QualityReport;
use lakehouse_stage::{Base, Exit, LoadedPipeline, StageError, pipelines};
use lakehouse_store::{Layout, Location, ObjectStore};

use crate::cli::ShowArguments;
use crate::output;
use crate::run::missing::published;

/// Shows a range of days.
///
/// # Errors
/// Store and engine failures.
pub async fn run(base: &Base, arguments: &ShowArguments) -> Result<Exit, StageError> {
    base.report.withhold();
    let loaded = pipelines::load(&base.settings.pipelines_dir, &arguments.pipeline)?;
    let to = arguments.to.unwrap_or(arguments.from);
    let dates: Vec<RunDate> = arguments.from.through(to).collect();
    let layout = base.settings.layout.clone();
    let store = base
        .connect(&[&layout.silver, &layout.quarantine, &layout.gold], false)
        .await?;
    let pipeline = &loaded.pipeline.name;
    let mut shown = 0;
    for dataset in loaded.pipeline.datasets.keys() {
        shown += counts(&store, &layout, &loaded, dataset, &dates).await?;
    }
    for mart in loaded.pipeline.marts.keys() {
        let there = published(base, &store, &layout.gold_mart(pipeline, mart)).await?;
        let wanted: Vec<RunDate> = dates
            .iter()
            .filter(|date| there.contains(*date))
            .copied()
            .collect();
        if wanted.is_empty() {
            continue;
        }
        shown += 1;
        let paths = fetch(base, &store, &layout, pipeline, mart, &wanted).await?;
        let grain = loaded.pipeline.marts[mart].grain.clone();
        let text =
            tokio::task::block_in_place(|| rows(base, mart, &paths, &grain, arguments.rows))?;
        output::answer(&format!(
            "\n{}\n{text}",
            heading(&layout.gold_mart(pipeline, mart))
        ));
    }
    if shown == 0 {
        output::answer(&format!(
            "nothing of `{pipeline}` is published from {} to {to}",
            arguments.from
        ));
        return Ok(Exit::Nothing);
    }
    places(&layout, &loaded);
    Ok(Exit::Done)
}

fn heading(place: &Location) -> String {
    format!("{place}/")
}

/// One line per day and a line per broken rule, from the published quality reports.
async fn counts(
    store: &ObjectStore,
    layout: &Layout,
    loaded: &LoadedPipeline,
    dataset: &Name,
    dates: &[RunDate],
) -> Result<usize, StageError> {
    let pipeline = &loaded.pipeline.name;
    let mut lines = Vec::new();
    let mut reasons: BTreeMap<(String, String), u64> = BTreeMap::new();
    for date in dates {
        let Some(info) = store
            .head(&layout.silver_data(pipeline, dataset, date))
            .await?
        else {
            continue;
        };
        let Some(name) = info.metadata.get("quality") else {
            continue;
        };
        let address = layout
            .quarantine_partition(pipeline, dataset, date)
            .object(name);
        let Some((_, bytes)) = store.get_bytes(&address).await? else {
            continue;
        };
        let Ok(report) = serde_json::from_slice::<QualityReport>(&bytes) else {
            continue;
        };
        let counts = &report.counts;
        lines.push(format!(
            "{date}  {:>10}  {:>10}  {:>11}  {:>10}",
            counts.rows_read, counts.rows_published, counts.rows_quarantined, counts.rows_duplicate
        ));
        for rule in &report.quarantined_by_rule {
            let column = rule.column.clone().unwrap_or_else(|| "(record)".to_owned());
            *reasons.entry((column, rule.rule.clone())).or_default() += rule.rows;
        }
    }
    if lines.is_empty() {
        return Ok(0);
    }
    output::answer(&format!(
        "\n{}\n{:<10}  {:>10}  {:>10}  {:>11}  {:>10}\n{}",
        heading(&layout.silver_dataset(pipeline, dataset)),
        "date",
        "read",
        "published",
        "quarantined",
        "duplicate",
        lines.join("\n")
    ));
    for ((column, rule), rows) in &reasons {
        output::answer(&format!(
            "  quarantined: {rows:>6} rows break `{rule}` of {column}"
        ));
    }
    Ok(1)
}

async fn fetch(
    base: &Base,
    store: &ObjectStore,
    layout: &Layout,
    pipeline: &Name,
    mart: &Name,
    dates: &[RunDate],
) -> Result<Vec<PathBuf>, StageError> {
    let folder = base.workspace.directory(&format!("show.{mart}"))?;
    let mut paths = Vec::new();
    for date in dates {
        let path = folder.join(format!("{date}.parquet"));
        store
            .get_to_file(&layout.gold_data(pipeline, mart, date), &path)
            .await?;
        paths.push(path);
    }
    Ok(paths)
}

/// The first rows of a mart, as an aligned table.
fn rows(
    base: &Base,
    mart: &Name,
    paths: &[PathBuf],
    grain: &[String],
    limit: u32,
) -> Result<String, StageError> {
    let action = format!("read mart `{mart}`");
    let session = Session::open(&SessionOptions {
        workspace: base.workspace.path().to_path_buf(),
        memory_limit_bytes: base.settings.memory_limit_bytes,
        threads: base.settings.threads,
        pseudonym_key: None,
    })
    .stage("open the engine")?;
    session
        .read_parquet_view("gold", mart.as_str(), paths, None)
        .stage(&action)?;
    let relation = format!("gold.{}", identifier(mart.as_str()));
    let names: Vec<String> = session
        .describe(&format!("SELECT * FROM {relation}"))
        .stage(&action)?
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    // Days read from top to bottom; within one, as published.
    let (days, others): (Vec<&String>, Vec<&String>) =
        grain.iter().partition(|column| *column == "date");
    let order: Vec<String> = days
        .into_iter()
        .chain(others)
        .map(|column| identifier(column))
        .collect();
    let total = session
        .query(&format!("SELECT count(*) FROM {relation}"))
        .stage(&action)?;
    let total = total
        .first()
        .and_then(|row| row.first())
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let found = session
        .query(&format!(
            "SELECT * FROM {relation} ORDER BY {} LIMIT {limit}",
            order.join(", ")
        ))
        .stage(&action)?;
    let mut cells: Vec<Vec<String>> = vec![names];
    cells.extend(
        found
            .iter()
            .map(|row| row.iter().map(Value::to_string).collect()),
    );
    let mut text = aligned(&cells);
    if total > u64::from(limit) {
        text.push_str(&format!("\n… {total} rows in all"));
    }
    Ok(text)
}

fn aligned(cells: &[Vec<String>]) -> String {
    let columns = cells.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            cells
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let is_number: Vec<bool> = (0..columns)
        .map(|column| {
            cells
                .iter()
                .skip(1)
                .all(|row| row[column].parse::<f64>().is_ok() || row[column].is_empty())
        })
        .collect();
    cells
        .iter()
        .map(|row| {
            let padded: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(column, cell)| match is_number[column] {
                    true => format!("{cell:>width$}", width = widths[column]),
                    false => format!("{cell:<width$}", width = widths[column]),
                })
                .collect();
            padded.join("  ").trim_end().to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn places(layout: &Layout, loaded: &LoadedPipeline) {
    let pipeline = &loaded.pipeline.name;
    output::answer("\nwhere everything lies:");
    for dataset in loaded.pipeline.datasets.keys() {
        output::answer(&format!(
            "  bronze      {}\n  silver      {}\n  quarantine  {}",
            heading(&layout.bronze.child(&format!("{pipeline}/{dataset}"))),
            heading(&layout.silver_dataset(pipeline, dataset)),
            heading(&layout.quarantine.child(&format!("{pipeline}/{dataset}"))),
        ));
    }
    for mart in loaded.pipeline.marts.keys() {
        output::answer(&format!(
            "  gold        {}",
            heading(&layout.gold_mart(pipeline, mart))
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn numbers_stand_right_and_texts_left() {
        let cells =
            [["name", "n"], ["a", "10"], ["long", "9"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&cells), "name   n\na     10\nlong   9");
    }
}
