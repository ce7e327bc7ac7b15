//! A day of one dataset in staging, made by hand, right in everything that a test does not change.

use std::collections::BTreeMap;

use bytes::Bytes;
use lakehouse_contract::{Contract, Name, RunDate};
use lakehouse_engine::{Session, SessionOptions};
use lakehouse_stage::quality::{Counts, Example, QualityReport, RuleCount, UnreadableFile};
use lakehouse_store::manifest::{self, Manifest};
use lakehouse_store::{
    Layout, ObjectAddress, ObjectStore, PutOptions, StagedFile, StoreSettings, sha256_of_bytes,
};
use lakehouse_testkit::{Env, Outcome, Server};

pub const RUN: &str = "manual__1";

const PIPELINE: &str = r#"
name: ledger
description: Entries of a ledger.
owner: tests
environment: [LEDGER_DIR]
datasets:
  entries:
    contract: contracts/entries.odcs.yaml
    from: "${LEDGER_DIR}"
    files: "{date:%Y-%m-%d}.csv"
    format: {csv: {delimiter: ","}}
"#;

const CONTRACT: &str = r#"
apiVersion: v3.2.0
kind: DataContract
id: ledger-entries
version: 1.0.0
status: active
schema:
  - name: entries
    logicalType: object
    customProperties:
      - {property: onUnreadableFile, vendor: lakehouse, value: quarantine}
      - {property: maxQuarantined, vendor: lakehouse, value: 50}
    properties:
      - {name: entry, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(18,2)", required: true}
      - {name: note, logicalType: string}
    quality:
      - {name: no_debts, type: sql, query: "select count(*) from {model} where amount < 0", mustBe: 0, severity: error}
      - {name: notes_are_short, type: sql, query: "select max(length(note)) from {model}", mustBeLessThan: 10, severity: warning}
"#;

/// What is staged.
pub struct Staged {
    /// The SELECT of the data file.
    pub data: String,
    /// The rows of the quarantine file.
    pub quarantine_rows: u64,
    /// The quality report.
    pub quality: QualityReport,
    /// Key-values of the data file that are other than they should be.
    pub key_values: Vec<(&'static str, &'static str)>,
    /// Whether the quality report is replaced after the data file has named it.
    pub replace_quality: bool,
}

/// Two rows that keep the contract, of three read.
pub const GOOD: &str = "SELECT * FROM (VALUES ('e1', CAST(1.50 AS DECIMAL(18,2)), 'rent'), ('e2', 2.00, NULL)) AS rows(entry, amount, note)";

impl Default for Staged {
    fn default() -> Self {
        Self {
            data: GOOD.to_owned(),
            quarantine_rows: 1,
            quality: QualityReport {
                pipeline: "ledger".to_owned(),
                dataset: "entries".to_owned(),
                date: "2024-01-15".to_owned(),
                counts: Counts {
                    rows_read: 3,
                    rows_published: 2,
                    rows_quarantined: 1,
                    rows_duplicate: 0,
                },
                files: 1,
                quarantined_by_rule: vec![RuleCount {
                    column: Some("amount".to_owned()),
                    rule: "type".to_owned(),
                    rows: 1,
                    example: Some(Example {
                        source_name: "2024-01-15.csv".to_owned(),
                        position: 4,
                    }),
                }],
                ..QualityReport::default()
            },
            key_values: Vec::new(),
            replace_quality: false,
        }
    }
}

/// The file that could not be read.
pub fn unreadable() -> UnreadableFile {
    UnreadableFile {
        source_name: "2024-01-15-b.csv".to_owned(),
        sha256: "0".repeat(64),
        position: Some(7),
        byte: None,
        reason: "not valid UTF-8".to_owned(),
    }
}

/// A store with a bronze manifest for the day.
pub struct Ledger {
    pub env: Env,
    pub store: ObjectStore,
    pub layout: Layout,
    runtime: tokio::runtime::Runtime,
    _server: Server,
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn date() -> RunDate {
    "2024-01-15".parse().unwrap()
}

impl Ledger {
    /// A day that bronze has not copied.
    pub fn without_manifest() -> Self {
        let server = Server::local_s3();
        let mut env = Env::with_server(&server);
        env.write("pipelines/ledger/pipeline.yaml", PIPELINE);
        env.write("pipelines/ledger/contracts/entries.odcs.yaml", CONTRACT);
        env.set("LEDGER_DIR", "/nowhere");
        let place = |name: &str| format!("s3://{name}").parse().unwrap();
        let layout = Layout::new(
            place("bronze"),
            place("staging"),
            place("silver"),
            place("quarantine"),
            place("gold"),
        )
        .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let settings = StoreSettings {
            endpoint: Some(server.endpoint()),
            access_key_id: server.access_key_id().into(),
            secret_access_key: server.secret_access_key().into(),
            path_style: true,
            create_buckets: true,
            ..StoreSettings::default()
        };
        let store = runtime.block_on(async {
            let store = ObjectStore::connect(settings).await.unwrap();
            for bucket in layout.buckets() {
                store.ensure_bucket(bucket).await.unwrap();
            }
            store
        });
        Self {
            env,
            store,
            layout,
            runtime,
            _server: server,
        }
    }

    /// A day that bronze has copied.
    pub fn new() -> Self {
        let ledger = Self::without_manifest();
        let (pipeline, dataset) = (name("ledger"), name("entries"));
        let address = ledger.layout.bronze_manifest(&pipeline, &dataset, &date());
        let text = Manifest::new(&pipeline, &dataset, &date());
        ledger
            .runtime
            .block_on(manifest::save(&ledger.store, &address, &text, None))
            .unwrap();
        ledger
    }

    /// Puts the three objects of the dataset where silver would.
    pub fn stage(&self, staged: &Staged) {
        let session = Session::open(&SessionOptions {
            workspace: self.env.path("tmp"),
            memory_limit_bytes: 64 << 20,
            threads: 1,
            pseudonym_key: None,
        })
        .unwrap();
        let write = |file: &str, select: &str, key_values: &BTreeMap<String, String>| {
            let path = self.env.path(&format!("tmp/{file}"));
            session.write_parquet(select, &path, key_values).unwrap();
            std::fs::read(path).unwrap()
        };
        let quarantine = write(
            "quarantine.parquet",
            &format!(
                "SELECT 'a.csv' AS source_name, range AS position FROM range({})",
                staged.quarantine_rows
            ),
            &BTreeMap::new(),
        );
        let mut quality = serde_json::to_vec(&staged.quality).unwrap();
        let contract = Contract::parse(CONTRACT).unwrap();
        let names = [
            (
                "quarantine",
                format!("{}.parquet", sha256_of_bytes(&quarantine)),
            ),
            ("quality", format!("{}.json", sha256_of_bytes(&quality))),
        ];
        let mut key_values: BTreeMap<String, String> = [
            ("lake.pipeline", "ledger"),
            ("lake.dataset", "entries"),
            ("lake.date", "2024-01-15"),
            ("lake.contract_sha256", contract.sha256.as_str()),
        ]
        .into_iter()
        .chain(names.iter().map(|(name, value)| {
            let key = if *name == "quality" {
                "lake.quality"
            } else {
                "lake.quarantine"
            };
            (key, value.as_str())
        }))
        .chain(staged.key_values.iter().copied())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        key_values.insert("lake.engine".to_owned(), lakehouse_engine::version());
        let data = write("data.parquet", &staged.data, &key_values);
        if staged.replace_quality {
            quality.push(b'\n');
        }
        let metadata: BTreeMap<String, String> = names
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        self.put(
            &self.staged(StagedFile::Quarantine),
            quarantine,
            BTreeMap::new(),
        );
        self.put(&self.staged(StagedFile::Quality), quality, BTreeMap::new());
        self.put(&self.staged(StagedFile::Data), data, metadata);
    }

    /// Where silver stages a file of the dataset.
    pub fn staged(&self, file: StagedFile) -> ObjectAddress {
        self.layout
            .staged_object(&name("ledger"), &date(), RUN, &name("entries"), file)
    }

    pub fn put(&self, address: &ObjectAddress, bytes: Vec<u8>, metadata: BTreeMap<String, String>) {
        let options = PutOptions {
            metadata,
            ..PutOptions::default()
        };
        self.runtime
            .block_on(self.store.put_bytes(address, Bytes::from(bytes), &options))
            .unwrap();
    }

    pub fn delete(&self, address: &ObjectAddress) {
        self.runtime.block_on(self.store.delete(address)).unwrap();
    }

    /// The bytes of an object, if it exists.
    pub fn get(&self, address: &ObjectAddress) -> Option<Vec<u8>> {
        self.runtime
            .block_on(self.store.get_bytes(address))
            .unwrap()
            .map(|(_, bytes)| bytes.to_vec())
    }

    /// The names of all objects of a place.
    pub fn list(&self, place: &lakehouse_store::Location) -> Vec<String> {
        self.runtime
            .block_on(self.store.list(place))
            .unwrap()
            .into_iter()
            .map(|object| object.address.key)
            .collect()
    }

    /// Where check publishes the dataset.
    pub fn published(&self) -> ObjectAddress {
        self.layout
            .silver_data(&name("ledger"), &name("entries"), &date())
    }

    pub fn check(&self) -> Outcome {
        self.env.stage(
            "check",
            &[
                "--pipeline",
                "ledger",
                "--date",
                "2024-01-15",
                "--run-id",
                RUN,
            ],
        )
    }

    /// Stages this, and check must refuse it, saying all of these words, with its evidence kept
    /// and nothing published.
    #[track_caller]
    pub fn refuses(&self, staged: &Staged, words: &[&str]) {
        self.stage(staged);
        let outcome = self.check();
        outcome.expect_code(1);
        for word in words.iter().chain(&["nothing was published", "/refused/"]) {
            assert!(outcome.stderr.contains(word), "no `{word}` in {outcome}");
        }
        assert_eq!(self.list(&self.layout.silver), Vec::<String>::new());
        let evidence = self.list(&self.layout.quarantine);
        assert_eq!(evidence.len(), 2, "{evidence:?}");
        assert!(
            evidence.iter().all(|key| key.contains("/refused/")),
            "{evidence:?}"
        );
        let entry = &outcome.report()["datasets"]["entries"];
        assert_eq!(entry["accepted"], false);
        assert_eq!(entry["outcome"], "refused");
        assert!(!entry["failures"].as_array().unwrap().is_empty(), "{entry}");
    }
}
