//! What a `pipeline.yaml` may say, what is refused, and whether the refusal helps.

use lakehouse_contract::{
    Columns, Compression, Contract, ContractError, CsvFormat, Database, Dataset, Files, Format,
    Input, JsonLayout, MartFormat, Materialised, Name, Pipeline, Relation, Source, Take,
    WhenMissing, Window,
};

const EVERYTHING: &str = r#"
name: online_retail
description: Transactions of an online gift shop, one CSV file a day.
owner: retail
tags: [retail, example]
schedule: {cron: "0 3 * * 1-5", timezone: Asia/Tokyo, start: 2010-12-01}
environment: [LAKE_ONLINE_RETAIL_DIR]
datasets:
  transactions:
    contract: contracts/transactions.odcs.yaml
    from: "${LAKE_ONLINE_RETAIL_DIR}/in"
    files: "{date:%Y-%m-%d}.csv"
    format: {csv: {delimiter: ";", quote: "'", encoding: Windows-1252}, compression: gzip}
    whenMissing: fail
  returns:
    contract: contracts/returns.odcs.yaml
    from: s3://somewhere/returns
    files: "{date:%Y/%m/%d}/*.json"
    format: {json: lines}
marts:
  daily_revenue: {reads: {silver.transactions: day}, grain: [country], formats: [csv, parquet, json]}
  customer_day: {reads: {silver.transactions: day, silver.returns: day}, grain: [customer_id]}
  all_customers: {reads: {gold.customer_rfm: day}, grain: [segment], materialised: snapshot}
  customer_rfm: {reads: {gold.customer_day: 365 days}, grain: [customer_id], materialised: snapshot}
  everything: {reads: {gold.customer_day: all, gold.daily_revenue: day}, grain: [x, y], materialised: snapshot}
"#;

