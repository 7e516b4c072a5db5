# Babbitt: the whole developer interface. `make help` is generated from the `##` comments below.
PYTHON ?= python3
JOBS ?= 2
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check
DEMO_SECONDS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-quick lint format bench bench-predict wiring lock wheel clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Babbitt needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>&1`. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# What runs the product: hash-checked, then the package itself from this checkout.
$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Babbitt needs to run (once, about a minute)..."
	@$(PIP) install --require-hashes -r requirements/run.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# What tests, lint and benches need on top.
$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing what the tests need (once)..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.run ## three virtual nodes, broker, host and page; Ctrl-C ends it (DEMO_SECONDS=90 ends by itself)
	@$(BIN)/babbitt demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS),)

test: $(VENV)/.dev ## every test; what a missing part kept from running is listed at the end
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

test-quick: $(VENV)/.dev ## the tests without the end-to-end runs
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --ignore=tests/e2e

lint: $(VENV)/.dev ## ruff and mypy (strict)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.dev ## let ruff format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## one benchmark: make bench NAME=golden [QUICK=1]; the last line is one JSON object
	@test -f "bench/$(NAME).py" || { echo "No bench '$(NAME)'. There are: `cd bench && ls *.py | sed 's/\.py//' | tr '\n' ' '`" >&2; exit 2; }
	@QUICK="$(QUICK)" $(BIN)/python bench/$(NAME).py

bench-predict: $(VENV)/.dev ## all benchmarks of prediction, as one table [QUICK=1]; they need the recordings
	@QUICK="$(QUICK)" $(BIN)/python bench/predict_all.py

wiring: $(VENV)/.dev ## draw the wiring of every board anew (boards/*/wiring.svg)
	@$(BIN)/python -m babbitt_tools.wiring $(patsubst %/wiring.json,%,$(wildcard boards/*/wiring.json))

lock: ## write the hash-checked requirement files anew (needs uv)
	@sed -n '/^dependencies = \[/,/^\]/s/^    "\(.*\)",$$/\1/p' pyproject.toml > requirements/run.in
	@for f in run build dev; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements/$$f.in -o requirements/$$f.txt; done

wheel: $(VENV)/.dev ## build the wheel into dist/
	@$(PIP) wheel --no-deps --no-build-isolation -w dist .

clean: ## remove the virtual environment and what was built
	@rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
