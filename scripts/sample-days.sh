# shellcheck shell=bash
# Sourced by scripts that run Airflow over the sample sales: `demo.sh` and `up.sh`.

# What is set here is used by the scripts that source it, and what is used here they have set.
# shellcheck disable=SC2034,SC2154

sample_dates="2025-11-01 2025-11-02 2025-11-03"
sample_first="${sample_dates%% *}" sample_last="${sample_dates##* }"
sample_rows="${LAKE_DEMO_ROWS:-10000}"

# `make_sample_days FOLDER LOGS`: the same arguments make the same bytes.
make_sample_days() {
  local date seed=1
  say "Making three days of sample sales, $sample_rows rows each, 3 % of them with a flaw"
  for date in $sample_dates; do
    "$LAKE_BIN_DIR/lake-generate" sales --date "$date" --rows "$sample_rows" --corrupt-rate 0.03 \
      --seed "$seed" --output "$1" >"$2/generate-$date.log" 2>&1 ||
      { cat "$2/generate-$date.log" >&2 && fail "the sample day $date was not made"; }
    seed=$((seed + 1))
  done
}

# What the sample runs, and no more: a newcomer does not wait for drivers of databases.
sample_packages=()
for sample_package in lake lake-{bronze,silver,check,gold,cleanup,generate,local-s3}; do
  sample_packages+=(--package "$sample_package")
done

# `build_and_get_airflow PACKAGES…`: builds the executables of these packages (cargo's arguments), and
# makes Airflow's environment meanwhile: one waits for the compiler, the other for the network. Sets
# `airflow` to the environment's path.
build_and_get_airflow() {
  local answer pid
  answer="$(mktemp)"
  "$checkout/scripts/airflow-env.sh" 3.3.2 >"$answer" &
  pid=$!
  say "Building the executables (a first build takes some minutes; later ones seconds)"
  "$checkout/scripts/cargo.sh" build --release --bins "$@" || { wait "$pid" || true; exit 1; }
  wait "$pid" || exit 1
  airflow="$(cat "$answer")"
  rm -f "$answer"
}
