"""What the guides tell people to write works as it stands there.

Run by `make test`; by hand: LAKE_BIN_DIR=… python3 <this file>, after `make build`.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAKE = pathlib.Path(os.environ.get("LAKE_BIN_DIR", ROOT / "target" / "release")) / "lake"


def blocks(guide: str, language: str) -> list[str]:
    """The code blocks of a guide."""
    text = (ROOT / "docs" / "guide" / guide).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


class Guides(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.pipelines = pathlib.Path(folder.name) / "pipelines"

    def write(self, path: str, text: str):
        file = self.pipelines / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def lake(self, *arguments: str):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.pipelines.parent),
            "LAKE_WORKSPACE_DIR": str(self.pipelines.parent / "workspaces"),
            "LAKE_PIPELINES_DIR": str(self.pipelines),
        }
        result = subprocess.run([LAKE, *arguments], env=environment, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        return result

    def test_add_a_dataset(self):
        pipeline, contract, case = blocks("add-a-dataset.md", "yaml")
        (mart,) = blocks("add-a-dataset.md", "sql")
        source, quarantine, gold = blocks("add-a-dataset.md", "csv")
        self.write("orders/pipeline.yaml", pipeline)
        self.write("orders/contracts/orders.odcs.yaml", contract)
        self.write("orders/marts/orders_per_channel.sql", mart)
        self.write("orders/tests/one_day/case.yaml", case)
        self.write("orders/tests/one_day/source/orders/orders-2026-01-31.csv", source)
        self.write("orders/tests/one_day/expected/2026-01-31/quarantine/orders.csv", quarantine)
        self.write("orders/tests/one_day/expected/2026-01-31/gold/orders_per_channel.csv", gold)
        self.lake("validate", "orders")
        self.assertIn("1 passed, 0 failed", self.lake("test", "orders").stdout)

    def test_add_a_mart(self):
        shutil.copytree(ROOT / "pipelines" / "sales", self.pipelines / "sales")
        # The second SELECT is about lists in a dataset that `sales` has not.
        mart, _lines = blocks("add-a-mart.md", "sql")
        line = blocks("add-a-mart.md", "yaml")[0].splitlines()[1]
        self.write("sales/marts/hourly_revenue.sql", mart)
        file = self.pipelines / "sales" / "pipeline.yaml"
        self.write("sales/pipeline.yaml", file.read_text(encoding="utf-8") + line + "\n")
        self.assertIn("3 marts", self.lake("validate", "sales").stdout)

    def test_make_a_star(self):
        pipeline, orders, products, case = blocks("make-a-star.md", "yaml")
        (lines,) = blocks("make-a-star.md", "json")
        (catalogue,) = blocks("make-a-star.md", "tsv")
        (revenue,) = blocks("make-a-star.md", "csv")
        self.write("shop/pipeline.yaml", pipeline)
        self.write("shop/contracts/orders.odcs.yaml", orders)
        self.write("shop/contracts/products.odcs.yaml", products)
        for mart in blocks("make-a-star.md", "sql"):
            name = re.match(r"-- pipelines/shop/marts/(\w+)\.sql\n", mart).group(1)
            self.write(f"shop/marts/{name}.sql", mart)
        self.write("shop/tests/two_orders/case.yaml", case)
        self.write("shop/tests/two_orders/source/orders/2026-01-31.jsonl", lines)
        self.write("shop/tests/two_orders/source/products/2026-01-31.tsv", catalogue)
        self.assertIn("2 datasets, 3 marts", self.lake("validate", "shop").stdout)
        self.lake("test", "shop", "--accept")
        self.assertIn("1 passed, 0 failed", self.lake("test", "shop").stdout)
        expected = self.pipelines / "shop/tests/two_orders/expected/2026-01-31"
        written = expected / "gold/revenue_per_category.csv"
        self.assertEqual(written.read_text(encoding="utf-8"), revenue)
        # The quotes are in the names, and nothing is in the quarantine.
        self.assertIn('A-1,"12"" ruler, ""steel""",office', (expected / "silver/products.csv").read_text())
        rules = (expected / "quarantine/products.csv").read_text()
        self.assertEqual(rules, "file,position,column,rule\n")

    def test_states(self):
        contract, marts = blocks("states.md", "yaml")
        (versions,) = blocks("states.md", "sql")
        head = (
            "apiVersion: v3.2.0\nkind: DataContract\nid: {0}\nversion: 1.0.0\n"
            "schema:\n  - name: {0}\n"
        )
        self.write("shop/contracts/customers.odcs.yaml", head.format("customers") + contract)
        orders = (
            "    properties:\n      - {name: order_id, logicalType: integer, primaryKey: true}\n"
            "      - {name: customer_id, logicalType: integer}\n"
        )
        self.write("shop/contracts/orders.odcs.yaml", head.format("orders") + orders)
        datasets = "".join(
            f"  {name}: {{contract: contracts/{name}.odcs.yaml, from: /{name}, "
            "files: '{date:%Y-%m-%d}.csv', format: {csv: {}}}\n"
            for name in ("customers", "orders")
        )
        self.write("shop/pipeline.yaml", f"name: shop\ndatasets:\n{datasets}{marts}")
        self.write("shop/marts/customer_versions.sql", versions)
        self.write(
            "shop/marts/order_facts.sql",
            "select order_id, country from silver.orders left join silver.customers using (customer_id)",
        )
        self.write(
            "shop/marts/customers_by_country.sql",
            "select country, count(*) as customers from silver.customers group by country",
        )
        self.assertIn("2 datasets, 3 marts", self.lake("validate", "shop").stdout)


if __name__ == "__main__":
    unittest.main()
