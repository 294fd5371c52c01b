# simsearch. `make help` lists what can be made.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# "compat" puts the checkout itself on the path; the default finder costs every command 10 ms.
EDITABLE := --config-settings editable_mode=compat --editable
# Where the library lives in a checkout; override to keep several.
SIMSEARCH_LIBRARY ?= index
export SIMSEARCH_LIBRARY

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-scale check format bench torture notebook clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed  ## index PHOTOS=FOLDER (without photos: draw a demo gallery) and serve the page
ifdef PHOTOS
	$(BIN)/simsearch index "$(PHOTOS)" || [ $$? -eq 1 ]
	$(BIN)/simsearch app
else ifneq ($(wildcard $(SIMSEARCH_LIBRARY)/library.db),)
	$(BIN)/simsearch app
else
	$(BIN)/simsearch demo
	$(BIN)/simsearch app --library simsearch-demo/library
endif

test: $(VENV)/installed-test  ## run the tests (under ten minutes)
	$(BIN)/python -m pytest

test-slow: $(VENV)/installed-test  ## run the heavy tests too
	$(BIN)/python -m pytest -m "not scale"

test-scale: $(VENV)/installed-test-scale  ## run the tests that need Milvus, Ray or a notebook's kernel
	$(BIN)/python -m pytest -m scale

check: $(VENV)/installed-test  ## lint, format check, types, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

format: $(VENV)/installed-test  ## format the code and mend what lint can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-bench  ## measure quality, groups, speed, cold start, indexes and the page: make bench PHOTOS=FOLDER
	@[ -n "$(PHOTOS)" ] || { echo "name a folder of class folders: make bench PHOTOS=FOLDER" >&2; exit 2; }
	$(BIN)/python scripts/bench_quality.py "$(PHOTOS)"
	$(BIN)/python scripts/bench_clusters.py "$(PHOTOS)"
	$(BIN)/python scripts/bench_groups.py "$(PHOTOS)"
	$(BIN)/python scripts/bench_pipeline.py "$(PHOTOS)"
	$(BIN)/python scripts/bench_search.py
	$(BIN)/python scripts/bench_scale.py --files 1000 10000
	$(BIN)/python scripts/bench_index.py "$(PHOTOS)"
	$(BIN)/python scripts/bench_page.py "$(PHOTOS)"

torture: $(VENV)/installed  ## kill the indexer, and feed it damaged files; PHOTOS=FOLDER: made of those in it
	$(BIN)/python scripts/torture.py $(if $(PHOTOS),"$(PHOTOS)")
	$(BIN)/python scripts/fuzz.py $(if $(PHOTOS),"$(PHOTOS)")

notebook: $(VENV)/installed-test-scale  ## run the notebook, and keep what it says and draws
	$(BIN)/python scripts/run_notebook.py

clean:  ## remove the environment and build output; a library is left alone
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "simsearch needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(EDITABLE) .
	@# As pip does for a package that is not editable: a command should not compile itself each time.
	@$(BIN)/python -m compileall -q simsearch
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(EDITABLE) '.[bench]'
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(EDITABLE) '.[test]'
	@touch $@

$(VENV)/installed-test-scale: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(EDITABLE) '.[test-scale]'
	@touch $@
