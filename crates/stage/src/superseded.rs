//! Quarantine files and reports that count no more.
//!
//! What counts, the partition's published `data.parquet` says: check writes the names of its
//! quarantine file and reports not only into the file but also into the object's user
//! metadata, so that one HEAD tells them. A partition whose object says nothing there is left
//! alone. Object and `data.parquet` are looked at again right before each removal: another
//! check may be at work, which writes its files anew before it publishes.

use chrono::{DateTime, TimeDelta, Utc};
use lakehouse_contract::{Name, RunDate};
use lakehouse_store::{Key, Layout, ObjectInfo, ObjectStore};

use crate::StageError;

/// A check writes quarantine file and report before it publishes: an object must be this old,
/// by the store's clock, before it can be superfluous.
pub const SAFE_AGE: TimeDelta = TimeDelta::hours(1);

/// The names under which `data.parquet` names the objects of its partition. Older ones also name
/// their profile.
const NAMES: [&str; 3] = ["quarantine", "quality", "profile"];
/// A profile is named after its quality report: `<SHA-256 of the report>.profile.json`. It counts as
/// long as the report does.
pub const PROFILE_EXTENSION: &str = "profile.json";

/// One dataset's partition on one date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition {
    /// The pipeline.
    pub pipeline: Name,
    /// The dataset.
    pub dataset: Name,
    /// The run date.
    pub date: RunDate,
}

/// Removes, of the given objects of a partition's quarantine, those that count no more and are
/// older than `before`. `remove` is told whether an object is evidence of a refused day.
///
/// # Errors
/// When the store does not answer, and what `remove` returns.
pub async fn sweep<R>(
    store: &ObjectStore,
    layout: &Layout,
    partition: &Partition,
    objects: Vec<ObjectInfo>,
    before: DateTime<Utc>,
    remove: R,
) -> Result<u64, StageError>
where
    R: AsyncFn(bool, &ObjectInfo) -> Result<(), StageError>,
{
    let data = layout.silver_data(&partition.pipeline, &partition.dataset, &partition.date);
    let mut published = published(store, &data).await?;
    let mut removed = 0;
    for object in objects {
        let Some(Key::Quarantine { refused, .. }) = layout.parse(&object.address) else {
            continue;
        };
        if object.last_modified >= before || !is_superfluous(refused, &object, published.as_ref()) {
            continue;
        }
        let Some(again) = store.head(&object.address).await? else {
            continue;
        };
        published = self::published(store, &data).await?;
        if again.last_modified < before && is_superfluous(refused, &again, published.as_ref()) {
            remove(refused, &again).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// What is published of a partition, as far as its quarantine is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Published {
    last_modified: DateTime<Utc>,
    /// The names of its objects; none where the object does not say.
    names: Option<Vec<String>>,
}

/// Whether an object of a partition counts no more.
///
/// Refused evidence counts until the day is published after it. What was never published has
/// nothing that could name its objects: those are of a check that died.
fn is_superfluous(refused: bool, object: &ObjectInfo, published: Option<&Published>) -> bool {
    match (refused, published) {
        (true, None) => false,
        (true, Some(published)) => published.last_modified > object.last_modified,
        (false, None) => true,
        (false, Some(Published { names: None, .. })) => false,
        (
            false,
            Some(Published {
                names: Some(names), ..
            }),
        ) => !names.iter().any(|name| name == object.address.file_name()),
    }
}

async fn published(
    store: &ObjectStore,
    data: &lakehouse_store::ObjectAddress,
) -> Result<Option<Published>, StageError> {
    Ok(store.head(data).await?.map(|info| {
        let mut named: Vec<String> = NAMES
            .iter()
            .filter_map(|name| info.metadata.get(*name).cloned())
            .collect();
        named.extend(profile_of(info.metadata.get("quality")));
        // Every partition has a quality report: an object without its name is not check's.
        let names = info.metadata.contains_key("quality").then_some(named);
        Published {
            last_modified: info.last_modified,
            names,
        }
    }))
}

/// The name of the profile that belongs to a report.
fn profile_of(quality: Option<&String>) -> Option<String> {
    let report = quality?.strip_suffix("json")?;
    Some(format!("{report}{PROFILE_EXTENSION}"))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use lakehouse_store::ObjectInfo;

    use super::{Published, is_superfluous, profile_of};

    fn object(name: &str, written: DateTime<Utc>) -> ObjectInfo {
        ObjectInfo {
            address: format!("s3://quarantine/sales/orders/year=2024/month=01/day=15/{name}")
                .parse()
                .unwrap(),
            size_bytes: 1,
            etag: String::new(),
            last_modified: written,
            sha256: None,
            metadata: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_named_stays_and_what_cannot_be_judged_stays() {
        let now = Utc::now();
        let published = |names: Option<&[&str]>| Published {
            last_modified: now,
            names: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        };
        let named = object("a.parquet", now);
        assert!(!is_superfluous(
            false,
            &named,
            Some(&published(Some(&["a.parquet", "b.json"])))
        ));
        assert!(is_superfluous(
            false,
            &named,
            Some(&published(Some(&["c.parquet", "b.json"])))
        ));
        assert!(!is_superfluous(false, &named, Some(&published(None))));
        assert!(is_superfluous(false, &named, None));
    }

    #[test]
    fn a_profile_is_named_after_its_report() {
        let report = "0a1b.json".to_owned();
        assert_eq!(
            profile_of(Some(&report)),
            Some("0a1b.profile.json".to_owned())
        );
        assert_eq!(profile_of(None), None);
    }

    #[test]
    fn evidence_stays_until_the_day_is_published_after_it() {
        let now = Utc::now();
        let published = Published {
            last_modified: now,
            names: None,
        };
        assert!(!is_superfluous(true, &object("a.json", now), None));
        assert!(is_superfluous(
            true,
            &object("a.json", now - TimeDelta::hours(2)),
            Some(&published)
        ));
        assert!(!is_superfluous(
            true,
            &object("a.json", now + TimeDelta::hours(2)),
            Some(&published)
        ));
    }
}
