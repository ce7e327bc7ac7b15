//! Where a dataset comes from: a folder, or a prefix in the store.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use lakehouse_contract::FileGlob;
use lakehouse_stage::StageError;
use lakehouse_store::{Layout, Location, ObjectAddress, ObjectStore, StoreError};

/// The source of a dataset.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A prefix in the same store.
    Prefix(Location),
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(formatter),
            Self::Prefix(location) => location.fmt(formatter),
        }
    }
}

/// One file of the source, as it was when it was listed.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Its path relative to the source.
    pub name: String,
    /// Where it is.
    pub origin: Origin,
    pub size_bytes: u64,
    pub modified_at: DateTime<Utc>,
}

/// Where a source file is.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    File(PathBuf),
    Object {
        address: ObjectAddress,
        etag: String,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Object { address, .. } => address.fmt(formatter),
        }
    }
}

impl Source {
    /// Judges what `from` says, its variables filled in.
    pub(crate) fn parse(from: &str) -> Result<Self, StageError> {
        if from.starts_with("s3://") {
            let location = from
                .parse()
                .map_err(|error: lakehouse_store::AddressError| {
                    StageError::usage("the source of the dataset cannot be read")
                        .cause(error.to_string())
                })?;
            return Ok(Self::Prefix(location));
        }
        if let Some((scheme, _)) = from.split_once("://") {
            return Err(StageError::usage(format!(
                "sources of the kind `{scheme}://` are not supported yet"
            ))
            .hint("`from` is a folder, or `s3://bucket/prefix` in the same store"));
        }
        let folder = PathBuf::from(from);
        let hint = "`from` in `pipeline.yaml` names the folder; is it mounted on this machine?";
        match std::fs::metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => Ok(Self::Folder(folder)),
            Ok(_) => {
                Err(StageError::usage(format!("the source `{from}` is not a folder")).hint(hint))
            }
            Err(error) => Err(StageError::from_io(
                format!("cannot read the source folder `{from}`"),
                &error,
            )
            .hint(hint)),
        }
    }

    /// The files of a day, by name; refused are names that cannot be objects' names.
    pub(crate) async fn list(
        &self,
        store: &ObjectStore,
        glob: &FileGlob,
    ) -> Result<Vec<SourceFile>, StageError> {
        let mut files = match self {
            Self::Folder(folder) => {
                let (folder, glob) = (folder.clone(), glob.clone());
                tokio::task::spawn_blocking(move || list_folder(&folder, &glob)).await??
            }
            Self::Prefix(location) => list_prefix(store, location, glob).await?,
        };
        files.sort_by(|one, other| one.name.cmp(&other.name));
        for file in &files {
            Layout::check_source_name(&file.name).map_err(|error| {
                StageError::from(error)
                    .context(format!(
                        "the source file `{}` cannot be copied",
                        file.origin
                    ))
                    .hint("rename the file, or narrow the pattern `files` of the dataset")
            })?;
        }
        Ok(files)
    }
}

async fn list_prefix(
    store: &ObjectStore,
    location: &Location,
    glob: &FileGlob,
) -> Result<Vec<SourceFile>, StageError> {
    let mut objects = store.list_prefix_stream(location, glob.literal_prefix());
    let mut files = Vec::new();
    while let Some(object) = objects.try_next().await? {
        let Some(name) = location
            .relative(&object.address)
            .filter(|name| glob.matches(name))
        else {
            continue;
        };
        files.push(SourceFile {
            name: name.to_owned(),
            size_bytes: object.size_bytes,
            modified_at: object.last_modified,
            origin: Origin::Object {
                address: object.address.clone(),
                etag: object.etag,
            },
        });
    }
    Ok(files)
}

/// A folder that is still to be looked into.
struct Waiting {
    /// Its path relative to the source, with a `/` at its end; empty for the source itself.
    relative: String,
    /// The source, and what links above it lead to, as the system knows these folders.
    linked: Vec<PathBuf>,
}

