//! A shop with two datasets, a folder of source files, and a look at what bronze made of them.

use std::collections::BTreeMap;
use std::path::Path;

use lakehouse_testkit::{Env, Outcome, Server};
use serde_json::Value;

pub const DATE: &str = "2024-01-15";
pub const PARTITION: &str = "shop/orders/year=2024/month=01/day=15";

const PIPELINE: &str = r#"
name: shop
description: A shop.
owner: tests
environment: [SHOP_DIR]
datasets:
  orders:
    contract: contracts/orders.odcs.yaml
    from: "${SHOP_DIR}/orders"
    files: "{date:%Y-%m-%d}/*.json"
    format: {json: lines}
  returns:
    contract: contracts/returns.odcs.yaml
    from: "${SHOP_DIR}/returns"
    files: "{date:%Y-%m-%d}-*.json"
    format: {json: lines}
    whenMissing: fail
"#;

const CONTRACT: &str = "
apiVersion: v3.2.0
kind: DataContract
id: shop-orders
version: 1.0.0
status: active
schema:
  - name: orders
    logicalType: object
    properties:
      - {name: order_id, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: units, logicalType: integer}
";

/// A server, an environment and the pipeline `shop`.
pub struct Shop {
    pub server: Server,
    pub env: Env,
}

impl Shop {
    /// A shop whose source folders exist and are empty.
    pub fn new() -> Self {
        let server = Server::local_s3();
        let mut env = Env::with_server(&server);
        write_pipeline(&env, PIPELINE);
        for folder in ["source/orders", "source/returns"] {
            std::fs::create_dir_all(env.path(folder)).unwrap();
        }
        let source = env.path("source");
        env.set("SHOP_DIR", source.to_string_lossy());
        Self { server, env }
    }

    /// A shop with the three files of a day.
    pub fn with_day() -> Self {
        let shop = Self::new();
        shop.deliver("a.json", "{\"order_id\":\"1\"}\n");
        shop.deliver("b.json", "{\"order_id\":\"2\"}\n");
        shop.deliver("c.json", "");
        shop
    }

    /// Puts a source file of the day where bronze looks for it. Its time is the same in every
    /// test, since the manifest keeps it.
    pub fn deliver(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self
            .env
            .write(&format!("source/orders/{DATE}/{name}"), content);
        set_time(&path, 1_705_300_000);
    }

    /// Takes a source file away.
    pub fn take_away(&self, name: &str) {
        std::fs::remove_file(self.env.path(&format!("source/orders/{DATE}/{name}"))).unwrap();
    }

    /// Runs bronze for the orders of the day.
    pub fn bronze(&self, more: &[&str]) -> Outcome {
        self.env.stage("bronze", &arguments(more))
    }

    /// Runs bronze, and its run report.
    #[track_caller]
    pub fn done(&self, more: &[&str]) -> Value {
        let outcome = self.bronze(more);
        outcome.expect_code(0);
        outcome.report()
    }

    /// Makes all that the partition holds two hours older, in the server's own folder.
    pub fn age(&self) {
        const TWO_HOURS_MS: u64 = 2 * 60 * 60 * 1000;
        let folder = self.server.data_dir().join("bronze").join(PARTITION);
        for name in self.partition().into_keys() {
            // An object is a link to its bytes, which are beside what is known of them.
            let data = std::fs::canonicalize(folder.join(name)).unwrap();
            let path = data.parent().unwrap().join("meta.json");
            let mut meta: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let modified_ms = meta["modified_ms"].as_u64().unwrap();
            meta["modified_ms"] = Value::from(modified_ms - TWO_HOURS_MS);
            std::fs::write(&path, meta.to_string()).unwrap();
        }
    }

    /// The objects of the day's partition, by name.
    pub fn partition(&self) -> BTreeMap<String, Vec<u8>> {
        objects(&self.server, &format!("bronze/{PARTITION}"))
    }

    /// The manifest.
    pub fn manifest(&self) -> Value {
        serde_json::from_slice(&self.partition()["_manifest.json"]).unwrap()
    }

    /// What the manifest calls a source file's object.
    pub fn object_of(&self, source_name: &str) -> String {
        let manifest = self.manifest();
        let file = manifest["files"]
            .as_array()
            .unwrap()
            .iter()
            .find(|file| file["source_name"] == source_name);
        file.unwrap_or_else(|| panic!("no {source_name} in {manifest}"))["object"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// What is left in the folder of workspaces.
    pub fn workspaces(&self) -> Vec<String> {
        names(&self.env.path("workspace"))
    }
}

/// The arguments of a run for the orders of the day.
pub fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec![
        "--pipeline",
        "shop",
        "--date",
        DATE,
        "--run-id",
        "manual__2024-01-15T00:00:00+00:00",
    ];
    arguments.extend(["--dataset", "orders"]);
    arguments.extend(more);
    arguments
}

/// Makes the pipeline `shop` of this text.
pub fn write_pipeline(env: &Env, text: &str) {
    env.write("pipelines/shop/pipeline.yaml", text);
    env.write("pipelines/shop/contracts/orders.odcs.yaml", CONTRACT);
    let returns = CONTRACT.replace("name: orders", "name: returns");
    env.write("pipelines/shop/contracts/returns.odcs.yaml", returns);
}

/// Sets the time at which a file was last written.
pub fn set_time(path: &Path, secs: u64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(secs);
    std::fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

/// All objects below a prefix (`bucket/prefix`), by name, as the server's folder shows them.
pub fn objects(server: &Server, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let root = server.data_dir().join(prefix);
    let mut objects = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                objects.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    objects
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
