"""Started by the command `airflow` beside this file, with the Python of Airflow itself."""

from lakehouse_backfill.main import main

main()