fn files_of(dataset: &Dataset) -> &Files {
    match &dataset.source {
        Source::Files(files) => files,
        Source::Table(_) => panic!("files"),
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn everything_is_read() {
    let pipeline = Pipeline::parse(EVERYTHING).unwrap();
    assert_eq!(pipeline.name.as_str(), "online_retail");
    assert_eq!(pipeline.owner.as_deref(), Some("retail"));
    assert_eq!(pipeline.tags, ["retail", "example"]);
    assert_eq!(pipeline.environment, ["LAKE_ONLINE_RETAIL_DIR"]);
    assert_eq!(pipeline.timezone(), chrono_tz::Asia::Tokyo);
    let schedule = pipeline.schedule.as_ref().unwrap();
    assert_eq!(schedule.cron, "0 3 * * 1-5");
    assert_eq!(schedule.start.to_string(), "2010-12-01");

    let transactions = &pipeline.datasets[&name("transactions")];
    assert_eq!(
        transactions.contract_path,
        "contracts/transactions.odcs.yaml"
    );
    assert_eq!(files_of(transactions).from, "${LAKE_ONLINE_RETAIL_DIR}/in");
    assert_eq!(transactions.when_missing, WhenMissing::Fail);
    let csv = CsvFormat {
        delimiter: b';',
        quote: b'\'',
        encoding: "windows-1252".to_owned(),
    };
    assert_eq!(
        *transactions.source.format(),
        Format::Csv(csv, Compression::Gzip)
    );
    let date = "2011-08-12".parse().unwrap();
    assert!(
        files_of(transactions)
            .files
            .expand(&date)
            .matches("2011-08-12.csv")
    );

    let returns = &pipeline.datasets[&name("returns")];
    assert_eq!(returns.when_missing, WhenMissing::Skip);
    assert_eq!(
        *returns.source.format(),
        Format::Json(JsonLayout::Lines, Compression::None)
    );
    assert_eq!(
        files_of(returns).files.expand(&date).literal_prefix(),
        "2011/08/12/"
    );

    let revenue = &pipeline.marts[&name("daily_revenue")];
    assert_eq!(
        revenue.formats,
        [MartFormat::Parquet, MartFormat::Csv, MartFormat::Json]
    );
    assert_eq!(revenue.materialised, Materialised::Partition);
    assert_eq!(
        revenue.reads[&Input::Silver(name("transactions"))],
        Window::Day
    );
    let rfm = &pipeline.marts[&name("customer_rfm")];
    assert_eq!(rfm.formats, [MartFormat::Parquet]);
    assert_eq!(
        rfm.reads[&Input::Gold(name("customer_day"))],
        Window::Days(365)
    );
    assert_eq!(
        pipeline.marts[&name("everything")].reads[&Input::Gold(name("customer_day"))],
        Window::All
    );
}

#[test]
fn marts_come_after_what_they_read() {
    let pipeline = Pipeline::parse(EVERYTHING).unwrap();
    let order: Vec<String> = pipeline
        .mart_order()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        order,
        [
            "customer_day",
            "customer_rfm",
            "all_customers",
            "daily_revenue",
            "everything"
        ]
    );
}

#[test]
fn the_smallest_pipeline_is_read() {
    let pipeline = Pipeline::parse(
        "name: a\ndatasets: {b: {contract: c.yaml, from: /d, files: '*.json', format: {json: array, compression: zstd}}}",
    )
    .unwrap();
    assert!(pipeline.marts.is_empty() && pipeline.schedule.is_none());
    assert_eq!(pipeline.timezone(), chrono_tz::UTC);
    assert_eq!(
        pipeline.datasets[&name("b")].source.format().compression(),
        Compression::Zstd
    );
}

#[test]
fn what_cannot_run_is_refused() {
    for (from, to, message) in [
        ("owner: retail", "owners: retail", "unknown key `owners`"),
        (
            "name: online_retail",
            "name: Online-Retail",
            "is not a name",
        ),
        ("0 3 * * 1-5", "0 25 * * *", "is not a cron schedule"),
        ("Asia/Tokyo", "Tokyo", "is not a time zone"),
        (
            "start: 2010-12-01",
            "start: 2010-13-01",
            "is not a run date",
        ),
        (
            "environment: [LAKE_ONLINE_RETAIL_DIR]",
            "environment: []",
            "which `environment` does not declare",
        ),
        (
            "environment: [LAKE_ONLINE_RETAIL_DIR]",
            "environment: [LAKE_ONLINE_RETAIL_DIR, AWS_SECRET_ACCESS_KEY]",
            "looks like a credential",
        ),
        (
            "environment: [LAKE_ONLINE_RETAIL_DIR]",
            "environment: [LAKE_ONLINE_RETAIL_DIR, lake]",
            "is not the name of an environment variable",
        ),
        (
            "  transactions:\n",
            "  Transactions:\n",
            "dataset `Transactions`: `Transactions` is not a name",
        ),
        (
            "contracts/transactions.odcs.yaml",
            "../x.yaml",
            "is not a path inside",
        ),
        (
            "contracts/transactions.odcs.yaml",
            "/x.yaml",
            "is not a path inside",
        ),
        ("${LAKE_ONLINE_RETAIL_DIR}/in", "", "`from` is empty"),
        (
            "{date:%Y-%m-%d}.csv",
            "{date:%H}.csv",
            "is not a pattern of a date",
        ),
        (
            "format: {json: lines}",
            "format: {json: line}",
            "`line` is not a value of `json`",
        ),
        (
            "format: {json: lines}",
            "format: {}",
            "must name exactly one of `json` and `csv`",
        ),
        (
            "format: {json: lines}",
            "format: {json: lines, csv: {}}",
            "must name exactly one",
        ),
        (
            "format: {json: lines}",
            "format: {json: lines, compression: bzip2}",
            "`bzip2` is not a value",
        ),
        (
            "format: {json: lines}",
            "format: {parquet: {}}",
            "unknown key `parquet`",
        ),
        (
            "delimiter: \";\"",
            "delimiter: \";;\"",
            "`delimiter` is not one ASCII character",
        ),
        (
            "delimiter: \";\"",
            "delimiter: \"'\"",
            "are the same character",
        ),
        ("delimiter: \";\"", "header: false", "is not supported yet"),
        ("Windows-1252", "utf8", "`utf8` is not an encoding"),
        (
            "whenMissing: fail",
            "whenMissing: ignore",
            "`ignore` is not a value of `whenMissing`",
        ),
        (
            "silver.transactions: day}, grain: [country]",
            "silver.transaction: day}, grain: [country]",
            "mart `daily_revenue`: it reads `silver.transaction`, but there is no dataset",
        ),
        (
            "gold.customer_rfm: day",
            "gold.customers: day",
            "mart `all_customers`: it reads `gold.customers`, but there is no mart",
        ),
        (
            "gold.customer_rfm: day",
            "bronze.customer_rfm: day",
            "a mart cannot read `bronze.customer_rfm`",
        ),
        (
            "gold.customer_rfm: day",
            "gold.customer_rfm: week",
            "`week` is not a window",
        ),
        (
            "gold.customer_rfm: day",
            "gold.customer_rfm: 0 days",
            "`0 days` is not a window",
        ),
        ("{gold.customer_rfm: day}", "{}", "`reads` is empty"),
        ("grain: [country]", "grain: []", "`grain` is empty"),
        ("grain: [country]", "grain: [country, Country]", "twice"),
        ("grain: [country], ", "", "the key `grain` is missing"),
        (
            "formats: [csv,",
            "formats: [xlsx,",
            "`xlsx` is not a value of `formats`",
        ),
        (
            "materialised: snapshot",
            "materialised: view",
            "`view` is not a value of `materialised`",
        ),
        (
            "silver.transactions: day}, grain: [country]",
            "silver.transactions: all}, grain: [country]",
            "a partition mart cannot read `silver.transactions` with the window `all`",
        ),
        (
            "gold.customer_rfm: day}, grain: [segment], materialised: snapshot",
            "gold.customer_rfm: day}, grain: [segment]",
            "a partition mart cannot read the snapshot mart",
        ),
        (
            "gold.customer_day: 365 days",
            "silver.transactions: 365 days",
            "a snapshot mart cannot read `silver.transactions`",
        ),
        (
            "gold.customer_day: 365 days",
            "gold.all_customers: day",
            "in a cycle: `all_customers` reads `customer_rfm` reads `all_customers`",
        ),
        (
            "gold.customer_day: 365 days",
            "gold.customer_rfm: day",
            "in a cycle: `customer_rfm` reads `customer_rfm`",
        ),
        (
            "grain: [country],",
            "grain: [country], lateness_days: 3,",
            "`lateness_days` is not supported yet",
        ),
        (
            "grain: [country],",
            "grain: [country], portable: true,",
            "`portable` is not supported yet",
        ),
    ] {
        assert!(EVERYTHING.contains(from), "{from}");
        let error = Pipeline::parse(&EVERYTHING.replacen(from, to, 1)).expect_err(to);
        assert!(
            error.to_string().contains(message),
            "{error}\n--- expected: {message}"
        );
        assert!(error.hint().is_some(), "{error}");
    }
    let later = EVERYTHING.replacen("grain: [country],", "grain: [country], portable: true,", 1);
    let error = Pipeline::parse(&later).unwrap_err();
    assert!(matches!(error, ContractError::NotSupportedYet(_)));
    assert!(!error.hint().unwrap().is_empty());
}

#[test]
fn everything_that_is_wrong_is_told_once_in_order() {
    let text = r#"
name: Shop
schedule: {cron: "0 * * * *", timezone: Nowhere/City, start: 2025-01-01}
environment: [shop-dir]
ower: retail
datasets:
  orders:
    contract: ../orders.odcs.yaml
    from: ""
    files: "**.csv"
    format: {csv: {}, compression: bzip2}
  returns:
    contract: contracts/returns.odcs.yaml
    from: /d
    files: "*.json"
    format: lines
marts:
  daily: {reads: {silver.orders: day, silver.returns: day, silver.order: day}, grain: [a], frmats: [csv]}
  other: {reads: {gold.daily: day}}
"#;
    let (_, problems) = Pipeline::judge(text);
    let told: Vec<String> = problems
        .iter()
        .map(|error| {
            let problem = error.problem();
            format!(
                "{}:{} {}",
                problem.line.unwrap(),
                problem.column.unwrap(),
                problem.message
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "2:7 `Shop` is not a name",
            "3:18 `0 * * * *` ticks 24 times a day: a run is about one day, and two runs would write the same partitions",
            "3:41 `Nowhere/City` is not a time zone",
            "4:15 `shop-dir` is not the name of an environment variable",
            "5:1 unknown key `ower`",
            "8:15 `../orders.odcs.yaml` is not a path inside the pipeline's folder",
            "9:11 `from` is empty",
            "10:12 `**.csv` has `**`",
            "11:36 `bzip2` is not a value of `compression`",
            "16:13 found string \"lines\", expected a mapping",
            "18:92 unknown key `frmats`",
            "19:10 the key `grain` is missing",
        ]
    );
}

const TABLES: &str = r#"
name: community
sources:
  community_pg: {postgres: {}}
  community_cassandra: {cassandra: {keyspace: community}}
datasets:
  users: {contract: contracts/users.odcs.yaml, from: {source: community_pg, table: public.users}, take: whole, columns: all, except: [password], compression: zstd}
  activities: {contract: contracts/activities.odcs.yaml, from: {source: community_pg, query: queries/activities.sql}, take: {day: created_at}}
  purchases: {contract: contracts/purchases.odcs.yaml, from: {source: community_cassandra, table: user_purchases}, take: {day: purchase_time}}
  invoices: {contract: contracts/invoices.odcs.yaml, from: /d, files: "*.csv", format: {csv: {}}}
"#;

#[test]
fn tables_of_databases_are_read() {
    let pipeline = Pipeline::parse(TABLES).unwrap();
    assert_eq!(pipeline.sources[&name("community_pg")], Database::Postgres);
    let keyspace = "community".to_owned();
    assert_eq!(
        pipeline.sources[&name("community_cassandra")],
        Database::Cassandra { keyspace }
    );
    let table = |dataset: &str| pipeline.datasets[&name(dataset)].source.table();
    let users = table("users").unwrap();
    assert_eq!(users.source.as_str(), "community_pg");
    assert_eq!(users.relation, Relation::Table("public.users".to_owned()));
    assert_eq!(users.take, Take::Whole);
    let except = vec!["password".to_owned()];
    assert_eq!(users.columns, Columns::All { except });
    assert_eq!(users.format.compression(), Compression::Zstd);
    let activities = table("activities").unwrap();
    assert_eq!(
        activities.relation,
        Relation::Query("queries/activities.sql".to_owned())
    );
    let column = "created_at".to_owned();
    assert_eq!(activities.take, Take::Day { column });
    assert_eq!(activities.columns, Columns::OfContract);
    assert_eq!(
        activities.format,
        Format::Csv(CsvFormat::default(), Compression::None)
    );
    assert!(table("invoices").is_none());
    // Old objects stay what they are when `compression` changes.
    let source = &pipeline.datasets[&name("users")].source;
    assert_eq!(
        source.format_of("part-00000-000.csv").compression(),
        Compression::None
    );
    assert_eq!(
        source.format_of("part-00000-000.csv.zst").compression(),
        Compression::Zstd
    );
}

#[test]
fn what_cannot_be_taken_out_of_a_database_is_refused_where_it_is_said() {
    for (from, to, message) in [
        (
            "{postgres: {}}",
            "{}",
            "source `community_pg`: it must name exactly one of `postgres` and `cassandra` (line 4, column 17)",
        ),
        (
            "{postgres: {}}",
            "{postgers: {}}",
            "source `community_pg`: unknown key `postgers` (line 4, column 18)",
        ),
        (
            "source: community_pg, table: public.users",
            "source: comunity_pg, table: public.users",
            "dataset `users`: there is no source `comunity_pg` (line 7, column 63)",
        ),
        (
            "table: public.users",
            "tabel: public.users",
            "dataset `users`: unknown key `tabel` (line 7, column 77)",
        ),
        (
            "table: public.users",
            "table: public.users, query: q.sql",
            "dataset `users`: `from` must name exactly one of `table` and `query` (line 7, column 54)",
        ),
        (
            "table: public.users",
            "table: a.b.c",
            "dataset `users`: `a.b.c` is not the name of a table (line 7, column 84)",
        ),
        (
            "query: queries/activities.sql",
            "query: ../a.sql",
            "dataset `activities`: `../a.sql` is not the path of an `.sql` file inside the pipeline's folder (line 8, column 94)",
        ),
        (
            "table: user_purchases",
            "query: q.sql",
            "dataset `purchases`: a query is for PostgreSQL alone (line 9, column 99)",
        ),
        (
            "table: user_purchases",
            "table: community.user_purchases",
            "dataset `purchases`: `community.user_purchases` is not the name of a table (line 9, column 99)",
        ),
        (
            "take: whole, columns",
            "columns",
            "dataset `users`: the key `take` is missing (line 7, column 54)",
        ),
        (
            "take: whole,",
            "take: all,",
            "dataset `users`: `all` is not a value of `take` (line 7, column 105)",
        ),
        (
            "{day: created_at}",
            "{days: created_at}",
            "dataset `activities`: unknown key `days` (line 8, column 126)",
        ),
        (
            "columns: all, except",
            "except",
            "dataset `users`: `except` needs `columns: all` (line 7, column 120)",
        ),
        (
            "compression: zstd",
            "compression: gzip",
            "dataset `users`: `gzip` is not a value of `compression` (line 7, column 159)",
        ),
        (
            "compression: zstd",
            "files: '*.csv'",
            "dataset `users`: `files` is for a dataset that comes from files (line 7, column 153)",
        ),
        (
            "files: \"*.csv\"",
            "take: whole, files: \"*.csv\"",
            "dataset `invoices`: `take` is for a dataset that comes from a table of a database (line 10, column 70)",
        ),
        (
            "files: \"*.csv\", ",
            "",
            "dataset `invoices`: the key `files` is missing (line 10, column 60)",
        ),
    ] {
        assert!(TABLES.contains(from), "{from}");
        let (_, problems) = Pipeline::judge(&TABLES.replacen(from, to, 1));
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told, [message]);
        assert!(problems[0].hint().is_some(), "{message}");
    }
}

#[test]
fn what_is_taken_fits_the_delivery() {
    let contract = |delivery: &str| {
        let text = format!(
            "apiVersion: v3.2.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\nschema:\n  - name: x\n    logicalType: object\n    \
             customProperties: [{{property: delivery, vendor: lakehouse, value: {delivery}}}, {{property: dedupe, vendor: lakehouse, value: {{by: key, keep: latest, orderBy: [at]}}}}]\n    \
             properties:\n      - {{name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}}\n      - {{name: at, logicalType: timestamp, required: true}}\n"
        );
        Contract::parse(&text).unwrap()
    };
    for (take, delivery, told) in [
        ("whole", "snapshot", None),
        ("whole", "event", Some("does not say `delivery: snapshot`")),
        (
            "whole",
            "changes",
            Some("does not say `delivery: snapshot`"),
        ),
        ("{day: at}", "event", None),
        ("{day: at}", "changes", None),
        (
            "{day: at}",
            "snapshot",
            Some("a day of it is the whole table"),
        ),
    ] {
        let pipeline = Pipeline::parse(&format!(
            "name: a\nsources: {{s: {{postgres: {{}}}}}}\ndatasets:\n  x: {{contract: x.yaml, from: {{source: s, table: x}}, take: {take}}}\n"
        ))
        .unwrap();
        let contracts = [(name("x"), contract(delivery))].into();
        let problems = pipeline.judge_takes(&contracts);
        match told {
            None => assert_eq!(problems, [], "{take} {delivery}"),
            Some(told) => {
                let text = problems[0].to_string();
                assert!(
                    text.contains(told) && text.contains("line 4, column 60"),
                    "{text}"
                );
                assert!(problems[0].hint().is_some());
            }
        }
    }
}
