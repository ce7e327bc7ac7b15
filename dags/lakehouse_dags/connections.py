"""Airflow's connections as the environment variables of a stage. Used in the worker alone.

What Airflow's own AWS hooks read of a connection is read here from the same fields. What a stage
cannot do, such as taking on a role, is refused by its name: left out in silence, it would show as
a store that refuses everything, or as another store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from lakehouse_dags.airflow_api import AirflowFailException

STORE = "minio_default"
PSEUDONYMS = "lake_pseudonym"

_REGION = "region_name"
# What an empty field of Airflow's form arrives as.
_NOTHING: tuple[Any, ...] = (None, "", {}, [])


class _Problem(Exception):
    """A field that cannot be used; the text names it and never holds a credential."""


def store_environment() -> dict[str, str]:
    """The address and the credentials of the object store."""
    connection = _get(STORE)
    try:
        found = _store_variables(connection)
    except _Problem as problem:
        raise AirflowFailException(f"the connection `{STORE}`: {problem}") from None
    _hide(found["AWS_SECRET_ACCESS_KEY"], found.get("AWS_SESSION_TOKEN"))
    return found


def pseudonym_environment() -> dict[str, str]:
    """The key of pseudonyms."""
    connection = _get(PSEUDONYMS)
    if not connection.password:
        raise AirflowFailException(
            f"the connection `{PSEUDONYMS}` has no password: it is the key of pseudonyms"
        )
    _hide(connection.password)
    return {"LAKE_PSEUDONYM_KEY": connection.password}


def source_environment(sources: Iterable[str]) -> dict[str, str]:
    """How to reach each of a pipeline's databases, as Airflow itself writes a connection."""
    found = {}
    for name in sources:
        connection = _get(name)
        _hide(connection.password)
        fields = {
            "conn_type": connection.conn_type,
            "login": connection.login,
            "password": connection.password,
            "host": connection.host,
            "port": connection.port,
            "schema": connection.schema,
            "extra": connection.extra,
        }
        given = {field: value for field, value in fields.items() if value not in _NOTHING}
        found[f"LAKE_CONNECTION_{name.upper()}"] = json.dumps(given)
    return found


def _store_variables(connection: Any) -> dict[str, str]:
    extra = _extra(connection)
    service = _services(extra.pop("service_config", None))
    endpoint = _text("endpoint_url", extra.pop("endpoint_url", None))
    # An endpoint of S3's own wins, as in Airflow's hooks; an empty one is none.
    own_endpoint = service.pop("endpoint_url", None)
    endpoint = _text("service_config.s3.endpoint_url", own_endpoint) or endpoint
    session = _table("session_kwargs", extra.pop("session_kwargs", None))
    region = _text(_REGION, extra.pop(_REGION, None)) or _text(
        f"session_kwargs.{_REGION}", session.pop(_REGION, None)
    )
    ca_bundle = _ca_bundle(extra.pop("verify", None))
    config = _client_config(_table("config_kwargs", extra.pop("config_kwargs", None)))
    region = region or config.pop("AWS_REGION", None)
    path_style = _yes_or_no("path_style", extra.pop("path_style", None))
    login, password, token = _credentials(connection, extra, session)
    _check_host(connection, endpoint)
    # The bucket of operators that are given none; a stage is always given one.
    service.pop("bucket_name", None)
    _refuse("", extra)
    _refuse("session_kwargs.", session)
    _refuse("service_config.s3.", service)
    found = {
        **config,
        "AWS_ACCESS_KEY_ID": login,
        "AWS_SECRET_ACCESS_KEY": password,
        "AWS_SESSION_TOKEN": token,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_CA_BUNDLE": ca_bundle,
    }
    if path_style is not None:
        found["LAKE_S3_PATH_STYLE"] = path_style
    return {name: value for name, value in found.items() if value}


