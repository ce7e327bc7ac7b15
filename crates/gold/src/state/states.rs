//! The states of changes that a run needs, each brought from one date to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use lakehouse_contract::{Input, Name, RunDate, StateRule};
use lakehouse_engine::Session;
use lakehouse_stage::{Context, StageError};
use serde_json::json;

use super::merge::{Merge, Versions};
use super::{kept, pinned_digests};
use crate::inputs::Inputs;

/// Partitions that are merged at once: as many files are on the disk beside the state.
const PARTITIONS_AT_ONCE: usize = 32;

/// From where a state came, for the run report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Partitions that the state is made of.
    pub partitions: usize,
    /// The date of the kept state that was fetched.
    pub kept: Option<RunDate>,
    /// Partitions that were read.
    pub partitions_read: usize,
}

/// A state in the workspace.
struct Local {
    partitions: Vec<(RunDate, String)>,
    path: PathBuf,
    /// Whether the store keeps it.
    is_kept: bool,
}

/// A state that is asked for.
pub struct Wanted<'w> {
    /// The dataset.
    pub dataset: &'w Name,
    /// Its rule.
    pub rule: &'w StateRule,
    /// The partitions that it is made of.
    pub partitions: &'w [(RunDate, String)],
    /// Whether it is worth keeping.
    pub keep: bool,
}

/// The states of a run: of each dataset the last one that was asked for.
pub struct States<'a> {
    context: &'a Context,
    local: BTreeMap<Name, Local>,
    /// The dates of kept states, as far as they were asked for.
    kept: BTreeMap<Name, BTreeSet<RunDate>>,
    files: u64,
}

impl<'a> States<'a> {
    /// Nothing is there yet.
    #[must_use]
    pub fn new(context: &'a Context) -> Self {
        Self {
            context,
            local: BTreeMap::new(),
            kept: BTreeMap::new(),
            files: 0,
        }
    }

    /// Brings the state to that of these partitions: from the last one of this run or a kept one,
    /// where either is of a beginning of the list, and the partitions after it. Returns what it is
    /// made of, which differs from what was asked for where a partition was written anew or removed
    /// just now, and where it came from.
    ///
    /// # Errors
    /// Store and engine failures, a full disk.
    pub async fn bring(
        &mut self,
        session: &Session,
        inputs: &mut Inputs<'a>,
        wanted: &Wanted<'_>,
    ) -> Result<(Vec<(RunDate, String)>, Source), StageError> {
        let dataset = wanted.dataset;
        let input = Input::Silver(dataset.clone());
        let columns = inputs.columns(&input);
        let begin = json!([wanted.rule.canonical(), columns]).to_string();
        let digests = pinned_digests(&begin, wanted.partitions);
        let mut source = Source {
            partitions: wanted.partitions.len(),
            kept: None,
            partitions_read: 0,
        };
        let mut state = self.take_local(dataset, wanted.partitions);
        if let Some(fetched) = self
            .fetch_kept(dataset, wanted.partitions, &digests, state.as_ref())
            .await?
        {
            source.kept = fetched.partitions.last().map(|(date, _)| *date);
            if let Some(state) = state.replace(fetched) {
                remove(&state.path);
            }
        }
        let have = state.as_ref().map_or(0, |state| state.partitions.len());
        let action = format!("compute the state of `{input}`");
        let merge = Merge {
            session,
            rule: wanted.rule,
            columns: &columns,
            action: &action,
            memory_limit_bytes: self.context.memory_limit_bytes,
        };
        let _phase = (have < wanted.partitions.len()).then(|| self.context.report.phase("states"));
        let mut batches = wanted.partitions[have..]
            .chunks(PARTITIONS_AT_ONCE)
            .peekable();
        while let Some(batch) = batches.next() {
            let dates = batch.iter().map(|(date, _)| (input.clone(), *date));
            inputs.fetch(dates).await;
            let mut partitions = state
                .as_ref()
                .map(|state| state.partitions.clone())
                .unwrap_or_default();
            let mut incoming: Vec<(RunDate, Versions)> = Vec::new();
            for (date, _) in batch {
                if let Some((sha256, versions)) = inputs.versions(&input, *date)? {
                    partitions.push((*date, sha256));
                    incoming.push((*date, versions));
                }
            }
            if incoming.is_empty() {
                continue;
            }
            source.partitions_read += incoming.len();
            let path = self.file(dataset)?;
            let key_values = key_values(dataset, wanted.rule, &partitions);
            tokio::task::block_in_place(|| {
                let kept = state.as_ref().map(|state| state.path.as_path());
                merge.write(kept, &incoming, &path, &key_values)
            })?;
            // Those of the last batch go with the date: another mart may read them as well.
            if batches.peek().is_some() {
                inputs.release(&input, batch.iter().map(|(date, _)| *date));
            }
            let merged = Local {
                partitions,
                path,
                is_kept: false,
            };
            if let Some(state) = state.replace(merged) {
                remove(&state.path);
            }
        }
        let Some(mut state) = state else {
            return Ok((Vec::new(), source));
        };
        if wanted.keep
            && !state.is_kept
            && let Some((date, _)) = state.partitions.last()
            && let Some(digest) = pinned_digests(&begin, &state.partitions).last()
        {
            kept::put(self.context, dataset, *date, digest, &state.path).await;
            state.is_kept = true;
        }
        let partitions = state.partitions.clone();
        source.partitions = partitions.len();
        self.local.insert(dataset.clone(), state);
        Ok((partitions, source))
    }

