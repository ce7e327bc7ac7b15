//! What is wrong before any data is touched: exit 2, a message that says where and what to do,
//! and a store that is as it was.

use std::time::{Duration, Instant};

use lakehouse_testkit::{Fault, FaultyStore, Outcome, Server, ServerCertificate, TlsStore};
use lakehouse_tests::{DATE, Lake, error_of, receipt, till};

/// A lake with a published day, and a second file waiting that only a good run may pick up.
fn lake() -> Lake {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    lake.env
        .write(&format!("till/{DATE}/one.jsonl"), receipt(1, "a", "1.00"));
    lake.run_day("till", DATE);
    lake.env
        .write(&format!("till/{DATE}/two.jsonl"), receipt(2, "a", "2.00"));
    lake
}

/// The outcome of what must be refused: exit 2, these words, a hint, nothing written.
#[track_caller]
fn refuses(lake: &Lake, what: &str, words: &[&str], run: impl Fn() -> Outcome) {
    let before = lake.data();
    let outcome = run();
    outcome.expect_code(2);
    let error = error_of(&outcome);
    for word in words {
        assert!(error.contains(word), "{what}: no `{word}` in\n{error}");
    }
    assert_eq!(lake.data(), before, "{what}");
}

/// The same for `lake run` and for the stage that would be the first to meet it.
#[track_caller]
fn refuses_everywhere(lake: &Lake, stage: &str, what: &str, words: &[&str]) {
    refuses(lake, what, words, || {
        lake.lake(&["run", "till", "--from", DATE])
    });
    refuses(lake, what, words, || lake.stage(stage, "till", DATE, &[]));
    let validated = lake.lake(&["validate", "till"]);
    validated.expect_code(2);
    assert!(
        words
            .iter()
            .all(|word| validated.stderr.contains(word) || validated.stdout.contains(word)),
        "{what}: {validated}"
    );
}

#[test]
fn a_broken_contract_is_refused_before_any_data_is_touched() {
    let mut lake = lake();
    let amount =
        "{name: amount, logicalType: number, physicalType: \"DECIMAL(18,2)\", required: true}";
    let with_client = |column: &str| {
        format!(
            "{amount}\n      - name: client\n        logicalType: string\n        classification: confidential\n        \
             transformLogic: left(client, 1)\n      - name: contact\n        logicalType: string\n        {column}"
        )
    };
    let by_path =
        with_client("customProperties: [{property: sourcePath, vendor: lakehouse, value: client}]");
    let by_name = with_client("transformLogic: lower(client)");
    let by_text = with_client("transformLogic: source.\"client\"");
    let cases: [(&str, (&str, &str), &[&str]); 8] = [
        (
            "an unknown key",
            ("version: 1.0.0", "version: 1.0.0\nretention: 3"),
            &["receipts.odcs.yaml", "`retention`"],
        ),
        (
            "a misspelt type",
            ("logicalType: number", "logicalType: numbr"),
            &["receipts.odcs.yaml", "`numbr`", "amount", "number"],
        ),
        (
            "SQL that does not parse",
            ("upper(till)", "upper(till"),
            &["till", "transformLogic"],
        ),
        (
            "SQL that does not bind",
            ("upper(till)", "uper(till)"),
            &["`till`", "uper"],
        ),
        (
            "a transform of another type",
            ("upper(till)", "length(till)"),
            &["`till`", "BIGINT", "VARCHAR"],
        ),
        (
            "a classified source field by its path",
            (amount, &by_path),
            &["client", "contact"],
        ),
        (
            "a classified source field by its column",
            (amount, &by_name),
            &["client", "contact"],
        ),
        (
            "a classified source field by its text",
            (amount, &by_text),
            &["client", "contact"],
        ),
    ];
    for (what, replacement, words) in cases {
        till(&mut lake, &[replacement]);
        refuses_everywhere(&lake, "silver", what, words);
    }
}

