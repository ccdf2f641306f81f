# make demo    what it does, on a capture that comes with it
# make test    all that must hold: lint, types, floors, tests
# make docs    docs/tables.md, from the schema
# make bench   how fast it is, beside tshark and others

PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
# The oldest Python that setup.cfg admits, where there is one: a pyenv shim may be on the PATH and
# have nothing behind it, so it is asked.
LOWEST_PYTHON ?= $(shell python3.10 -c 'print("python3.10")' 2>/dev/null || echo $(PYTHON))
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
DEMO := fixtures/skype_ringback

.PHONY: demo test lint types floors tests test-lowest docs bench clean

demo: $(VENV)/installed
	$(BIN)/python -m pipelines.summarize $(DEMO)/skype_ringback.pcapng --keys $(DEMO)/sslkeys.log

test: lint types floors tests

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

floors: $(VENV)/installed-dev
	$(BIN)/lint-imports

tests: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto

test-lowest: $(LOWEST)/installed
	$(LOWEST)/bin/python -m pytest -n auto

docs: $(VENV)/installed
	$(BIN)/python docs/make_tables.py > docs/tables.md

bench: $(VENV)/installed-dev
	$(BIN)/python -m tests.bench

# A stamp is older than setup.cfg when a dependency may have changed: pip then looks again.
$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python $(PIP_INSTALL) --editable '.[dev]'
	touch $@

# Packages that are too old for their new bound stay in place otherwise: this one is made anew.
$(LOWEST)/installed: setup.cfg pyproject.toml .ci/lowest.py
	$(LOWEST_PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python .ci/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python $(PIP_INSTALL) --constraint $(LOWEST)/constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) bench-data build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	rm -rf .hypothesis .import_linter_cache
