//! What is published: on which dates, with which hash. Each question is asked once.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use lakehouse_contract::{Input, RunDate};
use lakehouse_stage::{Context, StageError};
use lakehouse_store::ObjectAddress;

/// HEAD requests that are under way at once.
const LOOKS_AT_ONCE: usize = 16;
/// Where the object's metadata says by what a mart was made.
pub const FINGERPRINT: &str = "fingerprint";
/// Where it says, as a JSON list, which of its inputs were absent on its date.
pub const ABSENT_INPUTS: &str = "absent-inputs";

/// One published partition, as its object's metadata describes it.
#[derive(Debug, Clone, Default)]
pub struct Partition {
    /// SHA-256 of its data file.
    pub sha256: String,
    /// Its fingerprint: of a mart alone.
    pub fingerprint: Option<String>,
    /// Inputs that were absent when it was made; none where it does not say.
    pub absent_inputs: Option<Vec<String>>,
}

/// The address of an input's data file on a date.
#[must_use]
pub fn data_address(context: &Context, input: &Input, date: &RunDate) -> ObjectAddress {
    let pipeline = &context.pipeline.name;
    match input {
        Input::Silver(name) => context.layout.silver_data(pipeline, name, date),
        Input::Gold(name) => context.layout.gold_data(pipeline, name, date),
    }
}

/// What is published, as far as it was asked for.
pub struct Published<'a> {
    context: &'a Context,
    dates: BTreeMap<Input, BTreeSet<RunDate>>,
    partitions: BTreeMap<(Input, RunDate), Option<Partition>>,
}

impl<'a> Published<'a> {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(context: &'a Context) -> Self {
        Self {
            context,
            dates: BTreeMap::new(),
            partitions: BTreeMap::new(),
        }
    }

    /// The dates on which a dataset or mart is published.
    ///
    /// # Errors
    /// Store failures.
    pub async fn dates(&mut self, input: &Input) -> Result<&BTreeSet<RunDate>, StageError> {
        if !self.dates.contains_key(input) {
            let (context, pipeline) = (self.context, &self.context.pipeline.name);
            let location = match input {
                Input::Silver(name) => context.layout.silver_dataset(pipeline, name),
                Input::Gold(name) => context.layout.gold_mart(pipeline, name),
            };
            let dates = context
                .store
                .list(&location)
                .await?
                .iter()
                .filter(|object| object.address.file_name() == "data.parquet")
                .filter_map(|object| context.layout.partition_date(&object.address))
                .collect();
            self.dates.insert(input.clone(), dates);
        }
        Ok(&self.dates[input])
    }

    /// Asks for partitions, several at once; those that are known are not asked for again.
    ///
    /// # Errors
    /// Store failures.
    pub async fn look(
        &mut self,
        wanted: impl IntoIterator<Item = (Input, RunDate)>,
    ) -> Result<(), StageError> {
        let context = self.context;
        let unknown: BTreeSet<(Input, RunDate)> = wanted
            .into_iter()
            .filter(|partition| !self.partitions.contains_key(partition))
            .collect();
        let mut looks = futures::stream::iter(unknown)
            .map(|(input, date)| async move {
                let address = data_address(context, &input, &date);
                let found = context.store.head(&address).await?.map(|info| Partition {
                    sha256: info.sha256.unwrap_or_default(),
                    fingerprint: info.metadata.get(FINGERPRINT).cloned(),
                    absent_inputs: info
                        .metadata
                        .get(ABSENT_INPUTS)
                        .and_then(|text| serde_json::from_str(text).ok()),
                });
                Ok::<_, StageError>(((input, date), found))
            })
            .buffer_unordered(LOOKS_AT_ONCE);
        while let Some(found) = looks.next().await {
            let (partition, found) = found?;
            self.partitions.insert(partition, found);
        }
        Ok(())
    }

    /// A partition that was asked for before; none where it is not published.
    #[must_use]
    pub fn partition(&self, input: &Input, date: RunDate) -> Option<&Partition> {
        self.partitions.get(&(input.clone(), date))?.as_ref()
    }

    /// Takes note of a partition that was published just now.
    pub fn note(&mut self, input: &Input, date: RunDate, partition: Partition) {
        if let Some(dates) = self.dates.get_mut(input) {
            dates.insert(date);
        }
        self.partitions
            .insert((input.clone(), date), Some(partition));
    }
}
