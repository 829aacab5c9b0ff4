# Everything a newcomer and CI need. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
MUTANTS := $(VENV)/.mutants
CLIENTS := $(VENV)/.clients
FREQTRADE := $(VENV)/.freqtrade
# What was not published as the lock says is not installed. It is compiled behind that: on all cores, and
# without the half of ccxt that nobody imports.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-compile
COMPILE := $(BIN)/python -m compileall -q -j 0 -x 'ccxt/pro/|/tests?/' $(VENV)/lib || true
LOCK := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock"
# The demo never touches another database than its own.
DEMO_DATABASE := sqlite:///$(CURDIR)/demo.sqlite3
PORT ?= 8000
WORKERS ?= auto
CHAOS_SEED ?= 1000
# Just behind midnight and just before it, in two zones; a day that most years lack; an hour that comes twice.
HOURS ?= 2026-11-26T00:05+09:00@Asia/Seoul 2026-11-26T23:58+09:00@Asia/Seoul \
	2026-11-26T00:05+00:00@UTC 2026-11-26T23:58+00:00@UTC \
	2028-02-29T00:05+09:00@Asia/Seoul 2028-02-29T23:58+09:00@Asia/Seoul \
	2026-10-25T02:30+02:00@Europe/Zurich 2026-10-25T02:30+01:00@Europe/Zurich

.PHONY: help demo run test test-fast test-measured test-database test-browser test-clients test-explored test-generated test-freqtrade test-hours screenshots chaos fuzz-api coverage mutants conditions lint lock format openapi messages venues architecture clean clean-demo

help:  ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

$(RUNTIME): requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=…")'
	@# What an interrupted set-up left behind has no pip, and is made again.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(INSTALL) -r requirements.lock
	@$(COMPILE)
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	$(INSTALL) -r requirements-dev.lock
	@$(COMPILE)
	@touch $@

$(MUTANTS): requirements-mutants.lock $(DEVELOPMENT)
	$(INSTALL) -r requirements-mutants.lock
	@touch $@

demo run: export DEBUG := 1
demo run: export DATABASE_URL := $(DEMO_DATABASE)
demo run: export CAPITAL_LIVE_BALANCES := 1
# Empty: the throw-away secrets of DEBUG, so that a second demo reads the first one's keys.
demo run: export SECRET_KEY :=
demo run: export FIELD_ENCRYPTION_KEYS :=

demo: $(RUNTIME)  ## Allocate the demo accounts' capital against a simulated exchange
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) load_demo
	@# The position that stays open is opened last: it holds its account.
	@$(MANAGE) simulate_exchange -- sh -c '$(MANAGE) load_demo --trades --closed && $(MANAGE) reallocate && $(MANAGE) load_demo --trades'

run: $(RUNTIME)  ## Serve the site with demo data on 127.0.0.1:8000 (PORT=… for another), and run its jobs
	@$(MANAGE) run_with_worker --check-port 127.0.0.1:$(PORT)
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) load_demo --show-login
	@$(MANAGE) simulate_exchange -- sh -c '$(MANAGE) load_demo --trades && exec $(MANAGE) run_with_worker 127.0.0.1:$(PORT)'

# Tests start processes by the hundred, and their own workers: none compiles the project again.
test test-fast test-database test-browser test-generated test-freqtrade: export PYTHONDONTWRITEBYTECODE :=
# No commit of a test is to outlive the server's machine: PostgreSQL need not wait for the disk.
test test-database test-browser: export PGOPTIONS := -c synchronous_commit=off

test: $(DEVELOPMENT)  ## The whole suite, on SQLite or on DATABASE_URL
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGUMENTS)

# Where tests stand that only compute: so few files are collected in seconds.
FAST := tests/domain tests/models tests/services/test_sentences.py tests/exchange/test_entries.py \
	tests/exchange/test_moments.py tests/exchange/test_venues.py tests/exchange/readings/test_formulas.py

test-fast: $(DEVELOPMENT)  ## What only computes, in under a minute: no database, no process, no exchange
	$(BIN)/python -m pytest -n logical -q -m "not (django_db or cluster or waits)" $(FAST) $(PYTEST_ARGUMENTS)

test-measured: $(DEVELOPMENT)  ## The whole suite, and which branches of domain, services and answers none enters
	$(BIN)/python -m coverage erase
	$(MAKE) test PYTEST_ARGUMENTS="-p tests.coverage.measured $(PYTEST_ARGUMENTS)"
	$(BIN)/python -m tests.coverage.branches --again

test-database: $(DEVELOPMENT)  ## Only what meets a database, on DATABASE_URL: the second one
	$(BIN)/python -m pytest -n $(WORKERS) -m "(django_db or cluster) and not (once or browser)" $(PYTEST_ARGUMENTS)

TIMES ?= 20
test-explored: $(DEVELOPMENT)  ## What is tested with generated examples, with others each time (TIMES=…)
	for time in $$(seq $(TIMES)); do \
		$(BIN)/python -m pytest -n $(WORKERS) -q -m hypothesis --hypothesis-profile=explored $(PYTEST_ARGUMENTS) || exit; \
	done

test-browser: $(DEVELOPMENT)  ## The admin in a real browser (CHROMIUM=… for another than the one on PATH)
	$(BIN)/python -m pytest tests/end_to_end/browser -n $(WORKERS) -m browser $(PYTEST_ARGUMENTS)

