# Everything starts here; `make` lists the targets.
PYTHON ?= python3
VENV ?= .venv
# Whoever we are compared with runs on an interpreter of Debian's; so do we then. One that was built
# without its optimisations costs a sign-on a tenth and more.
BENCH_PYTHON ?= /usr/bin/python3
BENCH_VENV ?= .venv-bench
BIN := $(VENV)/bin
PYTEST_ARGS ?=
# Files in the order of tests/conftest.py: those that take long first, or one would end alone.
TOGETHER := -n 2 --dist loadfile --no-loadscope-reorder
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.DEFAULT_GOAL := help
.PHONY: help demo test coverage test-long fuzz check bench measure format clean debian

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.run ## install and run the demo; Ctrl-C ends it
	@$(BIN)/connector demo

test: $(VENV)/.test debian ## install what the tests need and run every test but the long profiles
	$(BIN)/python -m pytest $(TOGETHER) -m "not long" $(PYTEST_ARGS)

coverage: $(VENV)/.test debian ## the same, and which lines no test comes to
	$(BIN)/python -m pytest $(TOGETHER) -m "not long" --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

test-long: $(VENV)/.test debian ## the long profiles, which take more than a quarter of an hour
	$(BIN)/python -m pytest -m long $(PYTEST_ARGS)

fuzz: $(VENV)/.test debian ## ten minutes of made-up bytes against everything that comes from the network
	$(BIN)/python -m tests.fuzz --seconds 600

check: $(VENV)/.test debian ## format, lint, types, import rules and fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q $(TOGETHER) -m "not real and not long" $(PYTEST_ARGS)

bench: ## what we claim about speed, side by side, in one run
	@SUDO="$(SUDO)" sh tests/install/debian.sh debian.txt debian-bench.txt
	@$(MAKE) --no-print-directory measure PYTHON="$(BENCH_PYTHON)" VENV="$(BENCH_VENV)"

measure: $(VENV)/.test
	$(BIN)/python -m benchmarks

format: $(VENV)/.test ## put the source in form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove what was installed and built; state stays
	rm -rf $(VENV) $(BENCH_VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tests/install/venv.sh

$(VENV)/.run: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) (about half a minute) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[test,check]'
	@touch $@ $(VENV)/.run

debian:
	@SUDO="$(SUDO)" sh tests/install/debian.sh
