"""The values for Airflow's Helm chart, and what docs/kubernetes.md says beside them."""

from __future__ import annotations

import re
import unittest

import yaml
from container_files import (
    AIRFLOW_BESIDE_ONE_TASK,
    CHECKOUT,
    VALUES,
    dockerfile,
    environment_of,
    read,
    requirements,
    size_bytes,
)


class Kubernetes(unittest.TestCase):
    def setUp(self) -> None:
        self.values = yaml.safe_load(read(VALUES))
        self.worker = self.values["workers"]["kubernetes"]
        self.settings = {entry["name"]: entry["value"] for entry in self.values["env"]}

    def test_airflow_is_that_of_the_image(self) -> None:
        pins = requirements(CHECKOUT / "docker/airflow/requirements-3.3.2.txt")
        self.assertEqual(self.values["airflowVersion"], pins["apache-airflow"])
        self.assertEqual(self.values["executor"], "KubernetesExecutor")
        images = self.values["images"]
        self.assertEqual(images["pod_template"], images["airflow"])

    def test_a_pod_has_the_memory_of_its_task(self) -> None:
        share = size_bytes(self.settings["LAKE_MEMORY_LIMIT"]) // int(
            self.settings["LAKE_MAX_ACTIVE_RUNS"]
        )
        resources = self.worker["resources"]
        self.assertEqual(size_bytes(resources["limits"]["memory"]), share + AIRFLOW_BESIDE_ONE_TASK)
        # A pod that asks for less than it uses is the first to be put out.
        self.assertEqual(resources["requests"]["memory"], resources["limits"]["memory"])
        self.assertEqual(resources["limits"]["cpu"], self.settings["LAKE_THREADS"])

    def test_the_workspace_is_a_folder_of_the_pod_with_a_limit(self) -> None:
        workspace = environment_of(dockerfile()[1][-1])["LAKE_WORKSPACE_DIR"]
        mounts = {mount["mountPath"]: mount["name"] for mount in self.worker["extraVolumeMounts"]}
        volumes = {volume["name"]: volume for volume in self.worker["extraVolumes"]}
        self.assertEqual(set(mounts.values()), set(volumes))
        self.assertRegex(volumes[mounts[workspace]]["emptyDir"]["sizeLimit"], r"^\d+Gi$")

    def test_connections_are_those_of_the_dags(self) -> None:
        names = {entry["name"] for entry in self.worker["env"]}
        self.assertEqual(names, {"AIRFLOW_CONN_MINIO_DEFAULT", "AIRFLOW_CONN_LAKE_PSEUDONYM"})
        for entry in self.worker["env"]:
            self.assertIn("secretKeyRef", entry["valueFrom"])

    def test_settings_are_those_that_the_stages_and_dags_know(self) -> None:
        known = read(CHECKOUT / "docs/environment.md") + "`LAKE_MAX_ACTIVE_RUNS`"
        for name in self.settings:
            self.assertIn(f"`{name}`", known)

    def test_user_and_group_are_the_images(self) -> None:
        user = dockerfile()[1][-1].arguments("USER")[0]
        pod = self.values["securityContexts"]["pod"]
        self.assertEqual(user, f"{pod['runAsUser']}:{pod['runAsGroup']}")
        self.assertEqual(user, f"{self.values['uid']}:{self.values['gid']}")
        self.assertTrue(pod["runAsNonRoot"])

    def test_nothing_needs_what_only_airflows_own_image_has(self) -> None:
        for component in ("scheduler", "dagProcessor", "triggerer"):
            self.assertFalse(self.values[component]["logGroomerSidecar"]["enabled"], component)
        self.assertFalse(self.values["createUserJob"]["enabled"])

    def test_yaml_in_the_guide_parses_and_its_secrets_are_those_of_the_values(self) -> None:
        guide = read(CHECKOUT / "docs/kubernetes.md")
        for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL):
            self.assertTrue(list(yaml.safe_load_all(block)))
        for name in ("lakehouse-airflow", "lakehouse-connections", "lakehouse-sources"):
            self.assertIn(name, guide)
        for key in (
            "connection",
            "fernet-key",
            "api-secret-key",
            "jwt-secret",
            "minio_default",
            "lake_pseudonym",
        ):
            self.assertIn(f"--from-literal={key}=", guide)


if __name__ == "__main__":
    unittest.main()
