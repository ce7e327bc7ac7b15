"""The connection of the store: read as Airflow's own hooks read it, or refused by name."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from lakehouse_dags import connections

SECRET = "canary-of-the-store/+=%22"
ADDRESS = "http://127.0.0.1:9000"


def read(monkeypatch: pytest.MonkeyPatch, extra: Any = None, **fields: Any) -> dict[str, str]:
    connection = {"conn_type": "aws", "login": "lake-login", "password": SECRET, **fields}
    if extra is not None:
        connection["extra"] = extra
    monkeypatch.setenv("AIRFLOW_CONN_MINIO_DEFAULT", json.dumps(connection))
    return connections.store_environment()


def refusal(monkeypatch: pytest.MonkeyPatch, extra: Any = None, **fields: Any) -> str:
    with pytest.raises(AirflowFailException) as error:
        read(monkeypatch, extra, **fields)
    said = str(error.value)
    assert "minio_default" in said
    assert SECRET not in said
    assert error.value.__cause__ is None
    return said


def of_airflow(**fields: Any) -> Any:
    """The same connection as Airflow's own hooks understand it."""
    wrapper = pytest.importorskip("airflow.providers.amazon.aws.utils.connection_wrapper")
    try:
        from airflow.sdk import Connection
    except ImportError:
        from airflow.models import Connection
    connection = {"conn_type": "aws", "login": "lake-login", "password": SECRET, **fields}
    connection["extra"] = json.dumps(connection.get("extra", {}))
    return wrapper.AwsConnectionWrapper(conn=Connection(conn_id="minio_default", **connection))


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"endpoint_url": ADDRESS},
        {"endpoint_url": "http://all:1", "service_config": {"s3": {"endpoint_url": ADDRESS}}},
        {"endpoint_url": ADDRESS, "service_config": {"sts": {"endpoint_url": "http://sts:1"}}},
        {"region_name": "eu-west-3"},
        {"aws_session_token": "token"},
        {"session_kwargs": {"aws_session_token": "token"}},
        {"aws_access_key_id": "unused", "aws_secret_access_key": "unused"},
        {"verify": "/etc/ca.pem"},
        {"verify": True},
    ],
)
def test_it_is_read_as_by_airflows_own_hooks(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any]
) -> None:
    found, airflow = read(monkeypatch, extra), of_airflow(extra=extra)
    assert found.get("AWS_ENDPOINT_URL") == airflow.get_service_endpoint_url("s3")
    assert found.get("AWS_REGION") == airflow.region_name
    assert found["AWS_ACCESS_KEY_ID"] == airflow.aws_access_key_id
    assert found["AWS_SECRET_ACCESS_KEY"] == airflow.aws_secret_access_key
    assert found.get("AWS_SESSION_TOKEN") == airflow.aws_session_token
    verify = airflow.verify if isinstance(airflow.verify, str) else None
    assert found.get("AWS_CA_BUNDLE") == verify


@pytest.mark.parametrize("where", ["extra", "session_kwargs"])
def test_keys_may_stand_in_extra(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    keys = {"aws_access_key_id": "in-extra", "aws_secret_access_key": SECRET}
    extra = keys if where == "extra" else {"session_kwargs": keys}
    fields = {"login": None, "password": None}
    found, airflow = read(monkeypatch, extra, **fields), of_airflow(extra=extra, **fields)
    assert found["AWS_ACCESS_KEY_ID"] == airflow.aws_access_key_id == "in-extra"
    assert found["AWS_SECRET_ACCESS_KEY"] == SECRET


def test_tables_and_booleans_may_be_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {
        "service_config": json.dumps({"s3": {"endpoint_url": ADDRESS}}),
        "config_kwargs": json.dumps({"s3": {"addressing_style": "virtual"}}),
        "verify": "true",
        "region_name": "eu-west-3",
    }
    # As a form writes them, and as the URI of a connection does.
    user = f"lake-login:{quote(SECRET, safe='')}"
    for connection in (
        json.dumps(
            {"conn_type": "aws", "login": "lake-login", "password": SECRET, "extra": fields}
        ),
        f"aws://{user}@/?{urlencode(fields)}",
    ):
        monkeypatch.setenv("AIRFLOW_CONN_MINIO_DEFAULT", connection)
        assert connections.store_environment() == {
            "AWS_ACCESS_KEY_ID": "lake-login",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": ADDRESS,
            "AWS_REGION": "eu-west-3",
            "LAKE_S3_PATH_STYLE": "false",
        }


def test_the_clients_settings_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        "retries": {"mode": "standard", "total_max_attempts": 5},
        "connect_timeout": 7,
        "read_timeout": "11",
        "region_name": "eu-west-3",
        "signature_version": "s3v4",
        "s3": {"addressing_style": "path"},
    }
    found = read(monkeypatch, {"config_kwargs": config})
    assert found["AWS_MAX_ATTEMPTS"] == "5"
    assert found["LAKE_S3_CONNECT_TIMEOUT_SECS"] == "7"
    assert found["LAKE_S3_READ_TIMEOUT_SECS"] == "11"
    assert found["AWS_REGION"] == "eu-west-3"
    assert found["LAKE_S3_PATH_STYLE"] == "true"
    config["retries"] = {"max_attempts": 5}
    found = read(monkeypatch, {"region_name": "us-east-2", "config_kwargs": config})
    assert (found["AWS_MAX_ATTEMPTS"], found["AWS_REGION"]) == ("6", "us-east-2")


