//! A lake with what runs leave behind, made by hand.

use std::collections::BTreeMap;

use bytes::Bytes;
use lakehouse_contract::{Name, RunDate};
use lakehouse_store::{Layout, ObjectAddress, ObjectInfo, ObjectStore, PutOptions, StoreSettings};
use lakehouse_testkit::{Env, Outcome, Server};

pub const RUN: &str = "manual__2024-01-15T00:00:00+00:00";

pub struct Lake {
    pub server: Server,
    pub env: Env,
    pub runtime: tokio::runtime::Runtime,
    pub store: ObjectStore,
    pub layout: Layout,
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn date() -> RunDate {
    "2024-01-15".parse().unwrap()
}

impl Lake {
    pub fn new() -> Self {
        let server = Server::local_s3();
        let env = Env::with_server(&server);
        // Only the folder counts: a pipeline whose text is broken is cleaned as well.
        env.write("pipelines/shop/pipeline.yaml", "this: is broken");
        let place = |name: &str| format!("s3://{name}").parse().unwrap();
        let layout = Layout::new(
            place("bronze"),
            place("staging"),
            place("silver"),
            place("quarantine"),
            place("gold"),
        )
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
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
            server,
            env,
            runtime,
            store,
            layout,
        }
    }

    pub fn put(&self, address: &ObjectAddress) {
        self.put_with(address, &[]);
    }

    pub fn put_with(&self, address: &ObjectAddress, metadata: &[(&str, &str)]) {
        let metadata: BTreeMap<String, String> = metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let options = PutOptions {
            metadata,
            ..PutOptions::default()
        };
        let put = self
            .store
            .put_bytes(address, Bytes::from_static(b"content"), &options);
        self.runtime.block_on(put).unwrap();
    }

    /// Puts an object at an address given as text.
    pub fn put_at(&self, address: &str) {
        self.put(&address.parse().unwrap());
    }

    /// Starts an upload as a process does that is then killed: the store keeps its parts.
    pub fn begin_upload(&self, address: &ObjectAddress) {
        let faulty = lakehouse_testkit::FaultyStore::in_front_of(self.server.socket_address());
        faulty.queue_for(
            "POST",
            "uploadId=",
            lakehouse_testkit::Fault::Status(403, "AccessDenied"),
        );
        faulty.always_for(
            "DELETE",
            "uploadId=",
            lakehouse_testkit::Fault::Status(403, "AccessDenied"),
        );
        let mut settings = self.store.settings().clone();
        settings.endpoint = Some(faulty.endpoint());
        self.runtime.block_on(async {
            let store = ObjectStore::connect(settings).await.unwrap();
            let file = self.env.write("large", vec![0; 9 * 1024 * 1024]);
            store
                .put_file(address, &file, &PutOptions::default())
                .await
                .unwrap_err();
        });
    }

    pub fn uploads(&self) -> usize {
        self.runtime.block_on(async {
            let mut uploads = 0;
            for bucket in self.layout.buckets() {
                uploads += self
                    .store
                    .list_multipart_uploads(bucket)
                    .await
                    .unwrap()
                    .len();
            }
            uploads
        })
    }

    /// All that is in the five places.
    pub fn all(&self) -> Vec<String> {
        self.runtime.block_on(async {
            let mut all: Vec<ObjectInfo> = Vec::new();
            for (_, location) in self.layout.places() {
                all.extend(self.store.list(location).await.unwrap());
            }
            all.iter()
                .map(|object| object.address.to_string())
                .collect()
        })
    }

    pub fn cleanup(&self, arguments: &[&str]) -> Outcome {
        self.env.stage("cleanup", arguments)
    }

    /// Cleans one run.
    pub fn cleanup_run(&self, more: &[&str]) -> Outcome {
        let mut arguments = vec![
            "--pipeline",
            "shop",
            "--date",
            "2024-01-15",
            "--run-id",
            RUN,
        ];
        arguments.extend(more);
        self.cleanup(&arguments)
    }
}
