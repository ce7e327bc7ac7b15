"""Airflow DAGs of the lakehouse, made from the folders of pipelines."""