#[test]
fn a_contract_that_does_not_bind_ends_silver_while_files_are_on_their_way() {
    let mut lake = lake();
    let server = lake.server.as_ref().expect("a server of its own");
    let faulty = FaultyStore::in_front_of(server.socket_address());
    lake.env.set("AWS_ENDPOINT_URL", faulty.endpoint());
    till(&mut lake, &[("upper(till)", "uper(till)")]);
    // They come when the test is over.
    faulty.always_for("GET", "one.jsonl", Fault::Hold);
    let start = Instant::now();
    refuses(&lake, "a slow download", &["`till`", "uper"], || {
        lake.stage("silver", "till", DATE, &[])
    });
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert!(
        faulty
            .take_requests()
            .iter()
            .any(|seen| seen.target.contains("one.jsonl")),
        "the file was not asked for"
    );
}

#[test]
fn a_broken_mart_is_refused_before_any_data_is_touched() {
    let mut lake = lake();
    let reading = |from: &str| format!("select till, count(*) as n from {from} group by till\n");
    let calling = |call: &str| {
        format!("select till, min({call}) as stolen from silver.receipts group by till\n")
    };
    let cases: [(&str, String, &[&str]); 8] = [
        (
            "SQL that does not parse",
            "selekt 1\n".to_owned(),
            &["per_till"],
        ),
        (
            "SQL that does not bind",
            calling("tilll"),
            &["per_till", "tilll"],
        ),
        (
            "a table that is not declared",
            reading("silver.returns"),
            &["per_till", "silver.returns"],
        ),
        (
            "the environment",
            calling("getenv('AWS_SECRET_ACCESS_KEY')"),
            &["per_till", "getenv"],
        ),
        (
            "a file's text",
            "select content as till from read_text('/proc/self/environ')\n".to_owned(),
            &["per_till", "read_text"],
        ),
        (
            "a CSV file",
            "select * from read_csv('/etc/passwd')\n".to_owned(),
            &["per_till", "read_csv"],
        ),
        (
            "a file as a table",
            reading("'/etc/passwd.csv'"),
            &["per_till", "/etc/passwd.csv"],
        ),
        (
            "more than one statement",
            "select till from silver.receipts; drop table silver.receipts\n".to_owned(),
            &["per_till"],
        ),
    ];
    for (what, sql, words) in cases {
        lake.env.write("pipelines/till/marts/per_till.sql", sql);
        refuses_everywhere(&lake, "gold", what, words);
    }

    let declared =
        "  per_till: {reads: {silver.receipts: day}, grain: [till], formats: [parquet, csv]}\n";
    let cycle = "  per_till: {reads: {gold.other: day}, grain: [till]}\n  \
                 other: {reads: {gold.per_till: day}, grain: [till]}\n";
    till(&mut lake, &[(declared, cycle)]);
    lake.env.write(
        "pipelines/till/marts/per_till.sql",
        "select till from gold.other\n",
    );
    lake.env.write(
        "pipelines/till/marts/other.sql",
        "select till from gold.per_till\n",
    );
    refuses_everywhere(&lake, "gold", "a cycle", &["`per_till`", "`other`"]);
}