def test_empty_fields_of_a_form_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"role_arn": "", "verify": None, "service_config": {}, "config_kwargs": "", "x": []}
    assert set(read(monkeypatch, extra)) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"role_arn": "arn:aws:iam::1:role/x"}, ["`role_arn`", "role"]),
        ({"assume_role_method": "assume_role"}, ["`assume_role_method`"]),
        ({"profile_name": "lake"}, ["`profile_name`", "profile"]),
        ({"session_kwargs": {"profile_name": "lake"}}, ["`session_kwargs.profile_name`"]),
        ({"host": ADDRESS}, ["`host`", "endpoint_url"]),
        ({"region": "eu-west-3"}, ["`region`", "region_name"]),
        ({"endpoint": ADDRESS}, ["`endpoint`"]),
        ({"endpoint_url": 9000}, ["`endpoint_url`", "text"]),
        ({"verify": False}, ["`verify`", "PEM"]),
        ({"verify": "False"}, ["`verify`", "PEM"]),
        ({"verify": 1.5}, ["`verify`"]),
        ({"service_config": "s3"}, ["`service_config`", "JSON object"]),
        ({"service_config": {"s3": ADDRESS}}, ["`service_config.s3`", "JSON object"]),
        ({"service_config": {"s3": {"use_ssl": False}}}, ["`service_config.s3.use_ssl`"]),
        (
            {"config_kwargs": {"signature_version": "unsigned"}},
            ["`config_kwargs.signature_version`"],
        ),
        ({"config_kwargs": {"proxies": {"http": "x"}}}, ["`config_kwargs.proxies`", "HTTP_PROXY"]),
        ({"config_kwargs": {"s3": {"addressing_style": "none"}}}, ["addressing_style", "'none'"]),
        ({"config_kwargs": {"s3": {"addressing_style": []}}}, ["addressing_style"]),
        (
            {"config_kwargs": {"retries": {"max_attempts": 1.5}}},
            ["`config_kwargs.retries.max_attempts`"],
        ),
        ({"config_kwargs": {"read_timeout": "soon"}}, ["`config_kwargs.read_timeout`"]),
        ({"path_style": "yes please"}, ["`path_style`"]),
        ("{endpoint_url:", ["extra", "JSON object"]),
        ("[1]", ["extra", "JSON object"]),
    ],
)
def test_what_is_not_understood_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, extra: Any, words: list[str]
) -> None:
    said = refusal(monkeypatch, extra)
    for word in words:
        assert word in said


def test_host_and_port_are_not_read_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for fields in ({"host": "minio"}, {"host": ADDRESS}, {"port": 9000}):
        # Airflow's own hooks do not read them either.
        assert of_airflow(**fields).get_service_endpoint_url("s3") is None
        assert "endpoint_url" in refusal(monkeypatch, **fields)
    extra = {"endpoint_url": ADDRESS}
    for fields in ({"host": "127.0.0.1"}, {"host": ADDRESS}, {"host": "127.0.0.1", "port": 9000}):
        assert read(monkeypatch, extra, **fields)["AWS_ENDPOINT_URL"] == ADDRESS
    for fields in ({"host": "minio"}, {"host": "http://127.0.0.1:9001"}, {"port": 9001}):
        assert "host and port" in refusal(monkeypatch, extra, **fields)