/// Walks the folders that the pattern can reach and no others: a source holds all days. Symbolic
/// links are followed, to folders as to files; one that leads back to where it came from is
/// refused, since the same files would be delivered under several names.
fn list_folder(root: &Path, glob: &FileGlob) -> Result<Vec<SourceFile>, StageError> {
    let depth = glob.to_string().matches('/').count();
    let beginning = glob
        .literal_prefix()
        .rfind('/')
        .map_or("", |end| &glob.literal_prefix()[..=end]);
    let mut files = Vec::new();
    let mut folders = vec![Waiting {
        relative: beginning.to_owned(),
        linked: std::fs::canonicalize(root).into_iter().collect(),
    }];
    while let Some(Waiting { relative, linked }) = folders.pop() {
        let folder = root.join(&relative);
        let failed = |error: &std::io::Error| {
            StageError::from_io(
                format!("cannot read the source folder `{}`", folder.display()),
                error,
            )
            .hint("check that it is there and that this user may read it")
        };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            // A folder of the day that is not there is a day without files.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !relative.is_empty() => {
                continue;
            }
            Err(error) => return Err(failed(&error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| failed(&error))?;
            let file_name = entry.file_name();
            let name = format!("{relative}{}", file_name.to_string_lossy());
            let kind = entry.file_type().map_err(|error| failed(&error))?;
            // A link that leads nowhere is a broken file where its name is that of one.
            let is_folder_link = kind.is_symlink()
                && std::fs::metadata(entry.path()).is_ok_and(|target| target.is_dir());
            if kind.is_dir() || is_folder_link {
                if name.matches('/').count() < depth {
                    let mut linked = linked.clone();
                    if is_folder_link {
                        linked.push(follow(&folder, &entry.path(), &linked)?);
                    }
                    folders.push(Waiting {
                        relative: format!("{name}/"),
                        linked,
                    });
                }
                continue;
            }
            if !glob.matches(&name) {
                continue;
            }
            if file_name.to_str().is_none() {
                return Err(StageError::usage(format!(
                    "the name of the source file `{}` is not UTF-8",
                    entry.path().display()
                ))
                .hint("rename the file, or narrow the pattern `files` of the dataset"));
            }
            if let Some(file) = describe(name, entry.path())? {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// Where a link to a folder leads, unless that is a folder that the way to it went through.
fn follow(folder: &Path, link: &Path, linked: &[PathBuf]) -> Result<PathBuf, StageError> {
    let resolved = std::fs::canonicalize(link)
        .and_then(|target| std::fs::canonicalize(folder).map(|folder| (target, folder)));
    let (target, folder) = resolved.map_err(|error| {
        StageError::from_io(
            format!("cannot follow the symbolic link `{}`", link.display()),
            &error,
        )
        .hint("check that what it leads to is there and that this user may read it")
    })?;
    if folder.starts_with(&target) || linked.iter().any(|above| above.starts_with(&target)) {
        return Err(StageError::usage(format!(
            "the symbolic link `{}` leads back to `{}`, which it is in",
            link.display(),
            target.display()
        ))
        .hint("remove the link, or narrow the pattern `files` of the dataset"));
    }
    Ok(target)
}

/// What is known of a file before it is read, symbolic links followed; nothing for what is not a
/// regular file.
fn describe(name: String, path: PathBuf) -> Result<Option<SourceFile>, StageError> {
    let metadata = std::fs::metadata(&path).map_err(|error| {
        StageError::from_io(
            format!("cannot read the source file `{}`", path.display()),
            &error,
        )
        .hint("check that it is not a broken link and that this user may read it")
    })?;
    if !metadata.is_file() {
        tracing::warn!(path = %path.display(), "left out of the day: it is not a regular file");
        return Ok(None);
    }
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Ok(Some(SourceFile {
        name,
        size_bytes: metadata.len(),
        modified_at: whole_micros(modified.into()),
        origin: Origin::File(path),
    }))
}

/// File systems keep time to different digits; a manifest says the microsecond everywhere.
fn whole_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

impl SourceFile {
    /// Whether the file is still as it was listed.
    pub(crate) async fn is_unchanged(&self, store: &ObjectStore) -> Result<bool, StageError> {
        match &self.origin {
            Origin::File(path) => {
                let (name, path) = (self.name.clone(), path.clone());
                let now = tokio::task::spawn_blocking(move || describe(name, path)).await?;
                // A file that is gone has changed as well.
                Ok(now.is_ok_and(|now| {
                    now.is_some_and(|now| {
                        now.size_bytes == self.size_bytes && now.modified_at == self.modified_at
                    })
                }))
            }
            Origin::Object { address, etag } => {
                match store.head(address).await {
                    Ok(now) => Ok(now
                        .is_some_and(|now| now.etag == *etag && now.size_bytes == self.size_bytes)),
                    Err(StoreError::NotFound { .. }) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// The error for a file that is not what it was when it was listed.
    pub(crate) fn changed(&self) -> StageError {
        StageError::transient(format!("the source file `{}` changed while it was being read", self.origin))
            .hint("run the stage again when the file is complete; deliver files under another name and rename them")
    }
}

#[cfg(test)]
mod tests {
    use lakehouse_contract::{FileGlob, FilePattern};

    use super::{Source, list_folder};

    fn glob(pattern: &str) -> FileGlob {
        let pattern: FilePattern = pattern.parse().unwrap();
        pattern.expand(&"2024-01-15".parse().unwrap())
    }

    fn names(root: &std::path::Path, pattern: &str) -> Vec<String> {
        let mut names: Vec<String> = list_folder(root, &glob(pattern))
            .unwrap()
            .into_iter()
            .map(|file| file.name)
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_folders_that_the_pattern_reaches_are_walked() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["2024-01-15/deep", "2024-01-16", "other/2024-01-15"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in [
            "2024-01-15/a.json",
            "2024-01-15/b.json",
            "2024-01-15/deep/c.json",
            "2024-01-16/a.json",
            "x.json",
        ] {
            std::fs::write(root.path().join(file), file).unwrap();
        }
        assert_eq!(
            names(root.path(), "{date:%Y-%m-%d}/*.json"),
            ["2024-01-15/a.json", "2024-01-15/b.json"]
        );
        assert_eq!(names(root.path(), "*/{date:%Y-%m-%d}/*.json"), [""; 0]);
        assert_eq!(names(root.path(), "*.json"), ["x.json"]);
        assert_eq!(names(root.path(), "*/*/c.json"), ["2024-01-15/deep/c.json"]);
    }

    #[test]
    fn links_to_files_are_followed_and_broken_ones_refused() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        std::fs::write(&target, "x").unwrap();
        std::os::unix::fs::symlink(&target, root.path().join("link.json")).unwrap();
        assert_eq!(names(root.path(), "*.json"), ["link.json"]);
        std::fs::remove_file(&target).unwrap();
        let error = list_folder(root.path(), &glob("*.json")).unwrap_err();
        assert_eq!(error.exit, lakehouse_stage::Exit::Usage);
        assert!(error.message.contains("link.json"), "{error:?}");
    }

    #[test]
    fn links_to_folders_are_followed_and_circles_refused() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(elsewhere.path().join("deep")).unwrap();
        std::fs::write(elsewhere.path().join("a.json"), "a").unwrap();
        std::fs::write(elsewhere.path().join("deep/b.json"), "b").unwrap();
        symlink(elsewhere.path(), root.path().join("2024-01-15")).unwrap();
        assert_eq!(
            names(root.path(), "{date:%Y-%m-%d}/*.json"),
            ["2024-01-15/a.json"]
        );
        assert_eq!(names(root.path(), "*/*.json"), ["2024-01-15/a.json"]);
        assert_eq!(names(root.path(), "*/*/*.json"), ["2024-01-15/deep/b.json"]);
        // Two names of one folder beside each other are no circle.
        symlink(elsewhere.path(), root.path().join("again")).unwrap();
        assert_eq!(
            names(root.path(), "*/*.json"),
            ["2024-01-15/a.json", "again/a.json"]
        );
        // A broken link beside the files is nobody's business.
        symlink("nowhere", root.path().join("broken")).unwrap();
        assert_eq!(names(root.path(), "*/*.json").len(), 2);

        for target in [elsewhere.path().join("deep"), root.path().to_owned()] {
            let link = elsewhere.path().join("deep/back");
            symlink(&target, &link).unwrap();
            let error = list_folder(root.path(), &glob("*/*/*/*.json")).unwrap_err();
            assert_eq!(error.exit, lakehouse_stage::Exit::Usage);
            assert!(error.message.contains("back"), "{error:?}");
            // The pattern does not reach it.
            assert_eq!(names(root.path(), "*/*/*.json").len(), 2);
            std::fs::remove_file(link).unwrap();
        }
    }

    #[test]
    fn sources_that_cannot_be_are_refused() {
        for from in ["http://host/x", "s3://UPPER/x", "/nowhere/at/all"] {
            assert_eq!(
                Source::parse(from).unwrap_err().exit,
                lakehouse_stage::Exit::Usage,
                "{from}"
            );
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Source::parse(file.path().to_str().unwrap()).is_err());
    }
}