#[test]
fn wrong_arguments_and_variables_are_refused() {
    let mut lake = lake();
    for date in ["2024-02-30", "2024-13-01", "2024-3-1", "01.03.2024", ""] {
        let before = lake.data();
        for outcome in [
            lake.lake(&["run", "till", "--from", date]),
            lake.stage("bronze", "till", date, &[]),
        ] {
            outcome.expect_code(2);
            assert!(outcome.stderr.contains("YYYY-MM-DD"), "{outcome}");
            assert!(!outcome.stderr.contains("panicked"), "{outcome}");
        }
        assert_eq!(lake.data(), before);
    }
    refuses(&lake, "an unknown pipeline", &["`tills`"], || {
        lake.lake(&["run", "tills", "--from", DATE])
    });
    for (variable, word) in [
        ("AWS_ACCESS_KEY_ID", "minio_default"),
        ("AWS_SECRET_ACCESS_KEY", "minio_default"),
        ("TILL_DIR", "TILL_DIR"),
    ] {
        let value = lake.env.get(variable).unwrap().to_owned();
        lake.env.remove(variable);
        refuses(&lake, variable, &[variable, word], || {
            lake.lake(&["run", "till", "--from", DATE])
        });
        lake.env.set(variable, value);
    }
    let secret = lake.env.get("AWS_SECRET_ACCESS_KEY").unwrap().to_owned();
    lake.env
        .set("AWS_SECRET_ACCESS_KEY", "not-the-secret-at-all");
    for stage in ["bronze", "silver", "check", "gold", "cleanup"] {
        refuses(&lake, "wrong credentials", &["AWS_"], || {
            lake.stage(stage, "till", DATE, &[])
        });
    }
    lake.env.set("AWS_SECRET_ACCESS_KEY", secret);
    // All is well again, and the second file is picked up.
    assert_eq!(lake.run_day("till", DATE)["rows_published"], 2);
}

#[test]
fn settings_of_the_store_that_cannot_work_are_refused_before_anything_is_sent() {
    let mut lake = lake();
    lake.env.set("LAKE_CREATE_BUCKETS", "true");
    let endpoint = lake.env.get("AWS_ENDPOINT_URL").unwrap().to_owned();
    let key = lake.env.get("AWS_SECRET_ACCESS_KEY").unwrap().to_owned();
    let at = |rest: &str| format!("{endpoint}{rest}");
    let buckets = |lake: &Lake| {
        let folder = lake
            .server
            .as_ref()
            .expect("a server of its own")
            .data_dir();
        std::fs::read_dir(folder).expect("a folder").count()
    };
    let before = buckets(&lake);
    let cases: [(&str, String, &[&str]); 14] = [
        ("AWS_ACCESS_KEY_ID", "lake\n".to_owned(), &["line end"]),
        ("AWS_SECRET_ACCESS_KEY", format!("{key}\n"), &["line end"]),
        ("AWS_SECRET_ACCESS_KEY", format!("{key}\r\n"), &["line end"]),
        ("AWS_SESSION_TOKEN", "to\u{1}ken".to_owned(), &["control"]),
        ("AWS_REGION", "eu-west-3\n".to_owned(), &["line end"]),
        (
            "AWS_REGION",
            "EU (Paris)".to_owned(),
            &["blank", "eu-west-3"],
        ),
        ("AWS_ENDPOINT_URL", at("\n"), &["line end"]),
        (
            "AWS_ENDPOINT_URL",
            at("/bronze"),
            &["`/bronze`", "LAKE_BRONZE_URL"],
        ),
        ("AWS_ENDPOINT_URL", at("//"), &["`//`"]),
        ("AWS_ENDPOINT_URL", at("?x=1"), &["`?x=1`"]),
        ("AWS_ENDPOINT_URL_S3", at("/bronze"), &["`/bronze`"]),
        (
            "AWS_ENDPOINT_URL",
            "localhost:9000".to_owned(),
            &["http://"],
        ),
        (
            "AWS_ENDPOINT_URL",
            "http://host:99999".to_owned(),
            &["port"],
        ),
        ("AWS_MAX_ATTEMPTS", "0".to_owned(), &["between 1 and 100"]),
    ];
    for (variable, value, words) in cases {
        let was = lake.env.get(variable).map(str::to_owned);
        lake.env.set(variable, &value);
        refuses(&lake, variable, &[&[variable], words].concat(), || {
            lake.stage("bronze", "till", DATE, &[])
        });
        let outcome = lake.stage("bronze", "till", DATE, &[]);
        assert!(!outcome.stderr.contains(&key), "{variable}: {outcome}");
        assert!(
            !outcome.stderr.contains("panicked"),
            "{variable}: {outcome}"
        );
        match was {
            Some(was) => lake.env.set(variable, was),
            None => lake.env.remove(variable),
        };
    }
    assert_eq!(buckets(&lake), before, "no bucket was made");
    // A slash at the end is how browsers copy an address.
    lake.env.set("AWS_ENDPOINT_URL", at("/"));
    lake.stage("bronze", "till", DATE, &[]).expect_code(0);

    // Nothing says which store: Amazon's is not meant by silence, and not by a region that is none.
    lake.env.remove("AWS_ENDPOINT_URL");
    lake.env.remove("AWS_REGION");
    refuses(
        &lake,
        "no store",
        &["AWS_ENDPOINT_URL", "AWS_REGION", "minio_default"],
        || lake.stage("bronze", "till", DATE, &[]),
    );
    lake.env.set("AWS_REGION", "paris");
    refuses(&lake, "no region", &["`paris`", "AWS_ENDPOINT_URL"], || {
        lake.stage("bronze", "till", DATE, &[])
    });
}

