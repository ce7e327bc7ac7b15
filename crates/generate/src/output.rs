//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::GenerateError;

const BUFFER_BYTES: usize = 1 << 20;

/// A file under a hidden name until it is complete: a bronze stage that looks into the folder
/// meanwhile never takes half of it.
pub(crate) struct OutputFile {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<File>,
    bytes: u64,
}

impl OutputFile {
    pub(crate) fn create(folder: &Path, name: &str) -> Result<Self, GenerateError> {
        let path = folder.join(name);
        let partial = folder.join(format!(".{name}.partial"));
        let file = File::create(&partial).map_err(|source| GenerateError::WriteFile {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            path,
            partial,
            writer: BufWriter::with_capacity(BUFFER_BYTES, file),
            bytes: 0,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), GenerateError> {
        self.bytes += bytes.len() as u64;
        self.writer
            .write_all(bytes)
            .map_err(|source| GenerateError::WriteFile {
                path: self.path.clone(),
                source,
            })
    }

    /// Puts the file under its name, in place of an earlier one. Returns its size.
    pub(crate) fn finish(mut self) -> Result<u64, GenerateError> {
        self.writer
            .flush()
            .and_then(|()| fs::rename(&self.partial, &self.path))
            .map_err(|source| GenerateError::WriteFile {
                path: self.path.clone(),
                source,
            })?;
        self.partial.clear();
        Ok(self.bytes)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.partial.as_os_str().is_empty() {
            // Already failing: what remains is a hidden file that the next call replaces.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

pub(crate) fn create_folder(path: &Path) -> Result<(), GenerateError> {
    fs::create_dir_all(path).map_err(|source| GenerateError::CreateFolder {
        path: path.to_path_buf(),
        source,
    })
}
