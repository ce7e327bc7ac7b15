//! `lake validate`: is this pipeline sound, before anything runs?

use lakehouse_bind::{EngineFailure, bind_contract, bind_marts, binding_session};
use lakehouse_contract::Name;
use lakehouse_engine::Session;
use lakehouse_stage::{Base, Exit, LoadedPipeline, StageError, pipelines};

use crate::cli::PipelinesArguments;
use crate::output;

/// Validates the named pipelines, or all; goes on after a bad one.
///
/// # Errors
/// None of its own: what is wrong with a pipeline is printed, and the exit is 2.
pub fn run(base: &Base, arguments: &PipelinesArguments) -> Result<Exit, StageError> {
    base.report.withhold();
    let names = selected(base, &arguments.pipelines)?;
    let mut exits = Vec::new();
    for name in &names {
        match validate(base, name) {
            Ok(loaded) => {
                output::answer(&format!(
                    "{name}: sound ({} datasets, {} marts)",
                    loaded.pipeline.datasets.len(),
                    loaded.pipeline.marts.len()
                ));
                exits.push(Exit::Done);
            }
            Err(error) => {
                output::answer(&format!("{name}:\n{}", error.render().trim_end()));
                exits.push(error.exit);
            }
        }
    }
    Ok(Exit::worst(exits))
}

/// The named pipelines, or all that there are.
///
/// # Errors
/// The folder of pipelines cannot be read.
pub fn selected(base: &Base, named: &[Name]) -> Result<Vec<Name>, StageError> {
    match named {
        [] => pipelines::list(&base.settings.pipelines_dir),
        named => Ok(named.to_vec()),
    }
}

/// Loads a pipeline and has the engine bind all of it.
///
/// # Errors
/// Exit 2 with the place and what to do.
pub fn validate(base: &Base, name: &Name) -> Result<LoadedPipeline, StageError> {
    let loaded = pipelines::load(&base.settings.pipelines_dir, name)?;
    bind(base, &loaded)?;
    Ok(loaded)
}

/// Has the engine bind all of a loaded pipeline.
///
/// # Errors
/// Exit 2 with the place and what to do.
pub fn bind(base: &Base, loaded: &LoadedPipeline) -> Result<(), StageError> {
    let session =
        Session::open(&binding_session(base.workspace.path())).stage("open the engine")?;
    // Binding needs a run date; which one does not matter.
    let date = chrono::NaiveDate::default();
    bind_marts(
        &session,
        &loaded.pipeline,
        &loaded.contracts,
        &loaded.mart_sql,
        date,
    )?;
    for (dataset, contract) in &loaded.contracts {
        bind_contract(&session, dataset.as_str(), contract)?;
    }
    Ok(())
}
