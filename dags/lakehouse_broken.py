"""Has no DAG: it fails to import while a pipeline's folder is broken.

Airflow keeps errors by file, and a file with an error takes its DAGs with it. The error of a
pipeline is therefore shown with this file, which has none, and not with `lakehouse.py`.
"""

from __future__ import annotations

from lakehouse_dags import pipelines

_pipelines, _broken = pipelines.read_all()
if _broken:
    raise pipelines.PipelineError("\n".join(str(error) for error in _broken))