def _extra(connection: Any) -> dict[str, Any]:
    """The extra of a connection. Airflow takes one that is not JSON for an empty one."""
    try:
        found = json.loads(connection.extra or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _Problem("its extra is not a JSON object")
    return found


def _credentials(
    connection: Any, extra: dict[str, Any], session: dict[str, Any]
) -> tuple[str, str, str | None]:
    """Login and password, else the same in extra, else in `session_kwargs`: as Airflow does."""
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    found = [(connection.login, connection.password, None)]
    for fields, before in ((extra, ""), (session, "session_kwargs.")):
        texts = [_text(f"{before}{name}", fields.pop(name, None)) for name in names]
        found.append((texts[0], texts[1], texts[2]))
    for login, password, _ in found:
        if login and password:
            return login, password, next((token for *_, token in found if token), None)
    raise _Problem(
        "it has no login or no password: they are the access key and the secret key of the store"
    )


def _check_host(connection: Any, endpoint: str | None) -> None:
    """Airflow's AWS hooks read neither host nor port; whoever fills them in means the endpoint."""
    host, port = connection.host or None, connection.port or None
    if not host and not port:
        return
    if endpoint:
        # One URL may stand in the host's field, with the port in its own or not.
        try:
            named = urlsplit(host if host and "://" in host else f"//{host or ''}")
            meant = urlsplit(endpoint)
            same_host = not host or named.hostname == meant.hostname
            same_port = all(
                one in (None, meant.port) for one in (named.port, int(port) if port else None)
            )
        except ValueError:
            same_host = same_port = False
        if same_host and same_port:
            return
        raise _Problem(
            "its host and port are not those of `endpoint_url`, and only that is read; remove "
            "them, or make them the same"
        )
    raise _Problem(
        "`host` and `port` are not read, by Airflow's AWS hooks neither: write the address into "
        'extra, `{"endpoint_url": "http://host:port"}`'
    )


def _services(value: Any) -> dict[str, Any]:
    services = _table("service_config", value)
    return _table("service_config.s3", services.get("s3"))


def _ca_bundle(verify: Any) -> str | None:
    """`verify` of botocore: whether certificates are verified, or the file with whose."""
    if isinstance(verify, str) and verify.strip().lower() in ("true", "false"):
        verify = verify.strip().lower() == "true"
    if verify in _NOTHING or verify is True:
        return None
    if verify is False:
        raise _Problem(
            "`verify` is false, and certificates are always verified: make it the path of a PEM "
            "file with the certificate of the CA, on the workers"
        )
    return _text("verify", verify)


def _client_config(config: dict[str, Any]) -> dict[str, str | None]:
    """What of botocore's `config_kwargs` means something to a stage."""
    found: dict[str, str | None] = {}
    s3 = _table("config_kwargs.s3", config.pop("s3", None))
    style = s3.pop("addressing_style", None)
    styles = {None: None, "": None, "auto": None, "path": "true", "virtual": "false"}
    if not isinstance(style, (str, type(None))) or style not in styles:
        raise _Problem(
            f"`config_kwargs.s3.addressing_style` is {style!r}; it is `path`, `virtual` or `auto`"
        )
    found["LAKE_S3_PATH_STYLE"] = styles[style]
    retries = _table("config_kwargs.retries", config.pop("retries", None))
    # `legacy`, `standard` and `adaptive` differ in when they wait; a stage has one way to.
    retries.pop("mode", None)
    again, total = (
        _number(f"config_kwargs.retries.{name}", retries.pop(name, None))
        for name in ("max_attempts", "total_max_attempts")
    )
    # botocore's `max_attempts` leaves the first one out of the count.
    attempts = total if total is not None else None if again is None else again + 1
    found["AWS_MAX_ATTEMPTS"] = None if attempts is None else str(attempts)
    for option, variable in (
        ("connect_timeout", "LAKE_S3_CONNECT_TIMEOUT_SECS"),
        ("read_timeout", "LAKE_S3_READ_TIMEOUT_SECS"),
    ):
        secs = _number(f"config_kwargs.{option}", config.pop(option, None))
        found[variable] = None if secs is None else str(secs)
    found["AWS_REGION"] = _text(f"config_kwargs.{_REGION}", config.pop(_REGION, None))
    if config.get("signature_version") in ("s3v4", "v4"):
        del config["signature_version"]
    # How many connections boto3 keeps, and how it calls itself.
    for option in ("max_pool_connections", "user_agent", "user_agent_extra", "tcp_keepalive"):
        config.pop(option, None)
    _refuse("config_kwargs.", config)
    _refuse("config_kwargs.s3.", s3)
    _refuse("config_kwargs.retries.", retries)
    return found


_ROLES = (
    "roles are not taken on by a stage: give the connection the keys of a user, or temporary "
    "credentials with `aws_session_token`"
)
_PROFILES = "profiles of a worker's files are not read: credentials come from the connection alone"
_WHY = {
    "role_arn": _ROLES,
    "assume_role_method": _ROLES,
    "assume_role_kwargs": _ROLES,
    "external_id": _ROLES,
    "profile": _PROFILES,
    "profile_name": _PROFILES,
    "session_kwargs.profile_name": _PROFILES,
    "s3_config_file": _PROFILES,
    "s3_config_format": _PROFILES,
    "host": 'write `"endpoint_url"` instead',
    "region": f'write `"{_REGION}"` instead',
    "config_kwargs.signature_version": "requests are signed by version 4 alone",
    "config_kwargs.proxies": "set HTTP_PROXY, HTTPS_PROXY and NO_PROXY for the workers",
}


def _refuse(before: str, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if value in _NOTHING:
            continue
        full = f"{before}{name}"
        why = _WHY.get(full, "remove it, or write what docs/airflow.md says (Connections)")
        raise _Problem(f"`{full}` in its extra is not understood: {why}")


def _table(name: str, value: Any) -> dict[str, Any]:
    """A table, or the text of one: a form has one line for a field."""
    if value in _NOTHING:
        return {}
    return dict(_of_kind(name, value, "a JSON object", lambda found: isinstance(found, dict)))


def _number(name: str, value: Any) -> int | None:
    if value in _NOTHING:
        return None

    def is_whole(found: Any) -> bool:
        is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
        return is_number and found >= 0 and found == int(found)

    return int(_of_kind(name, value, "a whole number", is_whole))


def _of_kind(name: str, value: Any, kind: str, fits: Callable[[Any], bool]) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not fits(value):
        raise _Problem(f"`{name}` in its extra is not {kind}")
    return value


def _text(name: str, value: Any) -> str | None:
    if value in _NOTHING:
        return None
    if not isinstance(value, str):
        raise _Problem(f"`{name}` in its extra is not a text")
    return value


def _yes_or_no(name: str, value: Any) -> str | None:
    if value in _NOTHING:
        return None
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise _Problem(f"`{name}` in its extra is neither true nor false")
    return text


def _get(connection_id: str) -> Any:
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise AirflowFailException(
            f"there is no connection `{connection_id}`: make it in Airflow (docs/airflow.md)"
        ) from error


def _hide(*secrets: str | None) -> None:
    """Masks secrets in logs and rendered fields, should anything ever print one."""
    # Not from the provider that has Airflow's other names: its last version for Python 3.10 lacks it.
    try:
        from airflow.sdk.log import mask_secret
    except ImportError:
        from airflow.utils.log.secrets_masker import mask_secret

    for secret in filter(None, secrets):
        mask_secret(secret)
