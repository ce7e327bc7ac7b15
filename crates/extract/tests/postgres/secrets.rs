//! What never leaves the database, and what is never said.

use lakehouse_testkit::CuttingProxy;

use crate::fixture::{PIPELINE, Shop, yesterday};

/// Every byte below a folder.
fn bytes_below(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => all.extend(std::fs::read(path).unwrap_or_default()),
            }
        }
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn a_column_that_no_contract_names_is_never_sent() {
    let Some(mut shop) = Shop::new("columns that stay in the database") else {
        return;
    };
    let upstream = ([127, 0, 0, 1], shop.postgres.port()).into();
    let proxy = CuttingProxy::in_front_of(upstream);
    shop.connect_at(proxy.address().port(), "sslmode=disable");
    let outcome = shop.extract(&yesterday(), &[]);
    outcome.expect_code(0);
    let answered = proxy.answered();
    assert!(holds(&answered, "ada@example.org"));
    let lake = bytes_below(&shop.server.data_dir());
    assert!(holds(&lake, "ada@example.org"));
    for (place, bytes) in [
        ("the network", answered.as_slice()),
        ("the lake", &lake),
        ("the log", outcome.stderr.as_bytes()),
        ("the report", outcome.stdout.as_bytes()),
    ] {
        assert!(!holds(bytes, "hunter2"), "{place}");
        assert!(!holds(bytes, &shop.password), "{place}");
    }
}

#[test]
fn all_columns_but_some_are_taken_where_that_is_asked_for() {
    let Some(shop) = Shop::new("all columns but some") else {
        return;
    };
    shop.sql(&format!(
        "alter table users add column age int; grant select on users to {}",
        shop.reader
    ));
    let users = "take: whole, columns: all, except: [password], compression: zstd}";
    shop.pipeline(&PIPELINE.replacen("take: whole}", users, 1));
    let date = yesterday();
    shop.done(&date, &["--dataset", "users"]);
    assert_eq!(
        shop.csv("users", &date),
        "id,email,age\n1,ada@example.org,\n2,,\n3,\"\",\n"
    );
    assert!(
        shop.partition("users", &date)
            .contains_key("part-00000-000.csv.zst")
    );
    shop.pipeline(&PIPELINE.replacen(
        "take: whole}",
        "take: whole, columns: all, except: [pasword]}",
        1,
    ));
    let refused = shop.extract(&date, &["--dataset", "users", "--refresh"]);
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("did you mean `password`?"),
        "{refused}"
    );
}

#[test]
fn no_error_shows_a_password() {
    let Some(mut shop) = Shop::new("errors without passwords") else {
        return;
    };
    let good = shop.env.get("LAKE_CONNECTION_SHOP_PG").unwrap().to_owned();
    for (url, code) in [
        (good.replace("postgresql://", "mysql://"), 2),
        (good.replace("/shop_", "/other_"), 2),
        (good.replace("127.0.0.1:", "127.0.0.1:hunter2"), 2),
        (good.replace("%40", "@"), 0),
        (good.replace("reader_", "writer_"), 2),
        (format!("{good}colour=hunter2"), 2),
        ("hunter2".to_owned(), 2),
    ] {
        shop.env.set("LAKE_CONNECTION_SHOP_PG", url.clone());
        let outcome = shop.extract("2025-11-02", &["--dataset", "orders"]);
        outcome.expect_code(code);
        let said = format!("{}{}", outcome.stderr, outcome.stdout);
        assert!(!said.contains(&shop.password), "{said}");
        assert!(!said.contains("p%40ss"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
