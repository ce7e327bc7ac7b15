"""A real object store for the tests: MinIO where it is built, else the embedded server."""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from . import places

MINIO = places.CHECKOUT / "tests" / "scripts" / "minio.sh"


class Object(NamedTuple):
    """What a listing says of an object."""

    etag: str
    modified: Any


class Store:
    """A running store, its address and its credentials."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._embedded: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        cached = subprocess.run(
            [MINIO, "cached"], env=places.machine(), stdout=subprocess.PIPE, check=False
        )
        if cached.returncode == 0:
            self.name = "MinIO"
            self.variables = self._start_minio()
        else:
            # As for every other server: there nothing may be missing unnoticed.
            assert places.STARTED_IN.get("CI") != "true", "CI=true, and MinIO is not built"
            self.name = "lake-local-s3"
            self.variables = self._start_embedded()
        self.variables["LAKE_CREATE_BUCKETS"] = "true"
        import boto3

        self._client = boto3.client(
            "s3",
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )

    @property
    def login(self) -> str:
        return self.variables["AWS_ACCESS_KEY_ID"]

    @property
    def secret(self) -> str:
        return self.variables["AWS_SECRET_ACCESS_KEY"]

    def _start_minio(self) -> dict[str, str]:
        file = subprocess.run(
            [MINIO, "start", self.folder],
            env=places.machine(),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.strip()
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def _start_embedded(self) -> dict[str, str]:
        port_file = self.folder / "port"
        login, secret = f"test-{secrets.token_hex(6)}", secrets.token_hex(20)
        with (self.folder / "server.log").open("wb") as log:
            self._embedded = subprocess.Popen(
                [
                    places.bin_dir() / "lake-local-s3",
                    "--data-dir",
                    self.folder / "data",
                    "--address",
                    "127.0.0.1:0",
                    "--port-file",
                    port_file,
                ],
                env=places.machine()
                | {"AWS_ACCESS_KEY_ID": login, "AWS_SECRET_ACCESS_KEY": secret},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 15
        while not (port_file.exists() and port_file.read_text().strip()):
            assert self._embedded.poll() is None and time.monotonic() < end, (
                "the store did not start"
            )
            time.sleep(0.05)
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port_file.read_text().strip()}",
            "AWS_ACCESS_KEY_ID": login,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "LAKE_S3_PATH_STYLE": "true",
        }

    def stop(self) -> None:
        if self._embedded is None:
            subprocess.run([MINIO, "stop", self.folder], env=places.machine(), check=False)
        else:
            os.killpg(self._embedded.pid, signal.SIGTERM)
            self._embedded.wait(15)

    def buckets(self) -> list[str]:
        return [bucket["Name"] for bucket in self._client.list_buckets()["Buckets"]]

    def objects(self, bucket: str, prefix: str = "") -> dict[str, Object]:
        """The objects below a prefix, by key."""
        if bucket not in self.buckets():
            return {}
        found = {}
        for page in self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix
        ):
            for entry in page.get("Contents", ()):
                found[entry["Key"]] = Object(entry["ETag"], entry["LastModified"])
        return found

    def everything(self) -> dict[str, Object]:
        """All objects of all buckets, without what no reader of the lake looks at."""
        return {
            f"{bucket}/{key}": found
            for bucket in self.buckets()
            if bucket != "staging"
            for key, found in self.objects(bucket).items()
        }

    def read(self, bucket: str, key: str) -> bytes:
        return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def contents(self, bucket: str, prefix: str) -> dict[str, str]:
        """The SHA-256 of each object below a prefix, by the key's rest."""
        return {
            key.removeprefix(prefix): hashlib.sha256(self.read(bucket, key)).hexdigest()
            for key in self.objects(bucket, prefix)
        }

    def download(self, folder: Path) -> None:
        """Every object of every bucket, staging included, as a file."""
        for bucket in self.buckets():
            for key in self.objects(bucket):
                target = folder / bucket / key
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.read(bucket, key))
