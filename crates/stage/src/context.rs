//! What a stage's function is given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::PathBuf;

use lakehouse_contract::{Contract, Dataset, Name, Pipeline, Query, RunDate};
use lakehouse_store::{Layout, Location, ObjectStore, Place, StoreError};

use crate::signals::SignalCleanup;
use crate::{
    CommonArgs, Identity, LoadedPipeline, Progress, Report, RunId, Settings, StageError,
    WarehousePlace, Workspace, pipelines, settings,
};

/// A run of the process, without a pipeline or a store yet.
pub struct Base {
    /// The stage's name.
    pub stage: &'static str,
    /// What the environment says.
    pub settings: Settings,
    /// The private folder.
    pub workspace: Workspace,
    /// How many folders of dead stages were removed at the start.
    pub workspaces_swept: u64,
    /// The run report.
    pub report: Report,
    /// Progress for a person.
    pub progress: Progress,
    pub(crate) cleanup: SignalCleanup,
    pub(crate) dry_run: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Base {
    /// Connects to the store, and asks for the buckets of the places that the stage uses, so
    /// that a wrong credential or a missing bucket is known before anything is done.
    ///
    /// # Errors
    /// 2 for credentials and buckets, 75 when the store does not answer.
    pub async fn connect(
        &self,
        places: &[&Location],
        dry_run: bool,
    ) -> Result<ObjectStore, StageError> {
        let store_settings = settings::store_settings()?;
        let may_create = store_settings.create_buckets;
        let store = ObjectStore::connect(store_settings).await?;
        self.report.count_store(&store);
        self.cleanup.abort_uploads(&store);
        let buckets: BTreeSet<&str> = places.iter().map(|place| place.bucket.as_str()).collect();
        let asked = buckets.into_iter().map(|bucket| {
            let store = store.clone();
            async move {
                if may_create && !dry_run {
                    return store.ensure_bucket(bucket).await;
                }
                // A dry run does not make what the run itself would make.
                match store.bucket_exists(bucket).await? || may_create {
                    true => Ok(()),
                    false => Err(StoreError::BucketMissing {
                        bucket: bucket.to_owned(),
                    }),
                }
            }
        });
        futures::future::try_join_all(asked).await?;
        Ok(store)
    }

    /// Says in the report that nothing is touched, and lets the lists be printed at the end.
    pub fn begin_dry_run(&self) {
        self.report
            .identify(|identity| identity.dry_run = Some(true));
        self.dry_run
            .store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Names the run in the report: [`Context::open`] does it for a stage.
    pub fn identify(&self, identify: impl FnOnce(&mut Identity)) {
        self.report.identify(identify);
    }
}

/// A run of one pipeline on one date: everything has been judged, nothing has been touched.
pub struct Context {
    /// The stage's name.
    pub stage: &'static str,
    /// The pipeline.
    pub pipeline: Pipeline,
    /// Its folder.
    pub pipeline_dir: PathBuf,
    /// The contract of each dataset.
    pub contracts: BTreeMap<Name, Contract>,
    /// The text of each mart's SELECT.
    pub mart_sql: BTreeMap<Name, String>,
    /// The query of each dataset that comes from one.
    pub queries: BTreeMap<Name, Query>,
    /// The run date.
    pub date: RunDate,
    /// The run's id.
    pub run_id: RunId,
    /// The store, connected.
    pub store: ObjectStore,
    /// The five places, and every key in them.
    pub layout: Layout,
    /// The private folder.
    pub workspace: Workspace,
    /// How many threads work.
    pub threads: usize,
    /// The memory of the whole stage.
    pub memory_limit_bytes: u64,
    /// The largest record of a source file.
    pub max_record_bytes: usize,
    /// The run report.
    pub report: Report,
    /// Progress for a person.
    pub progress: Progress,
    /// Whether to say what would be done instead of doing it.
    pub dry_run: bool,
    source: LoadedPipeline,
}

impl Context {
    /// Judges everything that is configured, then connects; the buckets of `places` must be there.
    ///
    /// # Errors
    /// 2 for configuration, 75 when the store does not answer.
    pub async fn open(
        base: &Base,
        common: &CommonArgs,
        places: &[Place],
    ) -> Result<Self, StageError> {
        base.report.identify(|identity| {
            identity.pipeline = Some(common.pipeline.to_string());
            identity.date = Some(common.date.to_string());
            identity.run_id = Some(common.run_id.to_string());
        });
        if common.dry_run {
            base.begin_dry_run();
        }
        let source = pipelines::load(&base.settings.pipelines_dir, &common.pipeline)?;
        let layout = base.settings.layout.clone();
        let places: Vec<&Location> = places
            .iter()
            .map(|place| layout.location_of(*place))
            .collect();
        let store = base.connect(&places, common.dry_run).await?;
        Ok(Self {
            stage: base.stage,
            pipeline: source.pipeline.clone(),
            pipeline_dir: source.directory.clone(),
            contracts: source.contracts.clone(),
            mart_sql: source.mart_sql.clone(),
            queries: source.queries.clone(),
            date: common.date,
            run_id: common.run_id.clone(),
            store,
            layout,
            workspace: base.workspace.clone(),
            threads: base.settings.threads,
            memory_limit_bytes: base.settings.memory_limit_bytes,
            max_record_bytes: base.settings.max_record_bytes,
            report: base.report.clone(),
            progress: base.progress.clone(),
            dry_run: common.dry_run,
            source,
        })
    }

    /// Where a dataset comes from, its environment variables filled in.
    ///
    /// # Errors
    /// When a variable is not declared in `pipeline.yaml` or not set: 2.
    pub fn source_of(&self, name: &Name, dataset: &Dataset) -> Result<String, StageError> {
        self.source.source_of(name, dataset)
    }

    /// The datasets of the run, in the order of their names: all of them, or those asked for.
    ///
    /// # Errors
    /// When the pipeline has no such dataset: 2, with those that it has.
    pub fn datasets(&self, only: &[Name]) -> Result<Vec<Name>, StageError> {
        narrow(
            "dataset",
            &self.pipeline.name,
            self.pipeline.datasets.keys(),
            only,
        )
    }

    /// The marts of the run in no particular order: all of them, or those asked for.
    ///
    /// # Errors
    /// When the pipeline has no such mart: 2, with those that it has.
    pub fn marts(&self, only: &[Name]) -> Result<Vec<Name>, StageError> {
        narrow(
            "mart",
            &self.pipeline.name,
            self.pipeline.marts.keys(),
            only,
        )
    }

    /// The warehouses of the run, in the order of their names: all of them, or those asked for.
    ///
    /// # Errors
    /// When the pipeline has no such warehouse: 2, with those that it has.
    pub fn warehouses(&self, only: &[Name]) -> Result<Vec<Name>, StageError> {
        narrow(
            "warehouse",
            &self.pipeline.name,
            self.pipeline.warehouses.keys(),
            only,
        )
    }

    /// Where a warehouse is, its environment variables filled in.
    ///
    /// # Errors
    /// When a variable is not set, or the place cannot be a warehouse's: 2.
    pub fn warehouse_place(&self, name: &Name) -> Result<WarehousePlace, StageError> {
        self.source.warehouse_place(name, &self.layout)
    }

    /// A dry run would read this.
    pub fn would_read(&self, address: impl Display) {
        self.report.would_read(address);
    }

    /// A dry run would write this.
    pub fn would_write(&self, address: impl Display) {
        self.report.would_write(address);
    }
}

fn narrow<'a>(
    what: &str,
    pipeline: &Name,
    existing: impl Iterator<Item = &'a Name>,
    only: &[Name],
) -> Result<Vec<Name>, StageError> {
    let existing: Vec<Name> = existing.cloned().collect();
    if let Some(name) = only.iter().find(|name| !existing.contains(name)) {
        let names: Vec<String> = existing.iter().map(|name| format!("`{name}`")).collect();
        let has = match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        };
        let message = format!("pipeline `{pipeline}` has no {what} `{name}`");
        return Err(StageError::usage(message).hint(format!("it has {has}")));
    }
    Ok(existing
        .into_iter()
        .filter(|name| only.is_empty() || only.contains(name))
        .collect())
}
