"""Tests on a real Airflow, with a real store and the real executables."""
