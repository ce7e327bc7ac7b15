"""Airflow's connections as the environment variables of a stage. Used in the worker alone."""

from __future__ import annotations

from typing import Any

from lakehouse_dags.airflow_api import AirflowFailException

STORE = "minio_default"
PSEUDONYMS = "lake_pseudonym"


def store_environment() -> dict[str, str]:
    """The address and the credentials of the object store."""
    connection = _get(STORE)
    extra = connection.extra_dejson
    service = (extra.get("service_config") or {}).get("s3") or {}
    style = ((extra.get("config_kwargs") or {}).get("s3") or {}).get("addressing_style")
    path_style = extra.get("path_style", {"path": True, "virtual": False}.get(style))
    if not connection.login or not connection.password:
        raise AirflowFailException(
            f"the connection `{STORE}` has no login or no password: they are the access key and "
            "the secret key of the store"
        )
    found = {
        "AWS_ACCESS_KEY_ID": connection.login,
        "AWS_SECRET_ACCESS_KEY": connection.password,
        "AWS_SESSION_TOKEN": extra.get("aws_session_token"),
        "AWS_ENDPOINT_URL": service.get("endpoint_url") or extra.get("endpoint_url"),
        "AWS_REGION": extra.get("region_name"),
        "LAKE_S3_PATH_STYLE": None if path_style is None else str(path_style).lower(),
    }
    _hide(found["AWS_SECRET_ACCESS_KEY"], found["AWS_SESSION_TOKEN"])
    return {name: value for name, value in found.items() if value}


def pseudonym_environment() -> dict[str, str]:
    """The key of pseudonyms."""
    connection = _get(PSEUDONYMS)
    if not connection.password:
        raise AirflowFailException(
            f"the connection `{PSEUDONYMS}` has no password: it is the key of pseudonyms"
        )
    _hide(connection.password)
    return {"LAKE_PSEUDONYM_KEY": connection.password}


def _get(connection_id: str) -> Any:
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise AirflowFailException(
            f"there is no connection `{connection_id}`: make it in Airflow (docs/airflow.md)"
        ) from error


def _hide(*secrets: str | None) -> None:
    """Blots secrets out of logs and rendered fields, should anything ever print one."""
    # Not from the provider that has Airflow's other names: its last version for Python 3.10 lacks it.
    try:
        from airflow.sdk.log import mask_secret
    except ImportError:
        from airflow.utils.log.secrets_masker import mask_secret

    for secret in filter(None, secrets):
        mask_secret(secret)
