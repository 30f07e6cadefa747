# `make help` prints what can be asked for.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# How many test processes. What is slow because it computes runs in all of them; what
# kills, waits and measures runs alone.
JOBS   ?= $(shell nproc)
COMPUTING := tests/fuzz tests/interop tests/unit tests/faults/test_audit_tampering.py
TREE   := jpki ca_server ocsp_crl registry_stub examples benchmarks tests

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test check lint types imports fast slow bench docs lock clean system

help:  ## Print this
	@sed -nE 's/^([a-z]+):.*  ## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.ready  ## Tell the whole story on this machine: no root, no network services
	@$(BIN)/jpki demo $(ARGS)

test: system check fast slow  ## Install what the tests need, then run everything

check: lint types imports  ## Lint, types and import contracts; no tests

lint: $(VENV)/.ready-tests
	$(BIN)/ruff check $(TREE)
	$(BIN)/ruff format --check --quiet $(TREE)

types: $(VENV)/.ready-tests
	$(BIN)/mypy

imports: $(VENV)/.ready-tests
	$(BIN)/lint-imports --config setup.cfg

fast: $(VENV)/.ready-tests  ## Run the tests that take no more than a few seconds each
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "not slow" -q $(ARGS)

slow: $(VENV)/.ready-tests  ## Run the tests that take longer
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m slow -q $(ARGS) $(COMPUTING)
	$(BIN)/pytest -m slow -q $(ARGS) $(COMPUTING:%=--ignore=%)

bench: $(VENV)/.ready-tests  ## Measure everything and write docs/benchmarks.md
	$(BIN)/python -m benchmarks --all --write docs/benchmarks.md

docs: $(VENV)/.ready-tests  ## Rewrite the parts of the documentation that are made from code
	$(BIN)/python -m tests.support.prose

lock: $(VENV)/.ready-tests  ## Choose the newest versions again and write the lock files
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile $(LOCK) --upgrade \
	    -o requirements.lock setup.cfg
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile $(LOCK) --upgrade \
	    --extra dev --extra pkcs11 --extra postgresql -c requirements.lock -o requirements-dev.lock setup.cfg
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile $(LOCK) --upgrade \
	    --extra pcsc -c requirements-dev.lock -o requirements-pcsc.lock setup.cfg

LOCK := --quiet --generate-hashes --allow-unsafe --strip-extras --build-deps-for wheel \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

clean:  ## Remove what was made here: environment, caches, build output
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache \
	    .hypothesis .import_linter_cache
	find $(TREE) -name __pycache__ -type d -prune -exec rm -rf {} +

# As root the missing programs are installed. Otherwise the run says what it leaves out,
# unless nothing may be left out.
system:
	@if [ "$$(id -u)" = 0 ]; then .ci/system-packages install; \
	elif ! .ci/system-packages check; then [ -z "$$JPKI_TESTS_REQUIRE_ALL" ]; fi

# The environment, in three steps that are each redone only when their input changed.

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "venv is missing (Debian: apt-get install python3-venv)" >&2; exit 1; }

$(VENV)/.ready: requirements.lock setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "Installing the pinned packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-index \
	    --no-build-isolation --editable .
	@touch $@

# pyscard is built here, with the headers of libpcsclite.
$(VENV)/.ready-tests: requirements-dev.lock requirements-pcsc.lock $(VENV)/.ready
	@echo "Installing the pinned packages for tests into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@[ ! -e /usr/include/PCSC/winscard.h ] || \
	    $(BIN)/python -m pip install --quiet --require-hashes -r requirements-pcsc.lock
	@touch $@
