"""The environment of a stage: what is listed here, and nothing else of the worker's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

# What the stages read (docs/environment.md), without what connections give and budgets set.
LAKE_VARIABLES = (
    "AWS_MAX_ATTEMPTS",
    "LAKE_BRONZE_URL",
    "LAKE_CREATE_BUCKETS",
    "LAKE_GOLD_URL",
    "LAKE_LOG",
    "LAKE_LOG_FORMAT",
    "LAKE_MAX_RECORD_BYTES",
    "LAKE_QUARANTINE_URL",
    "LAKE_S3_CONNECT_TIMEOUT_SECS",
    "LAKE_S3_OPERATION_TIMEOUT_SECS",
    "LAKE_S3_PATH_STYLE",
    "LAKE_S3_READ_TIMEOUT_SECS",
    "LAKE_SILVER_URL",
    "LAKE_SOURCE_ROOT",
    "LAKE_STAGING_URL",
    "LAKE_WAREHOUSE_DIR",
    "LAKE_WORKSPACE_DIR",
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
MACHINE_VARIABLES = (
    "TMPDIR",
    *_PROXIES,
    *(name.lower() for name in _PROXIES),
    "AWS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)


class EnvironmentProblem(Exception):
    """A worker without what every stage needs; the text says what."""


def of_worker(declared: Iterable[str], pipelines_dir: Path) -> dict[str, str]:
    """What a stage takes over from the worker: the lake's settings, what the pipeline declares,
    and what belongs to the machine."""
    bin_dir = os.environ.get("LAKE_BIN_DIR", "")
    if not os.path.isabs(bin_dir):
        raise EnvironmentProblem(
            f"LAKE_BIN_DIR is `{bin_dir}` in the worker's environment; it must be the absolute "
            "path of the folder with the stages' executables"
        )
    taken = {
        name: value
        for name in (*LAKE_VARIABLES, *MACHINE_VARIABLES, *declared)
        if (value := os.environ.get(name))
    }
    return {
        # A task's log is read by people.
        "LAKE_LOG_FORMAT": "text",
        **taken,
        "LAKE_BIN_DIR": bin_dir,
        "LAKE_PIPELINES_DIR": str(pipelines_dir),
        # A shell that finds no level takes itself for a login's first and runs ~/.bashrc.
        "SHLVL": "1",
    }
