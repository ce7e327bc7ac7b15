# Every command a person needs. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Steps share one build folder: in order, also with -j. Cargo uses the cores by itself.
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# Given on the command line or in the environment; the scripts know the defaults.
export ENGINE PREFIX DESTDIR LAKE_CACHE_DIR CARGO_TARGET_DIR DUCKDB_LIB_DIR LAKE_ONLINE_RETAIL_DIR
ifeq ($(LAKE_CACHE_DIR),)
unexport LAKE_CACHE_DIR
endif
ifeq ($(CARGO_TARGET_DIR),)
unexport CARGO_TARGET_DIR
endif
ifeq ($(DUCKDB_LIB_DIR),)
unexport DUCKDB_LIB_DIR
endif
ifeq ($(LAKE_ONLINE_RETAIL_DIR),)
unexport LAKE_ONLINE_RETAIL_DIR
endif

.PHONY: help
help: ## Lists the commands
	@printf 'usage: make <command>\n\n'
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z][a-z-]*:.*## / { gsub(/\$$\$$/, "$$", $$2); printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nSettings: ENGINE=source|shared, DUCKDB_LIB_DIR, CARGO_TARGET_DIR, LAKE_CACHE_DIR, LAKE_ONLINE_RETAIL_DIR (CONTRIBUTING.md)\n'

##@ The two commands

.PHONY: demo test
demo: quick-doctor engine ## From a fresh clone to gold: builds, runs three sample days through Airflow, shows the result
	@scripts/demo.sh

test: quick-doctor engine ## Everything: hermetic tests, real servers, the pipelines' own cases
	@scripts/run-tests.sh

##@ Running

.PHONY: up down screenshots store databases
up: quick-doctor engine ## Starts Airflow and the store for you to click in; prints the address and the password
	@scripts/up.sh

down: ## Stops what `make up` started; the data stays
	@scripts/down.sh

screenshots: quick-doctor engine ## Takes the pictures of docs/screenshots anew, in a headless Chromium
	@scripts/screenshots.sh

store: quick-doctor engine build ## Starts the embedded S3 server over the demo's data, until Ctrl-C
	@scripts/store.sh

databases: ## Starts a PostgreSQL server to try sources with, until Ctrl-C (docs/databases.md)
	@scripts/databases.sh

##@ Building

.PHONY: doctor engine build install clean print-environment quick-doctor
doctor: ## What this machine has and lacks, with the package for each lack
	@scripts/doctor.sh

quick-doctor:
	@scripts/doctor.sh --quiet

engine: ## Finds or fetches the engine's shared library (ENGINE=source: compiles it)
	@scripts/engine.sh

build: quick-doctor engine ## Builds the executables (release)
	@scripts/cargo.sh build --release --workspace --bins

install: build ## Installs executables, engine and pipelines: make install PREFIX=/opt/lakehouse
	@scripts/install.sh

print-environment: ## For your shell: eval "$$(make -s print-environment)"
	@scripts/print-environment

clean: ## Removes what was made inside the checkout (.lake, target); leaves the caches
	@scripts/clean.sh

##@ Checking

.PHONY: lint integration-airflow minio real-year bench bench-first-demo
lint: quick-doctor engine ## Formatting, clippy, dependencies and licences, shell scripts
	@scripts/lint.sh

integration-airflow: quick-doctor engine build ## The tests of Airflow alone: DAGs on both majors, and a real Airflow with a real store
	@tests/airflow/run.sh

minio: ## Builds the MinIO server that tests use (cached outside the checkout)
	@tests/scripts/minio.sh build

real-year: quick-doctor engine ## Runs the 305 real days (LAKE_ONLINE_RETAIL_DIR), checks the totals to the penny
	@scripts/real-year.sh

bench: quick-doctor engine ## Measures start-up, silver beside the bare engine, memory, history, a day under Airflow (bench/README.md)
	@bench/run.sh $(BENCH)

bench-first-demo: quick-doctor engine ## Measures a first `make demo` with empty cargo and build folders
	@bench/first-demo.sh

##@ Containers

.PHONY: env compose compose-config test-containers
env: ## Writes .env with random passwords for docker compose (docs/docker.md); never overwrites one
	@scripts/make-env.sh

compose: ## Builds Docker Compose for the tests (cached outside the checkout)
	@tests/scripts/compose.sh build

compose-config: compose ## Checks both Compose files with the .env that is there
	@"$$(tests/scripts/compose.sh cached)" -f docker-compose.yml config --quiet
	@"$$(tests/scripts/compose.sh cached)" -f docker-compose.yml -f docker-compose.celery.yml config --quiet

test-containers: ## Builds the image and runs both stacks on Podman, as root on Linux (docs/docker.md)
	@tests/containers/run.sh $(STACKS)
