//! Where the real executables are.

use std::path::{Path, PathBuf};

/// The path of an executable of this workspace, such as `lake-bronze`.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn executable(name: &str) -> PathBuf {
    find_executable(name).unwrap_or_else(|| {
        panic!("`{name}` is not built: run `cargo build --release -p {name}` (or set LAKE_BIN_DIR) first")
    })
}

/// The same, when it has been built: in `LAKE_BIN_DIR`, beside the test executable or one folder
/// above it, or in the build folder that `CARGO_TARGET_DIR` names.
#[must_use]
pub fn find_executable(name: &str) -> Option<PathBuf> {
    let configured = std::env::var_os("LAKE_BIN_DIR").map(PathBuf::from);
    let test = std::env::current_exe().ok();
    let beside = test.as_deref().and_then(Path::parent).map(Path::to_owned);
    let above = beside.as_deref().and_then(Path::parent).map(Path::to_owned);
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map(|folder| PathBuf::from(folder).join("release"));
    [configured, beside, above, target]
        .into_iter()
        .flatten()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
