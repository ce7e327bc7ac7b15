"""One Airflow DAG per pipeline folder, and the janitor.

A folder that no DAG can be made of takes none of the others with it: `lakehouse_broken.py` shows
what is wrong with it as an import error. A pipeline with a broken contract or mart keeps its DAG:
its tasks fail and say why, and whoever is told of failures is told.
"""

from __future__ import annotations

from lakehouse_dags import dag, janitor, pipelines, settings
from lakehouse_dags.airflow_api import get_parsing_context

_settings = settings.read()
# A worker parses this file for one DAG: it builds no other.
_wanted = get_parsing_context().dag_id
_pipelines, _ = pipelines.read_all(_wanted)

for _pipeline in _pipelines:
    if _wanted in (None, _pipeline.name):
        globals()[f"DAG_{_pipeline.name}"] = dag.build(_pipeline, _settings)
if _wanted in (None, pipelines.JANITOR):
    DAG_JANITOR = janitor.build(_pipelines, _settings)