$(CLIENTS): requirements-clients.lock tests/clients/package-lock.json $(DEVELOPMENT)
	$(PYTHON) -m venv --clear $(VENV)/clients
	$(VENV)/clients/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-compile -r requirements-clients.lock
	mkdir -p $(VENV)/clients-node
	cp tests/clients/package.json tests/clients/package-lock.json $(VENV)/clients-node/
	npm ci --prefix $(VENV)/clients-node --fetch-retries=1 --fetch-timeout=20000 --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(FREQTRADE): requirements-freqtrade.lock $(DEVELOPMENT)
	$(PYTHON) -m venv --clear $(VENV)/freqtrade
	$(VENV)/freqtrade/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-compile -r requirements-freqtrade.lock
	@touch $@

test-clients: test-generated test-freqtrade  ## Use generated clients, and freqtrade, against the running server

test-generated: $(CLIENTS)
	$(BIN)/python -m pytest tests/clients/test_generated.py -m clients -q $(PYTEST_ARGUMENTS)

test-freqtrade: $(FREQTRADE)
	$(BIN)/python -m pytest tests/clients/test_freqtrade.py -m clients -q $(PYTEST_ARGUMENTS)

screenshots: $(DEVELOPMENT)  ## Retake the README's pictures, from the demo data
	$(BIN)/python -m pytest tests/end_to_end/browser/screenshots.py -m browser -q

chaos: export CHAOS := 1
chaos: $(DEVELOPMENT)  ## Kills, races and long simulations, the long forms, and the suite in any order (CHAOS_SEED=… for others)
	CHAOS=0 $(BIN)/python -m pytest -n $(WORKERS) -q --random-order-bucket=global --random-order-seed=$(CHAOS_SEED) $(PYTEST_ARGUMENTS)
	$(BIN)/python -m pytest tests/end_to_end/cluster tests/end_to_end/simulation tests/end_to_end/test_writers.py tests/exchange/test_seeded_faults.py tests/services/trading/syncing/test_month.py -q -s $(PYTEST_ARGUMENTS)

test-hours: $(DEVELOPMENT)  ## The suite at awkward times, once each (HOURS='2028-02-29T00:05+09:00@Asia/Seoul' for others)
	@failed=; for hour in $(HOURS); do echo "== $$hour"; \
		TESTS_NOW=$${hour%@*} TESTS_TIME_ZONE=$${hour#*@} $(BIN)/python -m pytest -n $(WORKERS) -q $(PYTEST_ARGUMENTS) \
		|| failed="$$failed $$hour"; done; test -z "$$failed" || { echo "Failed at:$$failed"; exit 1; }

fuzz-api: $(DEVELOPMENT)  ## 10,000 requests against the running API (FUZZ_EXAMPLES=… for each operation)
	$(BIN)/python -m tests.end_to_end.fuzz.run

coverage: $(DEVELOPMENT)  ## Tell which branches of domain, services and answers no test enters
	$(BIN)/python -m tests.coverage.branches --processes $(WORKERS)

mutants: $(MUTANTS)  ## Put faults into MODULE=capital/… and tell which the tests miss (resumes)
	nice $(BIN)/python -m tests.coverage.mutants $(if $(AGAIN),--again) $(if $(SAMPLE),--sample $(SAMPLE)) $(MODULE)

conditions: $(DEVELOPMENT)  ## Leave out each condition of the queries in MODULE=capital/… and tell which the tests miss
	nice $(BIN)/python -m tests.coverage.conditions $(MODULE)

lint: export DEBUG := 1
lint: $(DEVELOPMENT)  ## Style, types, import contracts, rules of the house, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.house.rules
	$(MANAGE) makemigrations --check --dry-run

lock:  ## Pin all that requirements*.txt need, with hashes, into requirements*.lock
	test -x $(VENV)/lock/bin/uv || { $(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/python -m pip install --quiet uv==0.13.9; }
	$(LOCK) requirements.txt --output-file requirements.lock
	$(LOCK) --constraints requirements.lock requirements-dev.txt --output-file requirements-dev.lock
	$(LOCK) requirements-clients.txt --output-file requirements-clients.lock
	$(LOCK) requirements-freqtrade.txt --output-file requirements-freqtrade.lock
	$(LOCK) --constraints requirements-dev.lock requirements-mutants.txt --output-file requirements-mutants.lock

format: $(DEVELOPMENT)  ## Let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: export DEBUG := 1
openapi: export LANGUAGE_CODE := en
openapi: $(DEVELOPMENT)  ## Write the API's description, docs/openapi.yaml
	$(MANAGE) spectacular --fail-on-warn --validate --file docs/openapi.yaml

messages: export DEBUG := 1
messages: export DJANGO_SETTINGS_MODULE := capital_project.settings
messages: $(DEVELOPMENT)  ## Bring the Korean catalogue up to date with the code, and compile it
	$(BIN)/python -m tests.house.catalogue
	$(BIN)/pybabel --quiet compile --domain django --directory locale
	$(BIN)/pybabel --quiet compile --domain djangojs --directory locale

venues: export DEBUG := 1
venues: $(RUNTIME)  ## Write what each venue supports into docs/venues.md
	$(MANAGE) venues_table

architecture: $(DEVELOPMENT)  ## Draw modules, imports and rules into ARCHITECTURE.md
	$(BIN)/python -m tests.house.drawing

clean:  ## Remove the environment and what tests left; the demo's database stays
	rm -rf $(VENV) .mutants .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis

clean-demo:  ## Remove the demo's database
	rm -f demo.sqlite3 demo.sqlite3-shm demo.sqlite3-wal