#[test]
fn a_store_that_is_met_in_the_wrong_way_is_refused() {
    let mut lake = lake();
    let address = lake.server.as_ref().expect("a server").socket_address();
    lake.env
        .set("AWS_ENDPOINT_URL", format!("https://{address}"));
    refuses(
        &lake,
        "no TLS",
        &["does not speak TLS", "`http://`"],
        || lake.stage("bronze", "till", DATE, &[]),
    );

    let tls = TlsStore::in_front_of(address, ServerCertificate::Signed);
    let plain = tls.endpoint().replace("https://", "http://");
    lake.env.set("AWS_ENDPOINT_URL", plain);
    refuses(&lake, "TLS", &["`https://`"], || {
        lake.stage("bronze", "till", DATE, &[])
    });

    lake.env.set("AWS_ENDPOINT_URL", tls.endpoint());
    let bundle = lake.env.write("ca.pem", tls.ca_pem());
    // Any other CA: this machine need not have one of its own.
    let stranger = TlsStore::in_front_of(address, ServerCertificate::Signed);
    let other = lake.env.write("other.pem", stranger.ca_pem());
    lake.env.set("AWS_CA_BUNDLE", other.to_string_lossy());
    refuses(
        &lake,
        "an unknown CA",
        &["certificate", "AWS_CA_BUNDLE"],
        || lake.stage("bronze", "till", DATE, &[]),
    );
    lake.env.set("AWS_CA_BUNDLE", "/nowhere/ca.pem");
    refuses(
        &lake,
        "no bundle",
        &["/nowhere/ca.pem", "AWS_CA_BUNDLE"],
        || lake.stage("bronze", "till", DATE, &[]),
    );
    // Each variable that names the CA makes it trusted.
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        lake.env.remove("AWS_CA_BUNDLE");
        lake.env.set(variable, bundle.to_string_lossy());
        lake.stage("bronze", "till", DATE, &[]).expect_code(0);
    }

    // What `openssl req -x509` makes unless told otherwise.
    let authority = TlsStore::in_front_of(address, ServerCertificate::Authority);
    lake.env.write("ca.pem", authority.ca_pem());
    lake.env.set("AWS_ENDPOINT_URL", authority.endpoint());
    refuses(&lake, "a CA", &["that of a CA", "CA:FALSE"], || {
        lake.stage("bronze", "till", DATE, &[])
    });
}

#[test]
fn a_refusal_without_a_reason_is_asked_for_one() {
    let mut lake = lake();
    let server = lake.server.as_ref().expect("a server of its own");
    let faulty = FaultyStore::in_front_of(server.socket_address());
    lake.env.set("AWS_ENDPOINT_URL", faulty.endpoint());
    faulty.always_for("", "", Fault::Status(400, "ExpiredToken"));
    refuses(
        &lake,
        "expired",
        &["ExpiredToken", "AWS_SESSION_TOKEN"],
        || lake.stage("bronze", "till", DATE, &[]),
    );
    faulty.heal();
    faulty.always_for("", "", Fault::OtherRegion("eu-west-3"));
    refuses(
        &lake,
        "another region",
        &["`eu-west-3`", "`us-east-1`", "AWS_REGION", "region_name"],
        || lake.stage("bronze", "till", DATE, &[]),
    );
}

