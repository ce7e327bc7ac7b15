"""Started by the command `airflow` beside this file, by the Python that Airflow is installed for."""

from lakehouse_backfill.main import main

main()
