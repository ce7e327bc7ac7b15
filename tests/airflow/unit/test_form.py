"""The form of a manual run."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakehouse_dags import form, pipelines
from lakehouse_dags.form import Form, FormError
from lakehouse_dags.pipelines import Pipeline
from shop import SOUND, write


RETURNS = """\
  returns:
    contract: contracts/returns.odcs.yaml
    from: "${SHOP_DIR}"
    files: "*"
    format: {json: lines}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Pipeline:
    text = SOUND.replace("marts:", RETURNS + "marts:")
    return pipelines.read(write(tmp_path / "shop", text))


def test_an_empty_form_asks_for_everything(shop: Pipeline) -> None:
    fields = form.parameters(shop)
    defaults = {name: field.resolve() for name, field in fields.items()}
    assert defaults == {"date": None, "datasets": [], "profile": False, "prune": False}
    assert form.read(defaults, shop) == Form(None, (), False, False)


def test_the_form_says_what_an_empty_date_means(shop: Pipeline) -> None:
    said = form.parameters(shop)["date"].schema["description_md"]
    assert "**Empty**" in said
    assert "last day that had closed" in said
    assert "Asia/Tokyo" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [("date", "2025-11-01"), ("datasets", ["returns"]), ("profile", True), ("prune", True)],
)
def test_what_airflow_accepts(shop: Pipeline, name: str, value: object) -> None:
    field = form.parameters(shop)[name]
    assert field.resolve(value=value) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date", "tomorrow"),
        ("date", "2025-11-01; rm -rf /"),
        ("datasets", ["other"]),
        ("datasets", "orders"),
        ("profile", "yes"),
        ("prune", 1),
    ],
)
def test_what_airflow_refuses(shop: Pipeline, name: str, value: object) -> None:
    from airflow.providers.common.compat.sdk import ParamValidationError

    with pytest.raises(ParamValidationError):
        form.parameters(shop)[name].resolve(value=value)


@pytest.mark.parametrize(
    "values",
    [
        {"datasets": ["$(reboot)"]},
        {"datasets": "orders"},
        {"datasets": [1]},
        {"date": 20251101},
        {"profile": "true"},
        {"prune": "--help"},
    ],
)
def test_a_worker_refuses_what_nobody_checked(shop: Pipeline, values: dict[str, object]) -> None:
    with pytest.raises(FormError):
        form.read(values, shop)