#[test]
fn a_bronze_object_that_has_rotted_is_named_and_not_tried_again() {
    let mut lake = lake();
    let server = lake.server.as_ref().expect("a server of its own");
    let faulty = FaultyStore::in_front_of(server.socket_address());
    lake.env.set("AWS_ENDPOINT_URL", faulty.endpoint());
    faulty.always_for("GET", "one.jsonl", Fault::CorruptBody(3));
    refuses(
        &lake,
        "rotten",
        &["one.jsonl", "damaged", "delete it"],
        || lake.stage("silver", "till", DATE, &[]),
    );
}

#[test]
fn a_missing_bucket_is_refused_or_created() {
    let mut lake = lake();
    lake.env.set("LAKE_GOLD_URL", "s3://another-gold");
    lake.env.set("LAKE_CREATE_BUCKETS", "false");
    let outcome = lake.stage("gold", "till", DATE, &[]);
    outcome.expect_code(2);
    let error = error_of(&outcome);
    assert!(
        error.contains("another-gold") && error.contains("LAKE_CREATE_BUCKETS"),
        "{error}"
    );
    lake.env.set("LAKE_CREATE_BUCKETS", "true");
    lake.stage("gold", "till", DATE, &[]).expect_code(0);
    assert!(!lake.objects.list("another-gold").is_empty());
}

#[test]
fn a_store_that_cannot_be_reached_is_transient() {
    let mut server = Server::local_s3();
    let mut lake = Lake::beside(&server, "");
    till(&mut lake, &[]);
    lake.env
        .write(&format!("till/{DATE}/one.jsonl"), receipt(1, "a", "1.00"));
    server.kill();
    for stage in ["bronze", "silver", "check", "gold", "cleanup"] {
        let start = Instant::now();
        let outcome = lake.stage(stage, "till", DATE, &[]);
        outcome.expect_code(75);
        assert!(error_of(&outcome).contains("AWS_ENDPOINT_URL"), "{outcome}");
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{stage}: {:?}",
            start.elapsed()
        );
    }
    let outcome = lake.lake(&["run", "till", "--from", DATE]);
    outcome.expect_code(75);
    assert_eq!(lake.workspaces(), [""; 0]);
    server.restart();
    lake.run_day("till", DATE);
}

