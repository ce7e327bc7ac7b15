"""Has no DAG: it fails to import while something is wrong with a pipeline's folder.

Airflow keeps errors by file, and a file with an error takes its DAGs with it. What is wrong with a
pipeline is therefore shown with this file, which has none, and not with `lakehouse.py`.
"""

from __future__ import annotations

from lakehouse_dags import pipelines

_, _problems = pipelines.read_all()
if _problems:
    raise pipelines.PipelineError("\n".join(_problems))
