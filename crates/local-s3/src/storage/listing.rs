//! Listings: keys in byte order, walking only the folders that the prefix and the page need.
//!
//! In one folder a file `a` stands for the key `…a` and a folder `a` for all keys `…a/…`; so
//! sorting its entries as `a` and `a/` yields the byte order of the full keys.

use std::fs;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::error::At;
use super::keys::{component_of, name_of};
use super::meta::ObjectMeta;
use super::{Backend, StorageError};

/// What is asked of a listing.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Keys that have this behind the prefix are rolled up to a common prefix.
    pub delimiter: Option<String>,
    /// Where to go on.
    pub after: Option<After>,
    /// The most entries on a page.
    pub limit: usize,
}

/// A place between two entries of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Behind this key.
    Key(String),
    /// Behind all keys that begin with this.
    Prefix(String),
}

/// One entry of a listing.
#[expect(clippy::large_enum_variant, reason = "almost every entry is an object")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListEntry {
    /// An object.
    Object(ObjectMeta),
    /// All keys that begin with this.
    CommonPrefix(String),
}

/// Entries in byte order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// At most as many as asked for.
    pub entries: Vec<ListEntry>,
    /// Where the next page begins, when there is one.
    pub next: Option<After>,
}

impl Backend {
    /// One page of a bucket's objects.
    pub fn list_objects(
        &self,
        bucket: &str,
        request: &ListRequest,
    ) -> Result<ListPage, StorageError> {
        let mut folder = self.bucket_folder(bucket)?;
        if request.limit == 0 {
            return Ok(ListPage::default());
        }
        // The walk begins in the deepest folder that holds every key with the prefix.
        let base = request
            .prefix
            .rfind('/')
            .map_or("", |slash| &request.prefix[..=slash]);
        for component in base.split_terminator('/') {
            folder.push(&*name_of(component));
        }
        let mut walk = Walk {
            backend: self,
            bucket,
            request,
            page: ListPage::default(),
            last_common_prefix: None,
        };
        let _ = walk.folder(&folder, base)?;
        Ok(walk.page)
    }

    /// The entries of a folder that the server made; none when it does not exist.
    fn read_folder(&self, folder: &Path) -> Result<Vec<Entry>, StorageError> {
        self.folder_reads.fetch_add(1, Ordering::Relaxed);
        let entries = match fs::read_dir(folder) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            entries => entries.at(folder)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.at(folder)?;
            let name = entry.file_name();
            let Some(component) = name.to_str().and_then(component_of) else {
                continue;
            };
            let kind = entry.file_type().at(folder)?;
            if kind.is_dir() {
                found.push(Entry {
                    key: format!("{component}/"),
                    is_folder: true,
                });
            } else if kind.is_symlink() {
                found.push(Entry {
                    key: component.into_owned(),
                    is_folder: false,
                });
            }
        }
        Ok(found)
    }

    /// True when the folder or one below holds an object: folders that a delete is about to
    /// remove hold none.
    fn holds_objects(&self, folder: &Path) -> Result<bool, StorageError> {
        let entries = self.read_folder(folder)?;
        if entries.iter().any(|entry| !entry.is_folder) {
            return Ok(true);
        }
        for entry in entries {
            if self.holds_objects(&child(folder, &entry.key))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A file or a folder; the key of a folder ends with `/` and stands for all keys in it. (So may
/// the key of an object: `a/` is kept as a file whose component is empty.)
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: String,
    is_folder: bool,
}

struct Walk<'a> {
    backend: &'a Backend,
    bucket: &'a str,
    request: &'a ListRequest,
    page: ListPage,
    last_common_prefix: Option<String>,
}

impl Walk<'_> {
    /// Walks a folder whose keys all begin with `base`; breaks when the page is full.
    fn folder(&mut self, folder: &Path, base: &str) -> Result<ControlFlow<()>, StorageError> {
        let mut entries = self.backend.read_folder(folder)?;
        for entry in &mut entries {
            entry.key.insert_str(0, base);
        }
        entries.retain(|entry| self.has_prefix(entry) && self.is_ahead(entry));
        entries.sort_unstable();
        for entry in entries {
            let path = child(folder, &entry.key[base.len()..]);
            let flow = match self.common_prefix_of(&entry.key) {
                Some(common) => self.common_prefix(common, &entry, &path)?,
                None if entry.is_folder => self.folder(&path, &entry.key)?,
                None => self.object(&entry.key)?,
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether the key, or some key in the folder, may begin with the prefix.
    fn has_prefix(&self, entry: &Entry) -> bool {
        let prefix = self.request.prefix.as_str();
        entry.key.starts_with(prefix) || entry.is_folder && prefix.starts_with(&entry.key)
    }

    /// Whether the key, or some key in the folder, may lie behind the place to go on from.
    fn is_ahead(&self, entry: &Entry) -> bool {
        let behind = |place: &str| {
            entry.key.as_str() > place || entry.is_folder && place.starts_with(&entry.key)
        };
        match &self.request.after {
            None => true,
            Some(After::Key(after)) => behind(after),
            Some(After::Prefix(after)) => !entry.key.starts_with(after.as_str()) && behind(after),
        }
    }

    fn common_prefix_of(&self, key: &str) -> Option<String> {
        let delimiter = self.request.delimiter.as_deref()?;
        let rest = key.get(self.request.prefix.len()..)?;
        let end = rest.find(delimiter)? + delimiter.len();
        Some(key[..self.request.prefix.len() + end].to_owned())
    }

    fn common_prefix(
        &mut self,
        common: String,
        entry: &Entry,
        path: &Path,
    ) -> Result<ControlFlow<()>, StorageError> {
        if self.last_common_prefix.as_ref() == Some(&common) {
            return Ok(ControlFlow::Continue(()));
        }
        let exists = match &self.request.after {
            _ if !entry.is_folder => true,
            // The place lies in this folder: is there a key behind it?
            Some(after @ After::Key(place)) if place.starts_with(&entry.key) => {
                let one = ListRequest {
                    prefix: entry.key.clone(),
                    after: Some(after.clone()),
                    limit: 1,
                    delimiter: None,
                };
                !self
                    .backend
                    .list_objects(self.bucket, &one)?
                    .entries
                    .is_empty()
            }
            _ => self.backend.holds_objects(path)?,
        };
        if !exists {
            return Ok(ControlFlow::Continue(()));
        }
        self.last_common_prefix = Some(common.clone());
        Ok(self.push(ListEntry::CommonPrefix(common)))
    }

    fn object(&mut self, key: &str) -> Result<ControlFlow<()>, StorageError> {
        match self.backend.head_object(self.bucket, key) {
            Ok(meta) => Ok(self.push(ListEntry::Object(meta))),
            // Deleted since the folder was read, or a link that somebody else made.
            Err(StorageError::NoSuchKey(_) | StorageError::NotOurs(_)) => {
                Ok(ControlFlow::Continue(()))
            }
            Err(error) => Err(error),
        }
    }

    fn push(&mut self, entry: ListEntry) -> ControlFlow<()> {
        if self.page.entries.len() < self.request.limit {
            self.page.entries.push(entry);
            return ControlFlow::Continue(());
        }
        self.page.next = self.page.entries.last().map(|last| match last {
            ListEntry::Object(meta) => After::Key(meta.key.clone()),
            ListEntry::CommonPrefix(prefix) => After::Prefix(prefix.clone()),
        });
        ControlFlow::Break(())
    }
}

/// The path of an entry of a folder.
fn child(folder: &Path, entry: &str) -> PathBuf {
    folder.join(&*name_of(entry.strip_suffix('/').unwrap_or(entry)))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
    )
}
