//! What is configured wrongly ends with 2, before any data is touched, and says what to do.

use lakehouse_testkit::Outcome;

use crate::fixture::{Shop, write_pipeline};

#[track_caller]
fn refused(shop: &Shop, outcome: &Outcome, said: &[&str]) {
    outcome.expect_code(2);
    let report = outcome.report();
    assert_eq!(report["outcome"], "usage");
    for text in said {
        assert!(
            outcome.stderr.contains(text),
            "`{text}` is not in {outcome}"
        );
    }
    assert!(outcome.stderr.contains("\nhint: "), "no hint in {outcome}");
    assert!(shop.partition().is_empty(), "{outcome}");
    assert!(shop.workspaces().is_empty(), "{:?}", shop.workspaces());
}

#[test]
fn an_unknown_pipeline_lists_those_that_exist() {
    let shop = Shop::with_day();
    let outcome = shop
        .env
        .stage("bronze", &["--pipeline", "shep", "--date", "2024-01-15"]);
    refused(
        &shop,
        &outcome,
        &["error: there is no pipeline `shep`", "holds `shop`"],
    );
}

#[test]
fn an_unknown_dataset_lists_those_that_exist() {
    let shop = Shop::with_day();
    let outcome = shop.env.stage(
        "bronze",
        &[
            "--pipeline",
            "shop",
            "--date",
            "2024-01-15",
            "--dataset",
            "order",
        ],
    );
    refused(
        &shop,
        &outcome,
        &["no dataset `order`", "`orders`, `returns`"],
    );
}

#[test]
fn missing_credentials_name_the_variable_and_the_connection() {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let mut shop = Shop::with_day();
        shop.env.set(name, "");
        refused(
            &shop,
            &shop.bronze(&[]),
            &[&format!("`{name}` is not set"), "minio_default"],
        );
    }
}

#[test]
fn wrong_credentials_are_refused_and_not_shown() {
    let mut shop = Shop::with_day();
    shop.env
        .set("AWS_SECRET_ACCESS_KEY", "unmistakable-canary-secret")
        .set("LAKE_LOG", "trace");
    let outcome = shop.bronze(&[]);
    refused(
        &shop,
        &outcome,
        &["credentials", "AWS_ACCESS_KEY_ID", "minio_default"],
    );
    assert!(
        !outcome.to_string().contains("unmistakable-canary-secret"),
        "{outcome}"
    );
}

#[test]
fn a_missing_bucket_is_refused_unless_it_may_be_made() {
    let mut shop = Shop::with_day();
    shop.env.remove("LAKE_CREATE_BUCKETS");
    refused(&shop, &shop.bronze(&[]), &["bucket", "LAKE_CREATE_BUCKETS"]);
    shop.env.set("LAKE_CREATE_BUCKETS", "true");
    shop.done(&[]);
}

#[test]
fn variables_that_make_no_sense_are_named() {
    for (name, value) in [
        ("LAKE_BRONZE_URL", "file:///tmp"),
        ("LAKE_STAGING_URL", "s3://bronze/inside"),
        ("LAKE_MEMORY_LIMIT", "plenty"),
        ("LAKE_THREADS", "0"),
        ("LAKE_S3_PATH_STYLE", "perhaps"),
        ("LAKE_S3_READ_TIMEOUT_SECS", "soon"),
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000"),
        ("AWS_MAX_ATTEMPTS", "-1"),
    ] {
        let mut shop = Shop::with_day();
        shop.env.set(name, value);
        if name == "LAKE_STAGING_URL" {
            shop.env.set("LAKE_BRONZE_URL", "s3://bronze");
            let outcome = shop.bronze(&[]);
            outcome.expect_code(2);
            assert!(outcome.stderr.contains("is inside"), "{outcome}");
        } else {
            refused(&shop, &shop.bronze(&[]), &[name]);
        }
    }
}

#[test]
fn a_pipeline_or_contract_that_is_wrong_names_the_file() {
    let shop = Shop::with_day();
    let yaml = std::fs::read_to_string(shop.env.path("pipelines/shop/pipeline.yaml")).unwrap();
    for (wrong, said) in [
        (yaml.replace("owner:", "owenr:"), "owenr"),
        (yaml.replace("name: shop", "name: sheep"), "`sheep`"),
        (
            yaml.replace("contracts/orders", "contracts/other"),
            "other.odcs.yaml",
        ),
        (
            yaml.replace("contracts/orders", "../orders"),
            "pipeline.yaml",
        ),
        (
            yaml.replace("environment: [SHOP_DIR]", "environment: []"),
            "SHOP_DIR",
        ),
    ] {
        write_pipeline(&shop.env, &wrong);
        refused(&shop, &shop.bronze(&[]), &[said, "pipelines/shop"]);
    }
    write_pipeline(&shop.env, &yaml);
    let contract =
        std::fs::read_to_string(shop.env.path("pipelines/shop/contracts/orders.odcs.yaml"))
            .unwrap();
    shop.env.write(
        "pipelines/shop/contracts/orders.odcs.yaml",
        contract.replace("required", "requird"),
    );
    refused(
        &shop,
        &shop.bronze(&[]),
        &["requird", "contracts/orders.odcs.yaml"],
    );
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let mut shop = Shop::with_day();
    shop.env.set("SHOP_DIR", "");
    refused(&shop, &shop.bronze(&[]), &["SHOP_DIR"]);
    let nowhere = shop.env.path("nowhere");
    shop.env.set("SHOP_DIR", nowhere.to_string_lossy());
    refused(
        &shop,
        &shop.bronze(&[]),
        &["nowhere/orders", "source folder"],
    );
    shop.env.set("SHOP_DIR", "gs://bucket");
    refused(&shop, &shop.bronze(&[]), &["gs://", "not supported yet"]);
}

#[test]
fn a_source_file_that_cannot_be_copied_is_named() {
    let shop = Shop::with_day();
    let yaml = std::fs::read_to_string(shop.env.path("pipelines/shop/pipeline.yaml")).unwrap();
    write_pipeline(&shop.env, &yaml.replace("{date:%Y-%m-%d}/*.json", "*.json"));
    shop.env.write("source/orders/_manifest.json", "{}");
    refused(&shop, &shop.bronze(&[]), &["_manifest.json"]);
    std::fs::remove_file(shop.env.path("source/orders/_manifest.json")).unwrap();
    std::os::unix::fs::symlink(
        "/nowhere/at/all",
        shop.env.path("source/orders/broken.json"),
    )
    .unwrap();
    refused(&shop, &shop.bronze(&[]), &["broken.json"]);
}

#[test]
fn a_workspace_that_cannot_be_made_is_named() {
    let mut shop = Shop::with_day();
    let file = shop.env.write("a-file", "");
    shop.env
        .set("LAKE_WORKSPACE_DIR", file.join("below").to_string_lossy());
    refused(&shop, &shop.bronze(&[]), &["LAKE_WORKSPACE_DIR"]);
}
