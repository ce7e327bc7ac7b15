//! `lake validate`: is this pipeline sound, before anything runs?

use lakehouse_bind::{EngineFailure, MartFile, binding_session, judge_contract, judge_marts};
use lakehouse_contract::Name;
use lakehouse_engine::Session;
use lakehouse_stage::{
    Base, Exit, Finding, LoadedPipeline, StageError, findings, pipelines, warehouses,
};

use crate::cli::PipelinesArguments;
use crate::output;

/// Validates the named pipelines, or all, and tells everything that is wrong with each.
///
/// # Errors
/// There is no pipeline, or the folder of pipelines cannot be read. What is wrong with a pipeline
/// is printed, and the exit is 2.
pub fn run(base: &Base, arguments: &PipelinesArguments) -> Result<Exit, StageError> {
    base.report.withhold();
    let listing = selected(base, &arguments.pipelines)?;
    let mut exits = Vec::new();
    for name in &listing.names {
        let (loaded, found) = judge(base, name)?;
        match (loaded, found.as_slice()) {
            (Some(loaded), []) => output::answer(&format!("{name}: sound ({})", parts(&loaded))),
            (_, found) => {
                output::answer(&format!("{name}: {}", counted(found.len(), "problem")));
                tell(found);
            }
        }
        exits.extend(found.iter().map(|finding| finding.error.exit));
    }
    tell(&listing.misnamed);
    exits.extend(listing.misnamed.iter().map(|finding| finding.error.exit));
    Ok(Exit::worst(std::iter::once(Exit::Done).chain(exits)))
}

fn parts(loaded: &LoadedPipeline) -> String {
    let pipeline = &loaded.pipeline;
    let mut parts = vec![
        counted(pipeline.datasets.len(), "dataset"),
        counted(pipeline.marts.len(), "mart"),
    ];
    if !pipeline.warehouses.is_empty() {
        parts.push(counted(pipeline.warehouses.len(), "warehouse"));
    }
    parts.join(", ")
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn tell(found: &[Finding]) {
    for text in findings::told(found) {
        output::answer(&format!("  {}", text.replace('\n', "\n  ")));
    }
}

/// The named pipelines, or all that there are.
///
/// # Errors
/// The folder of pipelines cannot be read, or holds none: 2.
pub fn selected(base: &Base, named: &[Name]) -> Result<pipelines::Listing, StageError> {
    if !named.is_empty() {
        return Ok(pipelines::Listing {
            names: named.to_vec(),
            misnamed: Vec::new(),
        });
    }
    let folder = &base.settings.pipelines_dir;
    let listing = pipelines::list(folder)?;
    if listing.names.is_empty() && listing.misnamed.is_empty() {
        return Err(
            StageError::usage(format!("`{}` holds no pipeline", folder.display())).hint(
                "set `LAKE_PIPELINES_DIR` to the folder that holds one folder per pipeline, \
                 each with a `pipeline.yaml`",
            ),
        );
    }
    Ok(listing)
}

/// Loads a pipeline and has the engine bind all of it.
///
/// # Errors
/// Exit 2 with everything that is wrong, and where.
pub fn validate(base: &Base, name: &Name) -> Result<LoadedPipeline, StageError> {
    let (loaded, found) = judge(base, name)?;
    match (loaded, findings::as_error(name.as_str(), &found)) {
        (Some(loaded), None) => Ok(loaded),
        (_, Some(error)) => Err(error),
        (None, None) => Err(StageError::bug(format!(
            "the pipeline `{name}` was neither read nor refused"
        ))),
    }
}

/// Loads a pipeline as far as it can be read, has the engine bind what is sound, and tells
/// everything that is wrong.
fn judge(base: &Base, name: &Name) -> Result<(Option<LoadedPipeline>, Vec<Finding>), StageError> {
    let directory = pipelines::directory(&base.settings.pipelines_dir, name)?;
    let (loaded, mut found) = pipelines::judge_folder(&directory);
    if let Some(loaded) = &loaded {
        found.extend(bind(base, loaded)?);
        if !loaded.pipeline.warehouses.is_empty() {
            found.extend(claimed_twice(base, loaded)?);
        }
    }
    Ok((loaded, found))
}

/// What the pipeline claims of a warehouse that another one claims as well.
fn claimed_twice(base: &Base, loaded: &LoadedPipeline) -> Result<Vec<Finding>, StageError> {
    let folder = &base.settings.pipelines_dir;
    let mut all = vec![loaded.clone()];
    for name in pipelines::list(folder)?.names {
        if name != loaded.pipeline.name {
            all.extend(pipelines::judge_folder(&folder.join(name.as_str())).0);
        }
    }
    let mut found = warehouses::claims(&all);
    found.retain(|finding| finding.file.starts_with(&loaded.directory));
    Ok(found)
}

/// Has the engine bind all of a pipeline that is sound.
fn bind(base: &Base, loaded: &LoadedPipeline) -> Result<Vec<Finding>, StageError> {
    let session =
        Session::open(&binding_session(base.workspace.path())).stage("open the engine")?;
    // Binding needs a run date; which one does not matter.
    let date = chrono::NaiveDate::default();
    let mut found = Vec::new();
    for (dataset, contract) in &loaded.contracts {
        let file = &loaded.pipeline.datasets[dataset].contract_path;
        for misfit in judge_contract(&session, dataset.as_str(), contract) {
            found.push(Finding {
                file: loaded.directory.join(file),
                position: misfit.position,
                error: misfit.error,
            });
        }
    }
    let marts = judge_marts(
        &session,
        &loaded.pipeline,
        &loaded.contracts,
        &loaded.mart_sql,
        date,
    );
    for (name, file, misfit) in marts {
        let file = match file {
            MartFile::Sql => loaded.directory.join("marts").join(format!("{name}.sql")),
            MartFile::Pipeline => loaded.directory.join(pipelines::PIPELINE_FILE),
        };
        found.push(Finding {
            file,
            position: misfit.position,
            error: misfit.error,
        });
    }
    Ok(found)
}
