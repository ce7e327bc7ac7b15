//! `lake show`: what is published, what was refused and why, and where everything is.

pub mod days;
pub mod gold;
pub mod quality;
pub mod states;
pub mod table;
pub mod warehouse;

use lakehouse_contract::RunDate;
use lakehouse_stage::{Base, Exit, LoadedPipeline, StageError, pipelines};
use lakehouse_store::Layout;

use crate::cli::ShowArguments;
use crate::output;

/// Shows a range of days.
///
/// # Errors
/// Store and engine failures.
pub async fn run(base: &Base, arguments: &ShowArguments) -> Result<Exit, StageError> {
    base.report.withhold();
    let loaded = pipelines::load(&base.settings.pipelines_dir, &arguments.pipeline)?;
    // Without a day it is about warehouses: the command line says so.
    let Some(from) = arguments.from.filter(|_| !arguments.warehouse) else {
        return warehouse::show(base, &loaded).await;
    };
    let to = arguments.to.unwrap_or(from);
    let dates: Vec<RunDate> = from.through(to).collect();
    let layout = &base.settings.layout;
    let store = base
        .connect(
            &[
                &layout.staging,
                &layout.silver,
                &layout.quarantine,
                &layout.gold,
            ],
            false,
        )
        .await?;
    let pipeline = &loaded.pipeline;
    let mut shown = 0;
    for dataset in pipeline.datasets.keys() {
        if let Some(text) = days::describe(&store, layout, &pipeline.name, dataset, &dates).await? {
            shown += 1;
            output::answer(&format!("\n{text}"));
        }
    }
    for (name, mart) in &pipeline.marts {
        let source = gold::Source {
            base,
            store: &store,
            pipeline: &pipeline.name,
            name,
            mart,
        };
        if let Some(text) = source.describe(&dates, arguments.rows).await? {
            shown += 1;
            output::answer(&format!("\n{text}"));
        }
    }
    if shown == 0 {
        let range = if from == to {
            format!("for {from}")
        } else {
            format!("from {from} to {to}")
        };
        output::answer(&format!(
            "nothing of `{}` is published or was refused {range}",
            pipeline.name
        ));
        return Ok(Exit::Nothing);
    }
    places(layout, &loaded);
    Ok(Exit::Done)
}

fn places(layout: &Layout, loaded: &LoadedPipeline) {
    let pipeline = &loaded.pipeline.name;
    output::answer("\nWhere it is:");
    for dataset in loaded.pipeline.datasets.keys() {
        output::answer(&format!(
            "  bronze      {}/\n  silver      {}/\n  quarantine  {}/",
            layout.bronze.child(&format!("{pipeline}/{dataset}")),
            layout.silver_dataset(pipeline, dataset),
            layout.quarantine.child(&format!("{pipeline}/{dataset}")),
        ));
    }
    for mart in loaded.pipeline.marts.keys() {
        output::answer(&format!(
            "  gold        {}/",
            layout.gold_mart(pipeline, mart)
        ));
    }
}