    /// Opens the last state of a dataset as `silver.<dataset>`; nothing is an empty one.
    ///
    /// # Errors
    /// Engine failures.
    pub fn open(
        &self,
        session: &Session,
        inputs: &Inputs<'_>,
        dataset: &Name,
        rule: &StateRule,
        is_empty: bool,
    ) -> Result<(), StageError> {
        let input = Input::Silver(dataset.clone());
        let columns = inputs.columns(&input);
        let merge = Merge {
            session,
            rule,
            columns: &columns,
            action: &format!("open the state of `{input}`"),
            memory_limit_bytes: self.context.memory_limit_bytes,
        };
        let path = self.local.get(dataset).map(|state| state.path.as_path());
        merge.open(&input, path.filter(|_| !is_empty))
    }

    /// The last state of this run, where it is of a beginning of these partitions. Any other one is
    /// let go.
    fn take_local(&mut self, dataset: &Name, partitions: &[(RunDate, String)]) -> Option<Local> {
        let local = self.local.remove(dataset)?;
        if partitions.starts_with(&local.partitions) {
            return Some(local);
        }
        remove(&local.path);
        None
    }

    /// The newest kept state that is of a beginning of these partitions and of more of them than
    /// what is there.
    async fn fetch_kept(
        &mut self,
        dataset: &Name,
        partitions: &[(RunDate, String)],
        digests: &[String],
        local: Option<&Local>,
    ) -> Result<Option<Local>, StageError> {
        let have = local.map_or(0, |local| local.partitions.len());
        if have >= partitions.len() {
            return Ok(None);
        }
        if !self.kept.contains_key(dataset) {
            let dates = kept::dates(self.context, dataset).await;
            self.kept.insert(dataset.clone(), dates);
        }
        let _phase = self.context.report.phase("fetch");
        for count in (have + 1..=partitions.len()).rev() {
            let (date, digest) = (partitions[count - 1].0, &digests[count - 1]);
            let is_there = self
                .kept
                .get(dataset)
                .is_some_and(|dates| dates.contains(&date));
            if !is_there || !kept::is_of(self.context, dataset, date, digest).await {
                continue;
            }
            let path = self.file(dataset)?;
            if kept::fetch(self.context, dataset, date, digest, &path).await {
                return Ok(Some(Local {
                    partitions: partitions[..count].to_vec(),
                    path,
                    is_kept: true,
                }));
            }
            remove(&path);
        }
        Ok(None)
    }

    fn file(&mut self, dataset: &Name) -> Result<PathBuf, StageError> {
        self.files += 1;
        let folder = self.context.workspace.directory("states")?;
        Ok(folder.join(format!("{dataset}.{}.parquet", self.files)))
    }
}

/// What a kept state says of its making, for people: what makes it usable is the digest of this in
/// the object's metadata.
fn key_values(
    dataset: &Name,
    rule: &StateRule,
    partitions: &[(RunDate, String)],
) -> BTreeMap<String, String> {
    let listed: Vec<serde_json::Value> = partitions
        .iter()
        .map(|(date, sha256)| json!({"date": date.to_string(), "sha256": sha256}))
        .collect();
    BTreeMap::from([
        ("lake.dataset".to_owned(), dataset.to_string()),
        ("lake.rule".to_owned(), rule.canonical()),
        (
            "lake.partitions".to_owned(),
            serde_json::Value::from(listed).to_string(),
        ),
    ])
}

fn remove(path: &std::path::Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "local file not removed");
    }
}
