//! A hermetic environment for the real executables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Outcome, ProcessGroup, Server, executable};

/// The five places, each in a bucket of its own.
const PLACES: [&str; 5] = ["bronze", "staging", "silver", "quarantine", "gold"];

/// A folder and a set of variables, and nothing else of the machine: what a test forgets to
/// give, the executable does not have.
#[derive(Debug)]
pub struct Env {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl Default for Env {
    fn default() -> Self {
        Self::new()
    }
}

impl Env {
    /// An environment without a store.
    ///
    /// # Panics
    /// When there can be no temporary folder.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lake-test-")
            .tempdir()
            .expect("a temporary folder");
        let mut environment = Self {
            folder,
            variables: BTreeMap::new(),
        };
        for (name, folder) in [
            ("HOME", "home"),
            ("TMPDIR", "tmp"),
            ("LAKE_WORKSPACE_DIR", "workspace"),
            ("LAKE_PIPELINES_DIR", "pipelines"),
        ] {
            let path = environment.path(folder);
            std::fs::create_dir_all(&path).expect("a folder");
            environment.set(name, path.to_string_lossy());
        }
        environment.set("PATH", std::env::var("PATH").unwrap_or_default());
        environment.set("LC_ALL", "C.UTF-8");
        environment
    }

    /// An environment with this store, and the five places in buckets of their own, which stages
    /// may create.
    #[must_use]
    pub fn with_server(server: &Server) -> Self {
        let mut environment = Self::new();
        for (name, value) in server.environment() {
            environment.set(&name, value);
        }
        for place in PLACES {
            environment.set(
                &format!("LAKE_{}_URL", place.to_uppercase()),
                format!("s3://{place}"),
            );
        }
        environment.set("LAKE_CREATE_BUCKETS", "true");
        environment
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.variables.remove(name);
        self
    }

    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A path below the environment's folder.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file below the environment's folder, with the folders that it needs.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// Copies a folder with all below it into the environment.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn copy_folder(&self, source: &Path, relative: &str) -> PathBuf {
        let target = self.path(relative);
        copy(source, &target);
        target
    }

    /// A command of this workspace in this environment: `lake-bronze`, `lake`, …
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        self.command_at(&executable(name))
    }

    /// The same for an executable anywhere.
    #[must_use]
    pub fn command_at(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command of this workspace to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Outcome {
        let mut command = self.command(name);
        command.args(arguments);
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("cannot start `{name}`: {error}"));
        Outcome::new(format!("{name} {}", arguments.join(" ")), &output)
    }

    /// Runs a stage to its end: `stage("bronze", …)` runs `lake-bronze`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn stage(&self, stage: &str, arguments: &[&str]) -> Outcome {
        self.run(&format!("lake-{stage}"), arguments)
    }

    /// Starts a command of this workspace, to be killed or terminated; its output goes to files
    /// `<name>.stdout` and `<name>.stderr` of the environment's folder.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(&self, name: &str, arguments: &[&str]) -> ProcessGroup {
        let file = |extension: &str| {
            std::fs::File::create(self.path(&format!("{name}.{extension}")))
                .expect("a file for output")
        };
        let mut command = self.command(name);
        command
            .args(arguments)
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        ProcessGroup::spawn(&mut command)
    }
}

fn copy(source: &Path, target: &Path) {
    std::fs::create_dir_all(target).expect("a folder");
    for entry in
        std::fs::read_dir(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()))
    {
        let entry = entry.expect("an entry");
        let to = target.join(entry.file_name());
        if entry.file_type().expect("a file type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).expect("a copy");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Env;
    use std::path::Path;

    #[test]
    fn a_command_has_the_given_variables_and_no_others() {
        let mut environment = Env::new();
        environment.set("ONE", "1").set("TWO", "2").remove("TWO");
        let output = environment
            .command_at(Path::new("/usr/bin/env"))
            .output()
            .expect("env");
        let text = String::from_utf8(output.stdout).expect("text");
        let mut names: Vec<&str> = text
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0))
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "HOME",
                "LAKE_PIPELINES_DIR",
                "LAKE_WORKSPACE_DIR",
                "LC_ALL",
                "ONE",
                "PATH",
                "TMPDIR"
            ]
        );
    }

    #[test]
    fn folders_are_copied_whole() {
        let environment = Env::new();
        environment.write("a/b/c.txt", "text");
        let copied = environment.copy_folder(&environment.path("a"), "d");
        assert_eq!(
            std::fs::read_to_string(copied.join("b/c.txt")).expect("a file"),
            "text"
        );
    }
}
