//! A shop in a database of its own, and a look at what was taken out of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lakehouse_testkit::{Env, Outcome, Postgres, Server, postgres_or_skip, random_text};
use serde_json::Value;

pub const PIPELINE: &str = r#"
name: shop
sources: {shop_pg: {postgres: {}}}
datasets:
  users: {contract: contracts/users.odcs.yaml, from: {source: shop_pg, table: public.users}, take: whole}
  orders: {contract: contracts/orders.odcs.yaml, from: {source: shop_pg, table: orders}, take: {day: created_at}}
"#;

const SCHEMA: &str = "
create table users (id bigint primary key, email text, password text not null);
insert into users values (2, null, 'hunter2-two'), (1, 'ada@example.org', 'hunter2-one'), (3, '', 'hunter2-three');
create table orders (id int primary key, user_id bigint not null, amount numeric(10,2), note text, created_at timestamptz);
insert into orders values
  (1, 1, 12.50, 'a \"quoted\", text', '2025-11-02 00:00:00+00'),
  (2, 1, null, E'two\\nlines', '2025-11-02 23:59:59.999999+00'),
  (3, 2, 0.10, '\\.', '2025-11-03 00:00:00+00'),
  (4, 2, 7, '', '2025-11-03 12:00:00+00'),
  (5, 2, 8, null, null);
";

/// A contract of columns `name: logicalType`. What is taken whole is a snapshot, and in these tests
/// that is all but the orders.
pub fn contract(dataset: &str, columns: &[(&str, &str)]) -> String {
    let delivery = match dataset {
        "orders" => "event",
        _ => "snapshot",
    };
    let mut text = format!(
        "apiVersion: v3.2.0\nkind: DataContract\nid: {dataset}\nversion: 1.0.0\nstatus: active\n\
         schema:\n  - name: {dataset}\n    logicalType: object\n    customProperties:\n      - {{property: delivery, vendor: lakehouse, value: {delivery}}}\n    properties:\n"
    );
    for (name, kind) in columns {
        text.push_str(&format!("      - {{name: {name}, {kind}}}\n"));
    }
    text
}

/// A database, a store, an environment and the pipeline `shop`.
pub struct Shop {
    pub postgres: Arc<Postgres>,
    pub server: Server,
    pub env: Env,
    pub database: String,
    pub reader: String,
    pub password: String,
    runtime: tokio::runtime::Runtime,
}

impl Shop {
    /// The shop with its two tables; nothing where there is no PostgreSQL.
    pub fn new(what: &str) -> Option<Self> {
        let shop = Self::empty(what)?;
        shop.sql(SCHEMA);
        shop.sql(&format!(
            "grant select (id, email) on users to {0}; grant select on orders to {0}",
            shop.reader
        ));
        Some(shop)
    }

    /// A shop without tables, and a reader who may read what others make.
    pub fn empty(what: &str) -> Option<Self> {
        Some(Self::at(postgres_or_skip(what)?))
    }

    /// The same at a server of one's own.
    pub fn at(postgres: Arc<Postgres>) -> Self {
        let server = Server::local_s3();
        let suffix = random_text(5);
        let mut shop = Self {
            postgres,
            env: Env::with_server(&server),
            server,
            database: format!("shop_{suffix}"),
            reader: format!("reader_{suffix}"),
            password: format!("p@ss:/{suffix}"),
            runtime: tokio::runtime::Runtime::new().unwrap(),
        };
        shop.admin("postgres", &format!("create database {}", shop.database));
        shop.sql(&format!(
            "create role {} login password '{}'",
            shop.reader, shop.password
        ));
        shop.pipeline(PIPELINE);
        shop.write_contract(
            "users",
            &[
                (
                    "id",
                    "logicalType: integer, required: true, primaryKey: true",
                ),
                ("email", "logicalType: string"),
            ],
        );
        shop.write_contract(
            "orders",
            &[
                (
                    "id",
                    "logicalType: integer, required: true, primaryKey: true",
                ),
                ("user_id", "logicalType: integer"),
                (
                    "amount",
                    "logicalType: number, physicalType: 'DECIMAL(10,2)'",
                ),
                ("note", "logicalType: string"),
                ("created_at", "logicalType: timestamp"),
            ],
        );
        shop.connect("");
        shop
    }

