# Attune: every task by one word. `make help` lists them.
# Needed: python3, make, git and a Python 3.13. The rest comes by itself, locked, into .tools, .venv and node_modules.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
UV := .tools/bin/uv
# A stamp lives inside what it vouches for: whoever deletes the folder deletes the claim that it is complete.
VENV := .venv/.synced
NODE := node_modules/.installed

# A `python3.13` that runs (a pyenv shim may exist and refuse), else pyenv's, where uv does not look, else uv fetches one.
ifndef UV_PYTHON
UV_PYTHON := $(shell for python in python3.13 $$HOME/.pyenv/versions/3.13.*/bin/python3.13; do \
  "$$python" -c 'import sys; print(sys.executable)' 2>/dev/null && break; done)
endif
ifeq ($(strip $(UV_PYTHON)),)
UV_PYTHON := 3.13
endif
export UV_PYTHON

# Nothing here calls home.
export CDK_DISABLE_CLI_TELEMETRY := true
export CDK_DISABLE_VERSION_CHECK := 1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
export NO_UPDATE_NOTIFIER := 1
export NPM_CONFIG_UPDATE_NOTIFIER := false

RUN := $(UV) run --frozen --no-sync
# The Node from the lock file stands before any other: `uv run` puts .venv/bin first on the PATH.
CDK := $(RUN) node_modules/.bin/cdk --no-notices

ENV ?= production
OUT ?= cdk.out
T ?=
TOPIC ?=
PYTEST_ARGS ?=
# for two cores: one that computes, and three with a local cloud, which mostly wait and then compute too
WORKERS ?= 4
DEMO_ARGS ?=
ALARM_EMAIL ?=

.PHONY: help setup layers fmt check sizes synth test faults mutants bench up down demo deploy clean

help: ## List the tasks
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV) $(NODE) ## Bring uv, the locked Python packages and the CDK CLI

$(UV):
	@echo "setup: downloading uv $(UV_VERSION) (about 25 MB) into .tools/"
	@python=$$(command -v "$(UV_PYTHON)" || command -v python3); \
	  "$$python" -m venv .tools || { echo "setup: $$python cannot make a virtual environment (on Debian: apt install python3-venv)"; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

$(VENV): pyproject.toml uv.lock | $(UV)
	@echo "setup: Python packages from uv.lock into .venv (the first time about 300 MB: the CDK library, Node, mypy, moto, scikit-learn)"
	@$(UV) sync --locked --quiet
	@printf '#!/bin/sh\ncd "$$(dirname "$$0")/../.." && exec .venv/bin/python -m cli "$$@"\n' > .venv/bin/attune && chmod +x .venv/bin/attune
	@touch $@

$(NODE): package-lock.json package.json | $(VENV)
	@echo "setup: the CDK CLI, dynalite and the clients that are tested, from package-lock.json into node_modules (the first time about 35 MB)"
	@$(RUN) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

layers: setup ## Build the Lambda layers for AWS (arm64) and for this machine
	@$(RUN) python -m infra.packaging build

fmt: setup ## Format the code and fix what can be fixed without a thought
	@$(RUN) ruff format
	@$(RUN) ruff check --fix

check: setup ## Style, types, import contracts
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy .
	@PYTHONPATH=layers/core/python:layers/ml/python $(RUN) lint-imports --no-logo --no-cache

sizes: layers ## Print what each function weighs with its layers; fail above the budget
	@$(RUN) python -m infra.packaging sizes

synth: layers ## Write the CloudFormation templates, offline (OUT=folder, ENV=environment)
	@$(RUN) python -m infra.assembly --environment $(ENV) --out $(OUT)

test: $(if $(T),layers,check sizes) ## Everything that must pass (T=path: these tests only, in one process, without the checks)
	@$(RUN) pytest $(if $(T),,-n $(WORKERS)) --durations=10 $(PYTEST_ARGS) $(T)

faults: layers ## The long fault and property runs
	@ATTUNE_FAULTS=long $(RUN) pytest -n $(WORKERS) tests/faults $(wildcard tests/adapters/test_differential*.py) --durations=10 $(PYTEST_ARGS)

mutants: setup ## Small faults in the domain's heart, one by one: at least 85 % must be noticed (T=module)
	@$(RUN) python -m tests.mutants $(T)

bench: layers ## The benchmarks; one JSON a topic under benchmarks/results (TOPIC=one)
	@PYTHONPATH=layers/core/python:layers/ml/python $(RUN) python -m benchmarks $(TOPIC)

up: layers ## Start the local cloud with the whole stack on free ports (.local/stack.json says where)
	@$(RUN) python -m local up

down: setup ## Stop the local cloud
	@$(RUN) python -m local down

demo: layers ## From nothing to a verified campaign webhook, on this machine; the story is in .local/demo.json
	@$(RUN) python -m local demo $(DEMO_ARGS)

deploy: layers ## Deploy to AWS with your credentials (ENV=production|staging, ALARM_EMAIL=who is told)
	@$(CDK) deploy --all --context environment=$(ENV) $(if $(ALARM_EMAIL),--context alarm_email=$(ALARM_EMAIL))

clean: ## Remove what the build made (not .venv, .tools, node_modules)
	@rm -rf .build cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
