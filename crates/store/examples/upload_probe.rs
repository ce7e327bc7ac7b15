//! A process that uploads one file several times at once, and writes down the most memory that it
//! had: `tests/memory.rs` starts it.

use lakehouse_store::{ObjectAddress, ObjectStore, PutOptions, Secret, StoreSettings};
use lakehouse_testkit::resident_bytes;

fn main() {
    let at_once: u64 = std::env::args()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("how many uploads at once");
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let folder = std::path::PathBuf::from(variable("MEASURED_FOLDER"));
    let settings = StoreSettings {
        endpoint: Some(variable("MEASURED_ENDPOINT")),
        access_key_id: Secret::new(variable("MEASURED_KEY")),
        secret_access_key: Secret::new(variable("MEASURED_SECRET")),
        path_style: true,
        create_buckets: true,
        ..StoreSettings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = ObjectStore::connect(settings)
            .await
            .expect("settings that work");
        store.ensure_bucket("memory").await.expect("a bucket");
        let uploads = (0..at_once).map(|number| {
            let (store, path) = (store.clone(), folder.join("file"));
            tokio::spawn(async move {
                let address = ObjectAddress {
                    bucket: "memory".into(),
                    key: format!("file-{number}"),
                };
                store
                    .put_file(&address, &path, &PutOptions::default())
                    .await
                    .expect("a write");
                store.delete(&address).await.expect("a delete");
            })
        });
        for upload in uploads.collect::<Vec<_>>() {
            upload.await.expect("no panic");
        }
    });
    let peak = resident_bytes(std::process::id()).expect("resident memory");
    std::fs::write(folder.join("peak"), peak.to_string()).expect("a file");
}
