//! A source in the store, and the store itself for tests that look or act behind bronze's back.

use bytes::Bytes;
use lakehouse_store::{Layout, ObjectStore, PutOptions, StoreSettings};

use crate::fixture::{DATE, Shop, write_pipeline};

/// Does something with the shop's store, directly.
pub fn with_store<T>(shop: &Shop, action: impl AsyncFnOnce(ObjectStore, Layout) -> T) -> T {
    let settings = StoreSettings {
        endpoint: Some(shop.server.endpoint()),
        access_key_id: shop.server.access_key_id().into(),
        secret_access_key: shop.server.secret_access_key().into(),
        path_style: true,
        ..StoreSettings::default()
    };
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
    runtime.block_on(async { action(ObjectStore::connect(settings).await.unwrap(), layout).await })
}

/// Puts an object.
pub fn put(shop: &Shop, address: &str, content: &'static [u8]) {
    with_store(shop, async |store, _| {
        let options = PutOptions::default();
        store
            .put_bytes(
                &address.parse().unwrap(),
                Bytes::from_static(content),
                &options,
            )
            .await
            .unwrap();
    });
}

/// The multipart uploads that are under way in bronze.
pub fn uploads(shop: &Shop) -> usize {
    with_store(shop, async |store, _| {
        store.list_multipart_uploads("bronze").await.unwrap().len()
    })
}

/// A shop whose orders come from the store.
fn shop() -> Shop {
    let mut shop = Shop::new();
    let yaml = std::fs::read_to_string(shop.env.path("pipelines/shop/pipeline.yaml")).unwrap();
    write_pipeline(
        &shop.env,
        &yaml.replace("${SHOP_DIR}/orders", "s3://landing/${SHOP_DIR}"),
    );
    shop.env.set("SHOP_DIR", "from shop");
    std::fs::create_dir_all(shop.env.path("from shop/returns")).unwrap();
    shop
}

fn land(shop: &Shop, name: &str, content: Vec<u8>) {
    with_store(shop, async |store, _| {
        let mut settings = store.settings().clone();
        settings.create_buckets = true;
        let store = ObjectStore::connect(settings).await.unwrap();
        store.ensure_bucket("landing").await.unwrap();
        let address = format!("s3://landing/from shop/{DATE}/{name}")
            .parse()
            .unwrap();
        store
            .put_bytes(&address, Bytes::from(content), &PutOptions::default())
            .await
            .unwrap();
    });
}

#[test]
fn a_prefix_of_the_store_is_a_source_like_a_folder() {
    let shop = shop();
    let large = lakehouse_testkit::noise(9, 20 * 1024 * 1024);
    land(&shop, "a.json", b"first".to_vec());
    land(&shop, "empty.json", Vec::new());
    land(&shop, "large.json", large.clone());
    land(&shop, "other.csv", b"not ours".to_vec());
    let report = shop.done(&[]);
    assert_eq!(
        report["datasets"]["orders"]["files_uploaded"], 3,
        "{report}"
    );
    let partition = shop.partition();
    assert_eq!(partition["2024-01-15/a.json"], b"first");
    assert_eq!(partition["2024-01-15/empty.json"], b"");
    assert!(partition["2024-01-15/large.json"] == large);
    let again = shop.done(&[]);
    assert_eq!(again["objects_written"], 0, "{again}");

    land(&shop, "a.json", b"second".to_vec());
    shop.done(&[]);
    assert_eq!(
        shop.partition()[&shop.object_of("2024-01-15/a.json")],
        b"second"
    );
    assert_eq!(shop.partition()["2024-01-15/a.json"], b"first");
}

#[test]
fn a_source_bucket_that_is_missing_is_configuration_and_an_empty_prefix_is_nothing() {
    let shop = shop();
    let missing = shop.bronze(&[]);
    missing.expect_code(2);
    assert!(missing.stderr.contains("landing"), "{missing}");
    land(&shop, "other.csv", b"not ours".to_vec());
    shop.bronze(&[]).expect_code(99);
}
