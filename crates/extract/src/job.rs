//! One dataset on one day.

use lakehouse_contract::{Contract, Name, Table};
use lakehouse_deliver::Delivery;
use lakehouse_stage::{Context, Section, StageError};
use lakehouse_store::manifest::ManifestFile;
use lakehouse_store::{StoreError, manifest};

use crate::Arguments;
use crate::decision::{Asked, Decision, decide};

/// How the names of a first load's files begin: a later run of the day that takes its rows alone
/// keeps them.
pub(crate) const FULL: &str = "full-";

/// One dataset on one day.
pub(crate) struct Job<'a> {
    pub context: &'a Context,
    pub name: Name,
    pub table: &'a Table,
    pub contract: &'a Contract,
    pub delivery: Delivery<'a>,
}

impl<'a> Job<'a> {
    /// Nothing for a dataset that comes from files.
    ///
    /// # Errors
    /// A contract that has vanished: a bug.
    pub fn new(context: &'a Context, name: &Name) -> Result<Option<Self>, StageError> {
        let vanished = || StageError::bug(format!("the dataset `{name}` has vanished"));
        let dataset = context.pipeline.datasets.get(name).ok_or_else(vanished)?;
        let Some(table) = dataset.source.table() else {
            return Ok(None);
        };
        Ok(Some(Self {
            context,
            name: name.clone(),
            table,
            contract: context.contracts.get(name).ok_or_else(vanished)?,
            delivery: Delivery::new(context, name),
        }))
    }

    /// What the report says of it.
    pub fn section(&self) -> &Section {
        self.delivery.section()
    }

    /// Decides what is to be done, and says so.
    ///
    /// # Errors
    /// What the store says, and 2 for what cannot be had.
    pub async fn decide(&self, arguments: &Arguments) -> Result<Decision, StageError> {
        if arguments.full && self.contract.delivery != lakehouse_contract::Delivery::Changes {
            return Err(StageError::usage(format!(
                "`--full` takes all rows as a day's changes, and the contract of `{}` does not say `delivery: changes`",
                self.name
            ))
            .hint("leave it out, or name the datasets with `--dataset`"));
        }
        let files = self.manifest_files().await?;
        let asked = Asked {
            refresh: arguments.refresh,
            full: arguments.full,
        };
        let context = self.context;
        let bounds = context.date.instants(&context.pipeline.timezone());
        let decision = decide(
            &self.table.take,
            &context.date,
            bounds,
            chrono::Utc::now(),
            files.as_deref(),
            &asked,
        )
        .map_err(|error| error.context(format!("dataset `{}` cannot be taken", self.name)))?;
        match decision {
            Decision::Take { .. } => {}
            Decision::Keep => {
                self.section()
                    .set("files_kept", files.map_or(0, |files| files.len()));
                tracing::info!(dataset = %self.name, date = %context.date, "kept: the table has been taken for this day already");
            }
            Decision::Nothing => {
                tracing::info!(
                    dataset = %self.name, date = %context.date,
                    "nothing to do: the table as it was on that day cannot be read any more, or not yet"
                );
            }
        }
        Ok(decision)
    }

    async fn manifest_files(&self) -> Result<Option<Vec<ManifestFile>>, StageError> {
        let store = &self.context.store;
        let address = self.delivery.manifest_address();
        if self.context.dry_run {
            self.context.would_read(&address);
        }
        match manifest::load(store, &address).await {
            // A bucket that a dry run does not make.
            Err(StoreError::BucketMissing { .. }) if store.settings().create_buckets => Ok(None),
            loaded => Ok(loaded?.map(|(manifest, _)| manifest.files)),
        }
    }

    /// The beginning of the names of what is taken.
    pub fn prefix(&self, decision: Decision) -> &'static str {
        match decision {
            Decision::Take { full: true } => FULL,
            _ => "part-",
        }
    }

    /// A folder of the workspace for its files.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self) -> Result<std::path::PathBuf, StageError> {
        self.context.workspace.directory(self.name.as_str())
    }

    /// The same error, as one of this dataset.
    pub fn of_dataset(&self, error: StageError) -> StageError {
        error.context(format!("dataset `{}` cannot be taken", self.name))
    }
}