#[test]
fn a_store_that_does_not_answer_is_transient() {
    // A listener that takes connections and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::local_s3();
    let mut lake = Lake::beside(&server, "");
    till(&mut lake, &[]);
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    lake.env
        .set("AWS_ENDPOINT_URL", endpoint)
        .set("AWS_MAX_ATTEMPTS", "2")
        .set("LAKE_S3_READ_TIMEOUT_SECS", "1");
    let start = Instant::now();
    let outcome = lake.stage("silver", "till", DATE, &[]);
    outcome.expect_code(75);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert!(error_of(&outcome).contains("AWS_ENDPOINT_URL"), "{outcome}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let mut lake = Lake::new();
    till(
        &mut lake,
        &[
            ("version: 1.0.0", "version: 1.0.0\nretention: 3"),
            ("logicalType: number", "logicalType: numbr"),
        ],
    );
    let pipelines = lake.env.path("pipelines");
    // A sound contract with marts that do not bind, beside an entry that does not fit.
    lake.env.write(
        "pipelines/shop/pipeline.yaml",
        "name: shop\nownr: me\nschedule: {cron: \"0 * * * *\", start: 2025-01-01}\ndatasets:\n  \
         orders: {contract: orders.odcs.yaml, from: /orders, files: \"*\", format: {json: lines}}\n\
         marts:\n  typo: {reads: {silver.orders: day}, grain: [a]}\n  \
         undeclared: {reads: {silver.orders: day}, grain: [a]}\n  \
         grainless: {reads: {silver.orders: day}, grain: [b]}\n",
    );
    lake.env.write(
        "pipelines/shop/orders.odcs.yaml",
        "apiVersion: v3.2.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nschema:\n- name: orders\n  \
         properties:\n  - {name: a, logicalType: string}\n  - name: b\n    logicalType: string\n    \
         transformLogic: uper(b)\n",
    );
    lake.env.write(
        "pipelines/shop/marts/typo.sql",
        "\n-- A comment.\nSELECT a,\n       missing\nFROM silver.orders\n",
    );
    lake.env.write(
        "pipelines/shop/marts/undeclared.sql",
        "SELECT a\nFROM silver.others\n",
    );
    lake.env.write(
        "pipelines/shop/marts/grainless.sql",
        "SELECT a FROM silver.orders",
    );
    lake.env
        .write("pipelines/Old-Shop/pipeline.yaml", "name: Old-Shop\n");

    let validated = lake.lake(&["validate"]);
    validated.expect_code(2);
    for told in [
        "shop: 6 problems",
        "shop/pipeline.yaml:2:1: unknown key `ownr`",
        "shop/pipeline.yaml:3:18: schedule: `0 * * * *` ticks 24 times a day",
        "shop/orders.odcs.yaml:11:21: could not bind `transformLogic` of column `b`",
        "shop/marts/typo.sql:4:8: could not bind mart `typo`",
        "shop/marts/undeclared.sql:2:6: mart `undeclared` reads `silver.others`",
        "shop/pipeline.yaml:9:51: mart `grainless`: the grain names `b`",
        "till: 2 problems",
        "`retention`",
        "`numbr` is not a value of `logicalType`",
        "pipelines/Old-Shop: the folder holds a pipeline, but `Old-Shop` is not a name",
    ] {
        let times = validated.stdout.matches(told).count();
        assert_eq!(times, 1, "`{told}` is told {times} times\n{validated}");
    }
    let described = lake.lake(&["describe", "--json"]);
    described.expect_code(2);
    let document: serde_json::Value = serde_json::from_str(&described.stdout).unwrap();
    // A broken contract or mart is told, and takes its pipeline from no scheduler.
    let names: Vec<&str> = document["pipelines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pipeline| pipeline["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["till"]);
    // SQL is not bound: two of `shop`, two of `till`, and the folder.
    assert_eq!(document["problems"].as_array().unwrap().len(), 5);
    // `lake test` refuses the folder as well.
    let tested = lake.lake(&["test"]);
    tested.expect_code(2);
    assert!(
        tested.stderr.contains("`Old-Shop` is not a name"),
        "{tested}"
    );

    std::fs::remove_dir_all(&pipelines).unwrap();
    std::fs::create_dir(&pipelines).unwrap();
    for command in ["validate", "test"] {
        let nothing = lake.lake(&[command]);
        nothing.expect_code(2);
        assert!(nothing.stderr.contains("holds no pipeline"), "{nothing}");
    }
}

#[test]
fn a_sound_pipeline_is_described_for_a_scheduler() {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    let described = lake.lake(&["describe", "--json"]);
    described.expect_code(0);
    let document: serde_json::Value = serde_json::from_str(&described.stdout).unwrap();
    let till = &document["pipelines"][0];
    assert_eq!(till["name"], "till");
    assert_eq!(till["environment"], serde_json::json!(["TILL_DIR"]));
    assert_eq!(till["datasets"], serde_json::json!(["receipts"]));
    assert_eq!(till["partition_marts"], serde_json::json!(["per_till"]));
    assert_eq!(till["snapshot_marts"], serde_json::json!([]));
    assert_eq!(till["pseudonymises"], false);
    assert_eq!(document["problems"], serde_json::json!([]));

    // DAGs are parsed also where nothing can be written: it needs no workspace, as others do.
    let file = lake.env.write("a-file", "");
    lake.env.set(
        "LAKE_WORKSPACE_DIR",
        file.join("below").to_string_lossy().into_owned(),
    );
    assert_eq!(lake.lake(&["describe", "--json"]).stdout, described.stdout);
    assert_ne!(lake.lake(&["validate"]).code, Some(0));
}
