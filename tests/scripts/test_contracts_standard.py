"""Every committed contract is a document of the Open Data Contract Standard, by the standard's
own JSON Schema, and by a validator that is not ours. Run by `make test`.
"""

import json
import pathlib
import re
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTRACT_TESTS = ROOT / "crates" / "contract" / "tests"
SCHEMA = CONTRACT_TESTS / "schema" / "odcs-v3.2.0.schema.json"


class Loader(yaml.SafeLoader):
    """YAML as JSON sees it: a date is a text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def document(text: str):
    return yaml.load(text, Loader)


class Standard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))

    def slips(self, text: str) -> list[str]:
        return [f"{error.json_path}: {error.message}" for error in self.schema.iter_errors(document(text))]

    def test_every_committed_contract(self):
        contracts = sorted([
            *ROOT.glob("pipelines/*/contracts/*.odcs.yaml"),
            *CONTRACT_TESTS.glob("fixtures/*.odcs.yaml"),
        ])  # fmt: skip
        self.assertGreaterEqual(len(contracts), 3)
        for path in contracts:
            with self.subTest(path.relative_to(ROOT)):
                self.assertEqual(self.slips(path.read_text(encoding="utf-8")), [])

    def test_the_contracts_of_the_documentation(self):
        found = 0
        for path in ROOT.glob("docs/**/*.md"):
            for block in re.findall(r"^```yaml\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
                if "kind: DataContract" in block:
                    found += 1
                    with self.subTest(path.relative_to(ROOT)):
                        self.assertEqual(self.slips(block), [])
        self.assertGreaterEqual(found, 2)

    def test_the_schema_would_catch_a_slip(self):
        text = (CONTRACT_TESTS / "fixtures" / "everything.odcs.yaml").read_text(encoding="utf-8")
        self.assertEqual(self.slips(text), [])
        for right, wrong in [
            ("required: true", "requird: true"),
            ("logicalType: timestamp", "logicalType: datetime"),
            ("format: i32", "format: int"),
            ("mustBeGreaterThan: 0", "mustBeGreaterThan: none"),
        ]:
            with self.subTest(wrong):
                self.assertIn(right, text)
                self.assertNotEqual(self.slips(text.replace(right, wrong, 1)), [])


if __name__ == "__main__":
    unittest.main()
