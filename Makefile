# Every target sets itself up: the first one to run makes .venv and installs into it, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CODE := src tests scripts benchmarks

# One thread per process: the tests run side by side.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test check install format lint types docs clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED)  ## Do the whole job on drawn pictures, in under five minutes
	@env -u OMP_NUM_THREADS PATH="$(CURDIR)/$(BIN):$$PATH" bash scripts/demo.sh

test: $(INSTALLED)  ## Run every test
	$(BIN)/pytest -n 2

check: lint types test  ## What continuous integration runs

install: $(INSTALLED)  ## Only make the environment

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Cutis needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	UV_FIND_LINKS="$${UV_FIND_LINKS:-$${PIP_FIND_LINKS:-}}" $(BIN)/uv pip install \
		--quiet --python $(BIN)/python -c constraints.txt -e '.[train,backbones,explain,maps,parquet,dev]'
	@touch $@

format: $(INSTALLED)  ## Format the code and sort its imports
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

lint: $(INSTALLED)  ## Check format and style
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: $(INSTALLED)  ## Check types, strictly
	$(BIN)/mypy
	MYPYPATH=src:benchmarks $(BIN)/mypy benchmarks/*.py

docs: $(INSTALLED)  ## Write docs/commands.md and docs/settings.md again
	$(BIN)/python scripts/reference.py

clean:  ## Remove the environment, the demo and every cache
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
