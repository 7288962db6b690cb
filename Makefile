PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
REAL := $(BIN)/python -m ops.real

.DEFAULT_GOAL := help
# The targets share one virtual environment and one machine: side by side they would only disturb each other.
.NOTPARALLEL:
.PHONY: help setup demo test test-fast test-real kernels lint real kafka redis stop bench generate lock clean

help: ## List these commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv and install the locked packages (PYTHON=... names another Python)

# A .venv that works is kept; one whose Python is gone or too old is made anew.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Jasmine needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1 | head -n 1)"; \
	  echo "Install a newer Python, or name one you have: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing the locked packages into $(VENV); the first time takes a minute or two."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Show it all working: embedded Kafka and Redis, nothing else to install
	@$(BIN)/jasmine demo

test: lint ## Check style and types, then run every test (real Kafka and Redis where they are installed)
	$(BIN)/python -m pytest

test-fast: setup ## Run the tests that need no real Kafka or Redis and are not slow
	$(BIN)/python -m pytest -m "not real and not slow" -n 2 --dist loadfile

test-real: setup ## Run the tests that test-fast leaves out, and the properties anew
	$(BIN)/python -m pytest -m "real or slow or hypothesis"

kernels: setup ## Compile the kernels, which otherwise the first start does
	@$(BIN)/python -c "from scoring.announced import Announced; from scoring.pack import load_pack; from stream.warm import warm; warm(Announced.of(load_pack()))"

lint: setup ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

real: setup ## Start a real Kafka and a real Redis; their data is kept in .run
	@$(REAL) start

kafka: setup ## Start only the real Kafka
	@$(REAL) start --parts kafka

redis: setup ## Start only the real Redis
	@$(REAL) start --parts redis

stop: ## Stop the real Kafka and Redis
	@$(PYTHON) -m ops.real stop

bench: setup real ## Measure on the real Kafka and Redis
	$(BIN)/python -m benchmarks

generate: setup ## Write the generated files anew
	$(BIN)/python -m schemas.generate

lock: ## Resolve the dependencies anew into requirements.lock (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: $(PYTHON) -m pip install uv"; exit 1; }
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" -o requirements.lock

clean: stop ## Remove all that these commands made: .venv, .run, caches
	rm -rf $(VENV) .run .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
