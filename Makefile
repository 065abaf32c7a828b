# `make demo` and `make test` need nothing but Python 3.11 to 3.13, make and a C compiler.
# Everything is installed into .venv, from the hashed locks; `make clean` takes it away again.

SHELL := /bin/sh
unexport PYTHONDONTWRITEBYTECODE # every process that is started would compile everything anew
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	if $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
READY := $(VENV)/.ready
STAY ?=
SECONDS ?= 120
WORLDS ?= 2000

.DEFAULT_GOAL := help
.PHONY: help install demo test run lint format bench soak audit pictures clean

help: ## what there is to make
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile
	@echo "  make demo STAY=1   leaves it running, with an address and a key to look around"

install: $(READY) ## set up .venv from the locks, nothing more

$(READY): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Needs Python 3.11, 3.12 or 3.13; say which with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "-- a fresh $(VENV) with $$($(PYTHON) -V)"; $(PYTHON) -m venv $(VENV); }
	@echo "-- installing what requirements-dev.lock names (the first time takes a minute or two)"
	@PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar off \
		--no-deps --require-hashes -r requirements-dev.lock
	@PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)
	@echo "-- ready"

demo: $(READY) ## a weekend of incidents against simulated Zendesk and Talkdesk
	@$(BIN)/python -m tsbridge demo $(if $(STAY),--stay,)

test: $(READY) ## the test suite: the store and the laws on SQLite and PostgreSQL, the rest on one of them (make soak: on both)
	@$(BIN)/python -m pytest -q -n 3

run: $(READY) ## serve with the settings of .env
	@$(BIN)/python -m tsbridge serve

lint: $(READY) ## format, lint, types, layers, locks; all tests are read, which leaves them compiled for `make test`
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted; run: make format" >&2; $(BIN)/ruff format --check . ; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --strict src & types=$$!; \
	$(BIN)/python -m pytest -q -p no:randomly -k test_floors; floors=$$?; \
	wait $$types && exit $$floors
	@! grep -nE '://|index-url|find-links|httpx2' requirements.lock requirements-dev.lock requirements-bench.lock || { echo "a lock holds an address or httpx2" >&2; exit 1; }

format: $(READY) ## bring the code into form
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: $(READY) $(BENCH)/.ready ## the benchmarks with their tables, other rule engines beside ours
	@$(BENCH)/bin/python -m benchmarks

$(BENCH)/.ready: requirements-bench.lock $(READY)
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@echo "-- installing the other rule engines beside it, for the comparison alone"
	@PIP_ROOT_USER_ACTION=ignore $(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --progress-bar off \
		--no-deps --require-hashes -r requirements-dev.lock
	@PIP_ROOT_USER_ACTION=ignore $(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --progress-bar off \
		--require-hashes -r requirements-bench.lock
	@PIP_ROOT_USER_ACTION=ignore $(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(BENCH)/.ready

soak: $(READY) ## SECONDS of steady deliveries, then the long proofs: write-back, imported triggers, crashes, failing disks, calendars, rotas, patterns, WORLDS seeded worlds, one answer everywhere, fuzzers and Schemathesis (four hours)
	@$(BIN)/python -m benchmarks soak --seconds $(SECONDS)
	@$(BIN)/python -m benchmarks races truth drift outage rest storm slow imports crashes faults tampering chain patterns
	@CALENDARS=10000 ROTAS=10000 $(BIN)/python -m pytest -q tests/core/test_calendar_oracle.py tests/core/test_rota_oracle.py
	@$(BIN)/python -m tests.world --seeds $(WORLDS)
	@$(BIN)/python -m tests.world --seeds $(WORLDS) --processes 3
	@$(BIN)/python -m tests.world --mutants
	@$(BIN)/python -m pytest -q -rs -m soak
	@MANY=1 $(BIN)/python -m pytest -q -m hypothesis
	@FUZZ=400 $(BIN)/python -m pytest -q -m "soak or not soak" tests/fuzz
	@SCHEMATHESIS=100 $(BIN)/python -m pytest -q -m "soak or not soak" tests/web/test_described.py
	@AGREEMENT=1000 $(BIN)/python -m pytest -q tests/web/test_agreement.py

audit: $(READY) ## what it is made of (build/sbom.json, CycloneDX), and whether any of that is known to be vulnerable; DATABASE=records of OSV where it cannot be asked
	@$(BIN)/python -m tools.audit $(if $(DATABASE),--database $(DATABASE),)

pictures: $(READY) ## the console over a demo: its journeys walked in a real browser, and the pictures in docs/console made anew
	@$(BIN)/python -m tests.console.pictures

clean: ## take away .venv and the caches
	rm -rf $(VENV) $(BENCH) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
