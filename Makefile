# headrace: set-up and the commands of a developer. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Half of what two cores do while tests run one by one is to wait for a JVM; each process has one of its own.
TEST_PROCESSES ?= 2
JAVA_SOURCES := $(shell find connectors/java/src/main -type f 2>/dev/null)
POMS := pom.xml connectors/java/pom.xml $(wildcard runtime/jars/*/pom.xml)

export PYTHONSAFEPATH := 1

.DEFAULT_GOAL := help
.PHONY: help setup check test faults gpu mutants bench demo clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .build/python.stamp .build/jars.stamp ## Install Python packages and JARs; does only what changed.

.build/python.stamp: setup.py pyproject.toml pom.xml
	@echo "setup: Python packages into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install -q --disable-pip-version-check uv
	@$(BIN)/uv pip install -q --python $(BIN)/python -e '.[dev]'
	@mkdir -p .build && touch $@

# torch is gigabytes, which the main job does without: `headrace demo` runs after `make setup` alone.
.build/train.stamp: .build/python.stamp
	@echo "setup: torch into $(VENV)"
	@$(BIN)/uv pip install -q --python $(BIN)/python -e '.[dev,train]'
	@mkdir -p .build && touch $@

.build/jars.stamp: $(POMS) $(JAVA_SOURCES)
	@echo "setup: JARs by Maven into .build/jars"
	@mvn -q -B -T2 -DskipTests package
	@mkdir -p .build && touch $@

check: setup .build/train.stamp ## Lint, format and type-check.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@PYTHONPATH=. $(BIN)/python -m tests.typecheck

test: setup .build/train.stamp ## Run every test but those of failures, on the real stack.
	@echo "test: all but the tests of failures, which kill parts of the stack (\`make faults\`), and of a GPU (\`make gpu\`)"
	@$(BIN)/pytest -m 'not faults and not gpu' --durations=25 --numprocesses $(TEST_PROCESSES) --dist loadscope

faults: setup .build/train.stamp ## Run the tests of failures: servers killed, records deleted, snapshots expired.
	@$(BIN)/pytest -m faults

gpu: setup .build/train.stamp ## Run the tests that need a GPU which torch finds.
	@$(BIN)/pytest -m gpu

mutants: setup .build/train.stamp ## Plant each fault of tests/planted in a copy of the tree; the test it names must fail.
	@PYTHONPATH=. $(BIN)/python -m tests.mutants

bench: setup .build/train.stamp ## Measure against rivals, outputs compared first; over half an hour (docs/benchmarks.md).
	@$(BIN)/python -m headrace.bench all

demo: setup .build/train.stamp ## Run the main job end to end, then learn from it, on real data and the real stack.
	@$(BIN)/headrace demo
	@$(BIN)/headrace demo train

clean: ## Remove what set-up and runs made (not the local stack's data; see `headrace stack down --erase`).
	@rm -rf .build .typed $(VENV) connectors/java/target runtime/jars/*/target
