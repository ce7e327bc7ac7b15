//! A lake: a real server, a hermetic environment, and the real executables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lakehouse_testkit::{Env, Outcome, Server};
use serde_json::Value;

use crate::Objects;

/// The places whose objects are what a pipeline has made.
const PUBLISHED: [&str; 3] = ["silver", "quarantine", "gold"];

/// A key of pseudonyms for tests.
const PSEUDONYM_KEY: &str = "a key for tests, and for nothing else at all";

/// The folder of the repository, from the folder that cargo runs tests in. A path from the build
/// would be that of another checkout where two share a build folder.
#[must_use]
pub fn repository() -> PathBuf {
    std::path::absolute("..").expect("a current folder")
}

/// An environment that uses a server, and what is in the server's store.
pub struct Lake {
    /// The environment of every executable.
    pub env: Env,
    /// The store.
    pub objects: Objects,
    /// The server, where the lake has one of its own.
    pub server: Option<Server>,
    /// What is put before every key.
    prefix: String,
}

impl Lake {
    /// A lake on a server of its own.
    #[must_use]
    pub fn on(server: Server) -> Self {
        let mut lake = Self::beside(&server, "");
        lake.server = Some(server);
        lake
    }

    /// A lake on an embedded server of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Server::local_s3())
    }

    /// A lake that shares a server with others: `prefix` keeps them apart.
    #[must_use]
    pub fn beside(server: &Server, prefix: &str) -> Self {
        let mut env = Env::with_server(server);
        env.set("LAKE_PSEUDONYM_KEY", PSEUDONYM_KEY);
        env.set("LAKE_LOG_FORMAT", "text");
        for place in ["bronze", "staging", "silver", "quarantine", "gold"] {
            let url = format!("s3://{place}/{prefix}");
            env.set(
                &format!("LAKE_{}_URL", place.to_uppercase()),
                url.trim_end_matches('/'),
            );
        }
        Self {
            env,
            objects: Objects::of(server),
            server: None,
            prefix: prefix.to_owned(),
        }
    }

    /// Copies one of the repository's pipelines into this lake.
    pub fn add_pipeline(&self, name: &str) {
        self.env.copy_folder(
            &repository().join("pipelines").join(name),
            &format!("pipelines/{name}"),
        );
    }

    /// Runs `lake` with these arguments.
    pub fn lake(&self, arguments: &[&str]) -> Outcome {
        self.env.run("lake", arguments)
    }

    /// Runs a day to its end; it must be done.
    #[track_caller]
    pub fn run_day(&self, pipeline: &str, date: &str) -> Value {
        let outcome = self.lake(&["run", pipeline, "--from", date]);
        outcome.expect_code(0);
        outcome.report()
    }

    /// Runs one stage of a day.
    pub fn stage(&self, stage: &str, pipeline: &str, date: &str, more: &[&str]) -> Outcome {
        let mut arguments = vec!["--pipeline", pipeline, "--date", date];
        arguments.extend(["--run-id", "manual__1"]);
        arguments.extend(more);
        self.env.stage(stage, &arguments)
    }

    /// The full name of an object, as [`Objects`] wants it.
    #[must_use]
    pub fn place(&self, place: &str, key: &str) -> String {
        if self.prefix.is_empty() {
            format!("{place}/{key}")
        } else {
            format!("{place}/{}/{key}", self.prefix)
        }
    }

    /// Key (without the lake's prefix) and ETag of every object in a place.
    #[must_use]
    pub fn list(&self, place: &str) -> BTreeMap<String, String> {
        let skipped = self.place(place, "").len();
        self.objects
            .list(self.place(place, "").trim_end_matches('/'))
            .into_iter()
            .map(|(key, etag)| (key[skipped..].to_owned(), etag))
            .collect()
    }

    /// Name and ETag of every object of the store.
    #[must_use]
    pub fn everything(&self) -> BTreeMap<String, String> {
        ["bronze", "staging", "silver", "quarantine", "gold"]
            .iter()
            .flat_map(|place| {
                self.list(place)
                    .into_iter()
                    .map(move |(key, etag)| (format!("{place}/{key}"), etag))
            })
            .collect()
    }

    /// The same without run reports, which each stage keeps of itself, also when it fails.
    #[must_use]
    pub fn data(&self) -> BTreeMap<String, String> {
        let mut everything = self.everything();
        everything.retain(|key, _| !key.starts_with("staging/_reports/"));
        everything
    }

    /// Name and bytes of everything that was published, quarantine and reports included.
    #[must_use]
    pub fn published(&self) -> BTreeMap<String, Vec<u8>> {
        PUBLISHED
            .iter()
            .flat_map(|place| {
                self.list(place).into_keys().map(move |key| {
                    let bytes = self.objects.get(&self.place(place, &key)).expect("listed");
                    (format!("{place}/{key}"), bytes)
                })
            })
            .collect()
    }

    /// What is left in the folder of workspaces.
    #[must_use]
    pub fn workspaces(&self) -> Vec<String> {
        std::fs::read_dir(self.env.path("workspace"))
            .into_iter()
            .flatten()
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    }

    /// Writes the sample sales of a day and says where the pipeline finds them.
    pub fn generate_sales(&mut self, date: &str, rows: u64, more: &[&str]) {
        let rows = rows.to_string();
        let mut arguments = vec!["sales", "--date", date, "--rows", &rows];
        arguments.extend(["--output", "sales"]);
        arguments.extend(more);
        self.env.run("lake-generate", &arguments).expect_code(0);
        let folder = self.env.path("sales");
        self.env
            .set("LAKE_SALES_DIR", folder.to_string_lossy().into_owned());
    }
}

impl Default for Lake {
    fn default() -> Self {
        Self::new()
    }
}

/// What a failed executable says of it: message, causes and hint, in that order. All three must
/// be told to the person on standard error as well.
///
/// # Panics
/// When there is no error in the report, or no hint.
#[must_use]
#[track_caller]
pub fn error_of(outcome: &Outcome) -> String {
    let report = outcome.report();
    let failure = &report["failures"][0]["error"];
    let text = if failure.is_null() {
        let error = &report["error"];
        let hint = error["hint"].as_str();
        assert!(
            hint.is_some_and(|hint| !hint.is_empty()),
            "no hint in {outcome}"
        );
        let mut lines = vec![error["message"].as_str().unwrap_or_default()];
        for cause in error["causes"].as_array().into_iter().flatten() {
            lines.push(cause.as_str().unwrap_or_default());
        }
        lines.push(hint.unwrap_or_default());
        for line in lines.iter().flat_map(|line| line.lines()) {
            assert!(
                outcome.stderr.contains(line.trim()),
                "`{line}` is not on standard error of {outcome}"
            );
        }
        lines.join("\n")
    } else {
        failure.as_str().unwrap_or_default().to_owned()
    };
    assert!(!text.is_empty(), "no error in {outcome}");
    text
}
