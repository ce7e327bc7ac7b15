//! What dead runs left, in all places.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use lakehouse_contract::{Name, RunDate};
use lakehouse_stage::{StageError, worth_keeping};
use lakehouse_store::{Key, Layout, ObjectInfo, ObjectStore};

use crate::clock::clock_location;
use crate::quarantine;
use crate::removal::{Kind, Removal};

/// How long run reports are kept, whatever `--older-than` says.
pub const REPORT_AGE: TimeDelta = TimeDelta::days(30);

/// Removes what is older than `older_than` at `now`, the store's time; of all pipelines, or of
/// one.
///
/// # Errors
/// When the store does not answer.
pub async fn sweep(
    store: &ObjectStore,
    layout: &Layout,
    removal: &Removal,
    now: DateTime<Utc>,
    older_than: Duration,
    only: Option<&Name>,
) -> Result<(), StageError> {
    let older_than = TimeDelta::from_std(older_than).unwrap_or(TimeDelta::MAX);
    let before = now
        .checked_sub_signed(older_than)
        .unwrap_or(DateTime::<Utc>::MIN_UTC);
    uploads(store, layout, removal, before, only).await?;
    staging(store, layout, removal, before, now - REPORT_AGE, only).await?;
    quarantine::sweep(store, layout, removal, now, older_than, only).await
}

/// Uploads that nobody will complete any more, in whatever place.
async fn uploads(
    store: &ObjectStore,
    layout: &Layout,
    removal: &Removal,
    before: DateTime<Utc>,
    only: Option<&Name>,
) -> Result<(), StageError> {
    for bucket in layout.buckets() {
        for upload in store.list_multipart_uploads(bucket).await? {
            let ours = layout
                .parse(&upload.address)
                .is_some_and(|key| is_of(&key, only));
            if ours && upload.initiated < before {
                removal.upload(&upload).await?;
            }
        }
    }
    Ok(())
}

/// The staging of runs whose last object is that old, and run reports that nobody will read.
///
/// A run is judged as a whole: while any of it is young, somebody may still be at work on it.
async fn staging(
    store: &ObjectStore,
    layout: &Layout,
    removal: &Removal,
    before: DateTime<Utc>,
    reports_before: DateTime<Utc>,
    only: Option<&Name>,
) -> Result<(), StageError> {
    let clocks = clock_location(layout);
    let mut runs: BTreeMap<(Name, RunDate, String), Vec<ObjectInfo>> = BTreeMap::new();
    let mut states: BTreeMap<(Name, Name), BTreeMap<RunDate, ObjectInfo>> = BTreeMap::new();
    let mut objects = store.list_stream(&layout.staging);
    while let Some(object) = objects.try_next().await? {
        match layout.parse(&object.address) {
            Some(key) if !is_of(&key, only) => {}
            Some(Key::Staged {
                pipeline,
                date,
                run_id,
                ..
            }) => {
                runs.entry((pipeline, date, run_id))
                    .or_default()
                    .push(object);
            }
            Some(Key::KeptState {
                pipeline,
                dataset,
                date,
            }) => {
                let of_dataset = states.entry((pipeline, dataset)).or_default();
                of_dataset.insert(date, object);
            }
            Some(Key::RunReport { .. }) if object.last_modified < reports_before => {
                removal.object(Kind::RunReport, &object).await?;
            }
            None if only.is_none()
                && clocks.relative(&object.address).is_some()
                && object.last_modified < before =>
            {
                removal.object(Kind::Clock, &object).await?;
            }
            _ => {}
        }
    }
    for objects in runs.into_values() {
        if objects.iter().all(|object| object.last_modified < before) {
            for object in &objects {
                removal.object(Kind::Staging, object).await?;
            }
        }
    }
    for of_dataset in states.into_values() {
        kept_states(removal, before, &of_dataset).await?;
    }
    Ok(())
}

/// Kept states of a dataset that later ones took the place of. They are a cache: a stage that finds
/// one gone computes it anew.
async fn kept_states(
    removal: &Removal,
    before: DateTime<Utc>,
    states: &BTreeMap<RunDate, ObjectInfo>,
) -> Result<(), StageError> {
    let dates: BTreeSet<RunDate> = states.keys().copied().collect();
    let kept = worth_keeping(&dates);
    for (date, object) in states {
        if !kept.contains(date) && object.last_modified < before {
            removal.object(Kind::KeptState, object).await?;
        }
    }
    Ok(())
}

/// Whether an object belongs to the only pipeline that is swept.
pub(crate) fn is_of(key: &Key, only: Option<&Name>) -> bool {
    let Some(only) = only else { return true };
    match key {
        Key::BronzeObject { pipeline, .. }
        | Key::BronzeManifest { pipeline, .. }
        | Key::Staged { pipeline, .. }
        | Key::KeptState { pipeline, .. }
        | Key::RunReport { pipeline, .. }
        | Key::SilverData { pipeline, .. }
        | Key::Quarantine { pipeline, .. }
        | Key::GoldData { pipeline, .. }
        | Key::GoldFormat { pipeline, .. }
        | Key::GoldDated { pipeline, .. } => pipeline == only,
    }
}
