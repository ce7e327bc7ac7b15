//! No secret leaks: not to standard output or standard error, not into a report, a file or a
//! name in the store, whatever happens.

use lakehouse_testkit::Server;
use lakehouse_tests::Lake;

const DATE: &str = "2025-11-01";
const KEY: &str = "canary-pseudonym-key-7f3a9c51d2e84b60";
const CLIENT: &str = "canary.client@example.org";

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let number = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..=chunk.len() {
            text.push(char::from(
                DIGITS[(number >> (18 - 6 * place) & 63) as usize],
            ));
        }
    }
    text
}

/// The forms in which a secret may be found: itself, and in base64 wherever it begins.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.as_bytes().to_vec()];
    for skipped in 0..3 {
        // Only whole groups are the same whatever is before and behind.
        let rest = &secret.as_bytes()[skipped..];
        forms.push(base64(&rest[..rest.len() / 3 * 3]).into_bytes());
    }
    forms.push(
        secret
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into_bytes(),
    );
    forms
}

fn contains(text: &[u8], form: &[u8]) -> bool {
    text.windows(form.len()).any(|window| window == form)
}

/// Where any of the secrets is found.
fn leaks(secrets: &[&str], places: &[(String, Vec<u8>)]) -> Vec<String> {
    let forms: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    places
        .iter()
        .filter(|(name, bytes)| {
            forms
                .iter()
                .any(|form| contains(bytes, form) || contains(name.as_bytes(), form))
        })
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn secrets_are_nowhere_after_good_and_bad_runs() {
    let server = Server::local_s3();
    let mut lake = Lake::beside(&server, "");
    lake.add_pipeline("sales");
    lake.env
        .set("LAKE_PSEUDONYM_KEY", KEY)
        .set("LAKE_LOG", "trace");
    lake.generate_sales(DATE, 500, &["--corrupt-rate", "0.03"]);
    let sale = |id: &str, quantity: &str| {
        format!(
            "{{\"transaction_id\":\"{id}\",\"amount\":1.00,\"date\":\"{DATE}T10:00:00Z\",\"client\":\"{CLIENT}\",\
             \"product\":{{\"id\":\"P1\",\"name\":\"Cup\",\"category\":\"Home\",\"unit_price\":1.00}},\"quantity\":{quantity}}}\n"
        )
    };
    // One is published, the other quarantined: the client must be in neither.
    lake.env.write(
        &format!("sales/{DATE}/sales-900.jsonl"),
        format!("{}{}", sale("canary-1", "1"), sale("canary-2", "\"2.5\"")),
    );
    let secrets = [server.secret_access_key(), KEY];

    let mut said = Vec::new();
    let mut run = |lake: &Lake, what: &str, code: i32, arguments: &[&str]| {
        let outcome = lake.lake(arguments);
        outcome.expect_code(code);
        said.push((format!("{what}: stdout"), outcome.stdout.into_bytes()));
        said.push((format!("{what}: stderr"), outcome.stderr.into_bytes()));
    };
    let day = ["run", "sales", "--from", DATE];
    run(&lake, "a good run", 0, &day);
    run(
        &lake,
        "a dry run",
        0,
        &["run", "sales", "--from", DATE, "--dry-run"],
    );
    run(&lake, "validate", 0, &["validate"]);
    run(&lake, "help", 0, &["run", "--help"]);
    // Runs that fail, each near a secret: the store, the key, and SQL that asks for both.
    lake.env.set("AWS_ACCESS_KEY_ID", "somebody-else");
    run(&lake, "another login", 2, &day);
    lake.env.set("AWS_ACCESS_KEY_ID", server.access_key_id());
    lake.env.set("LAKE_PSEUDONYM_KEY", &KEY[..20]);
    run(&lake, "a short key", 2, &day);
    lake.env.set("LAKE_PSEUDONYM_KEY", KEY);
    lake.env.set("LAKE_BRONZE_URL", "s3://Not A Bucket");
    run(&lake, "a bad URL", 2, &day);
    lake.env.set("LAKE_BRONZE_URL", "s3://bronze");
    lake.env.write(
        "pipelines/sales/marts/top_products.sql",
        "select getenv('AWS_SECRET_ACCESS_KEY') || getenv('LAKE_PSEUDONYM_KEY') as rank from silver.transactions",
    );
    run(&lake, "a mart that asks for them", 2, &day);

    let mut places: Vec<(String, Vec<u8>)> = said;
    let mut outside_bronze = 0;
    for key in lake.everything().into_keys() {
        outside_bronze += usize::from(!key.starts_with("bronze/"));
        let bytes = lake.objects.get(&key).unwrap();
        places.push((key, bytes));
    }
    assert!(outside_bronze > 10);
    assert_eq!(
        leaks(&[secrets[0], secrets[1], &KEY[..20]], &places),
        [""; 0]
    );
    // Personal data stays in bronze. (Parquet is compressed: its rows are asked for.)
    let beyond: Vec<(String, Vec<u8>)> = places
        .iter()
        .filter(|(name, _)| !name.starts_with("bronze/"))
        .cloned()
        .collect();
    assert_eq!(leaks(&[CLIENT], &beyond), [""; 0]);
    assert_eq!(
        leaks(&[CLIENT], &places),
        [format!(
            "bronze/sales/transactions/year=2025/month=11/day=01/{DATE}/sales-900.jsonl"
        )]
    );
    let mut tables = 0;
    for (name, _) in &beyond {
        if name.ends_with(".parquet") {
            let rows = lake
                .objects
                .query(name, "SELECT to_json(whole)::VARCHAR FROM {file} AS whole");
            let texts: Vec<(String, Vec<u8>)> = rows
                .into_iter()
                .map(|row| (name.clone(), row.concat().into_bytes()))
                .collect();
            assert_eq!(leaks(&[secrets[0], secrets[1], CLIENT], &texts), [""; 0]);
            tables += usize::from(!texts.is_empty());
        }
    }
    assert!(tables >= 4, "{tables}");

    // The search finds what is there: planted in the store, raw and encoded behind another text.
    for planted in [
        KEY.to_owned(),
        base64(format!("x:{KEY}").as_bytes()),
        base64(KEY.as_bytes()),
    ] {
        let place = (
            "planted".to_owned(),
            format!("before {planted} behind").into_bytes(),
        );
        assert_eq!(leaks(&secrets, &[place]), ["planted"], "{planted}");
    }
    lake.env.write(
        &format!("sales/{DATE}/sales-901.jsonl"),
        format!("{{\"x\":\"{KEY}\"}}\n"),
    );
    lake.stage("bronze", "sales", DATE, &[]).expect_code(0);
    let found: Vec<(String, Vec<u8>)> = lake
        .everything()
        .into_keys()
        .map(|key| (key.clone(), lake.objects.get(&key).unwrap()))
        .collect();
    assert_eq!(leaks(&secrets, &found).len(), 1);
}
