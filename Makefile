# Every target sets up what it needs. `make demo` is the first thing to try.
.DEFAULT_GOAL := help
.PHONY: help demo dev check format test test-slow bench docs requirements lock clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# Bytecode is compiled at install, so that no start pays for it (some containers forbid writing it later).
export UV_COMPILE_BYTECODE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

demo: $(VENV)/.demo  ## set up, then ask the example five questions and keep serving (CHECK=1: exit instead)
	@$(BIN)/proviso demo $(if $(CHECK),--check)

dev: $(VENV)/.dev  ## set up with the development tools

check: $(VENV)/.dev  ## format, lint, types, layers, the tests of single rooms (≤ 60 s)
	@$(BIN)/ruff format --check -q . && $(BIN)/ruff check -q . && $(BIN)/lint-imports --no-cache | tail -4
	@$(BIN)/mypy
	@$(BIN)/pytest -n 2 -m "not slow and not whole" tests

format: $(VENV)/.dev  ## put the code in the house's format
	@$(BIN)/ruff check -q --fix-only . ; $(BIN)/ruff format -q .

test: $(VENV)/.dev  ## every test but the slow ones (≤ 10 minutes)
	@$(BIN)/pytest -n 2 tests

test-slow: $(VENV)/.dev  ## kills and servers under load (≤ 30 minutes)
	@$(BIN)/pytest -m slow tests

bench: $(VENV)/.dev  ## run the benchmarks [DATA=DIR] [ONLY=request]
	@$(BIN)/python bench/run.py $(if $(DATA),--data $(DATA)) $(ONLY)

docs: $(VENV)/.dev  ## write the generated parts of the docs anew
	@$(BIN)/python tools/docs.py

requirements: $(VENV)/.dev  ## run the tests marked with requirements; print how many are proven (STRICT=1: fail while any is not)
	@$(BIN)/python tools/requirements.py $(if $(STRICT),--strict)

lock: $(VENV)/bin/uv  ## pin the dependencies anew, with hashes
	@for set in demo dev; do $(BIN)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command 'make lock' \
	  $$( [ $$set = demo ] && echo --extra demo || echo --all-extras --group dev ) \
	  pyproject.toml -o requirements/$$set.txt; done

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Proviso needs Python 3.11 or newer: set PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -m venv $(VENV)

# Where uv cannot be had, pip alone does the same with the same pins.
$(BIN)/uv: | $(BIN)/python
	@$(BIN)/python -m pip install -q uv || true

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(BIN)/uv
	@tools/install.sh $(VENV) requirements/demo.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/uv
	@tools/install.sh $(VENV) requirements/dev.txt
	@touch $@ $(VENV)/.demo
