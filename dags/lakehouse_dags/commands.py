"""What tasks run. Values reach the shell as quoted variables alone; no template is in here."""

from __future__ import annotations

# One `--dataset` for each line of the variable.
_DATASETS = """\
set --
while IFS= read -r dataset; do
  [ -z "$dataset" ] || set -- "$@" --dataset "$dataset"
done <<<"$LAKE_RUN_DATASETS"
"""
_PRUNE = '[ -z "$LAKE_RUN_PRUNE" ] || set -- "$@" --prune\n'
_PROFILE = '[ -z "$LAKE_RUN_PROFILE" ] || set -- "$@" --profile\n'
_RUN = '--pipeline "$LAKE_PIPELINE" --date "$LAKE_RUN_DATE" --run-id "$LAKE_RUN_ID"'


def _stage(name: str, *arguments: str) -> str:
    # `exec`: signals reach the stage, and its exit code is the task's. Standard input is nothing,
    # since under Airflow 3 it is the supervisor's own socket.
    return " ".join((f'exec "$LAKE_BIN_DIR/lake-{name}"', *arguments, "</dev/null"))


BRONZE = _DATASETS + _PRUNE + _stage("bronze", _RUN, '"$@"')
EXTRACT = _DATASETS + _PRUNE + _stage("extract", _RUN, '"$@"')
SILVER = _DATASETS + _PROFILE + _stage("silver", _RUN, '"$@"')
CHECK = _DATASETS + _stage("check", _RUN, '"$@"')
GOLD = _stage("gold", _RUN, "--materialised partition")
SNAPSHOTS = _stage("gold", _RUN, "--materialised snapshot")
LOAD = _stage("load", _RUN)
CLEANUP = _stage("cleanup", _RUN)

SWEEP = _stage("cleanup", '--older-than "$LAKE_OLDER_THAN"')
STALE = _stage("gold", _RUN, "--stale")
LOAD_STALE = _stage("load", _RUN, "--stale")
