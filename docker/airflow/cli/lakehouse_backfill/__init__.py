"""`airflow dags backfill` for the lakehouse's pipelines, the same on Airflow 3.3 and 2.11."""
