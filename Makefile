# `make run` and `make test` are all a newcomer needs; both set up .venv from the hash-pinned lock files first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: run test check bench lock contracts format fuzz clean

run: $(VENV)/run.stamp
	@$(BIN)/nexusone up --story demo $(ARGS)

test: $(VENV)/dev.stamp
	$(BIN)/pytest -n $(WORKERS) --tb=short --show-capture=no --dist loadgroup $(ARGS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check src tests benchmarks fuzz
	$(BIN)/ruff check src tests benchmarks fuzz
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/squawk --config .squawk.toml $$(git ls-files 'src/*/migrations/*.sql' 'src/**/migrations/*.sql' 'src/**/views.sql')
	$(BIN)/bandit -q -r src -c pyproject.toml
	$(BIN)/python -m nexusone.apps.contracts --check

bench: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/dev.stamp
	@$(BIN)/python -m fuzz $(ARGS)

contracts: $(VENV)/dev.stamp
	$(BIN)/python -m nexusone.apps.contracts

format: $(VENV)/dev.stamp
	$(BIN)/ruff format src tests benchmarks fuzz
	$(BIN)/ruff check --fix src tests benchmarks fuzz

lock: $(VENV)/dev.stamp
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --extra build -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --extra build --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) .nexusone .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/made.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "NexusOne needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say which to use with make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || (echo "The venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" && exit 1)
	@touch $@

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/made.stamp
	@test -e $(VENV)/dev.stamp || (echo "Installing what NexusOne needs into $(VENV) (once)" && $(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock)
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock pyproject.toml | $(VENV)/made.stamp
	@echo "Installing what NexusOne and its tests need into $(VENV) (once)"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