    pub fn pipeline(&self, text: &str) {
        self.env.write("pipelines/shop/pipeline.yaml", text);
    }

    pub fn write_contract(&self, dataset: &str, columns: &[(&str, &str)]) {
        self.env.write(
            &format!("pipelines/shop/contracts/{dataset}.odcs.yaml"),
            contract(dataset, columns),
        );
    }

    /// Sets the connection, with parameters.
    pub fn connect(&mut self, parameters: &str) {
        self.connect_at(self.postgres.port(), parameters);
    }

    pub fn connect_at(&mut self, port: u16, parameters: &str) {
        let url = format!(
            "postgresql://{}:{}@127.0.0.1:{port}/{}?{parameters}",
            self.reader,
            self.password
                .replace('@', "%40")
                .replace(':', "%3A")
                .replace('/', "%2F"),
            self.database
        );
        self.env.set("LAKE_CONNECTION_SHOP_PG", url);
    }

    /// Runs statements as the superuser.
    pub fn sql(&self, statements: &str) {
        self.admin(&self.database, statements);
    }

    pub fn admin(&self, database: &str, statements: &str) {
        let mut config: tokio_postgres::Config = self.postgres.url().parse().unwrap();
        config.dbname(database);
        self.runtime.block_on(async {
            let mut tries = 0;
            let (client, connection) = loop {
                match config.connect(tokio_postgres::NoTls).await {
                    Ok(connected) => break connected,
                    Err(_) if tries < 100 => tries += 1,
                    Err(error) => panic!("{error:?}"),
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            };
            tokio::spawn(connection);
            client
                .batch_execute(statements)
                .await
                .unwrap_or_else(|error| panic!("{statements}: {error:?}"));
        });
    }

    pub fn extract(&self, date: &str, more: &[&str]) -> Outcome {
        let mut arguments = vec!["--pipeline", "shop", "--date", date, "--run-id", "test"];
        arguments.extend(more);
        self.env.stage("extract", &arguments)
    }

    /// Runs it, and its report.
    #[track_caller]
    pub fn done(&self, date: &str, more: &[&str]) -> Value {
        let outcome = self.extract(date, more);
        outcome.expect_code(0);
        outcome.report()
    }

    /// The objects of a partition, by name.
    pub fn partition(&self, dataset: &str, date: &str) -> BTreeMap<String, Vec<u8>> {
        let (year, rest) = date.split_once('-').unwrap();
        let (month, day) = rest.split_once('-').unwrap();
        let folder = self.server.data_dir().join(format!(
            "bronze/shop/{dataset}/year={year}/month={month}/day={day}"
        ));
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, std::fs::read(entry.path()).unwrap())
            })
            .collect()
    }

    pub fn manifest(&self, dataset: &str, date: &str) -> Value {
        serde_json::from_slice(&self.partition(dataset, date)["_manifest.json"]).unwrap()
    }

    /// What the manifest's objects hold, one after the other.
    #[track_caller]
    pub fn csv(&self, dataset: &str, date: &str) -> String {
        let partition = self.partition(dataset, date);
        let manifest = self.manifest(dataset, date);
        let files = manifest["files"].as_array().unwrap().iter();
        let texts = files.map(|file| {
            let object = file["object"].as_str().unwrap();
            let bytes = match object.ends_with(".zst") {
                true => zstd::decode_all(&*partition[object]).unwrap(),
                false => partition[object].clone(),
            };
            String::from_utf8(bytes).unwrap()
        });
        texts.collect()
    }
}

/// The last day that is over, in UTC.
pub fn yesterday() -> String {
    (chrono::Utc::now() - chrono::TimeDelta::days(1))
        .format("%Y-%m-%d")
        .to_string()
}
