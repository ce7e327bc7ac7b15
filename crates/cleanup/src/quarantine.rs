//! Quarantine files and reports that count no more, over all partitions.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use lakehouse_contract::Name;
use lakehouse_stage::StageError;
use lakehouse_stage::superseded::{self, Partition, SAFE_AGE};
use lakehouse_store::{Key, Layout, ObjectInfo, ObjectStore};

use crate::removal::{Kind, Removal};
use crate::sweep::is_of;

/// Removes what no published partition names, and refused evidence of days published since.
pub(crate) async fn sweep(
    store: &ObjectStore,
    layout: &Layout,
    removal: &Removal,
    now: DateTime<Utc>,
    older_than: TimeDelta,
    only: Option<&Name>,
) -> Result<(), StageError> {
    let before = now
        .checked_sub_signed(older_than.max(SAFE_AGE))
        .unwrap_or(DateTime::<Utc>::MIN_UTC);
    let mut partitions: BTreeMap<Partition, Vec<ObjectInfo>> = BTreeMap::new();
    let mut objects = store.list_stream(&layout.quarantine);
    while let Some(object) = objects.try_next().await? {
        let Some(key) = layout.parse(&object.address).filter(|key| is_of(key, only)) else {
            continue;
        };
        if object.last_modified >= before {
            continue;
        }
        if let Key::Quarantine {
            pipeline,
            dataset,
            date,
            ..
        } = key
        {
            partitions
                .entry(Partition {
                    pipeline,
                    dataset,
                    date,
                })
                .or_default()
                .push(object);
        }
    }
    for (partition, objects) in partitions {
        superseded::sweep(
            store,
            layout,
            &partition,
            objects,
            before,
            async |refused, object| {
                removal
                    .object(
                        if refused {
                            Kind::Refused
                        } else {
                            Kind::Quarantine
                        },
                        object,
                    )
                    .await
            },
        )
        .await?;
    }
    Ok(())
}
