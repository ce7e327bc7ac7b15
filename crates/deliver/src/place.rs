//! One file to one object that nobody overwrites.

use std::collections::{BTreeMap, BTreeSet};

use lakehouse_stage::StageError;
use lakehouse_store::{Condition, Location, ObjectStore, PutOptions, redelivered_name};

use crate::clock::Clock;
use crate::content::{Content, Sent};

/// How many names are tried. The second is unique by its content; further ones are needed where
/// the source itself has a file under that name, or where old objects that no manifest names are
/// in the way.
const MOST_NAMES: usize = 8;

/// What is known of a partition when a round begins.
pub(crate) struct Partition<'a> {
    pub store: &'a ObjectStore,
    pub location: &'a Location,
    /// What it held when it was listed, sizes by name.
    pub present: BTreeMap<String, u64>,
    /// The objects that the manifest names, by name.
    pub named: BTreeSet<String>,
    pub clock: Clock<'a>,
}

/// Where a file's bytes are now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The object's name in the partition.
    pub object: String,
    /// Whether it had to be sent.
    pub uploaded: bool,
}

/// Finds the object with the file's bytes, or makes it.
///
/// Another delivery may have written since the partition was listed: the write itself is
/// conditional, and what then is there decides.
pub(crate) async fn place(
    partition: &Partition<'_>,
    content: &impl Content,
) -> Result<Placed, StageError> {
    let file = content.file();
    let options = PutOptions {
        metadata: BTreeMap::new(),
        condition: Condition::IfAbsent,
        sha256: Some(file.sha256.clone()),
    };
    let mut object = file.source_name.clone();
    for _ in 0..MOST_NAMES {
        let address = partition.location.object(&object);
        if !partition.present.contains_key(&object)
            && content.send(partition.store, &address, &options).await? == Sent::Written
        {
            tracing::info!(source_name = file.source_name, bytes = file.size_bytes, address = %address, "copied");
            return Ok(Placed {
                object,
                uploaded: true,
            });
        }
        if let Some(info) = partition.store.head(&address).await?
            && info.size_bytes == file.size_bytes
            && info.sha256.as_deref() == Some(&file.sha256)
            && (partition.named.contains(&object) || partition.clock.is_young(info.last_modified))
        {
            return Ok(Placed {
                object,
                uploaded: false,
            });
        }
        object = redelivered_name(&object, &file.sha256);
    }
    Err(StageError::usage(format!(
        "no name is free for the source file `{}` in `{}`",
        content.origin(),
        partition.location
    ))
    .hint("`lake-bronze --prune` removes objects that the manifest does not name; nothing but the lake should write there"))
}
