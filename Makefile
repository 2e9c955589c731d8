# Everything a developer types; each target sets up what it needs, and is quick the second time.
# `make demo` and `make test` need Python 3.11 or newer and a package registry, nothing else.

PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
INPUTS := pyproject.toml requirements.lock
# One worker per core. A file's tests stay on one worker, because they share what is costly to make (the demo's year,
# the CDK's templates), and begin in the order of tests/conftest.py.
PARALLEL := --numprocesses auto --dist loadscope --no-loadscope-reorder

# The registry pip is told to use is good enough for uv.
REGISTRY := $(or $(UV_DEFAULT_INDEX),$(PIP_INDEX_URL),$(shell $(PYTHON) -m pip config get global.index-url 2>/dev/null))
ifneq ($(REGISTRY),)
export UV_DEFAULT_INDEX := $(REGISTRY)
endif
# The CDK's library warns at length about the age of Node; the value names major versions.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION ?= 18,20,22,24

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint openapi synth e2e lock clean

help: ## show this list
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

setup: .venv/.local .venv/.dev ## a virtual environment to demo, test and lint in

demo: .venv/.local ## replay a real shop's year and show what came of it
	$(BIN)/kq demo $(ARGS)

test: .venv/.dev ## prove it
	$(BIN)/pytest $(if $(CI),--cov) $(PARALLEL) $(ARGS)

lint: .venv/.dev ## style, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@mkdir -p build
	$(BIN)/vulture >build/vulture.txt || [ $$? -eq 3 ] # 3: it found something
	! grep -vE "unused (variable|attribute)" build/vulture.txt

openapi: .venv/.dev ## write shared/openapi.json and docs/access.md anew from their sources
	$(BIN)/python -m infra.local.commands.openapi
	$(BIN)/python -m infra.local.commands.access

synth: .venv/.infra | node ## write the templates of every stage to cdk.out/ (needs Node.js)
	@for stage in dev staging prod; do $(BIN)/kq synth --stage $$stage --out cdk.out/$$stage || exit 1; done

e2e: .venv/.infra .venv/.ministack | node ## deploy the stacks onto an emulator and use them over HTTP (needs Node.js)
	KQ_E2E=.venv/.ministack/bin/python $(BIN)/pytest tests/e2e $(ARGS)

lock: .venv/.uv ## pin every dependency anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --all-extras --no-header --upgrade \
		--output-file requirements.lock pyproject.toml

clean: ## remove everything that was made here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build cdk.out *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is installed, one stamp per set of extras; installing a set never removes another.

.venv/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --constraints requirements.lock

.venv/.local: .venv/.uv $(INPUTS)
	$(INSTALL) --editable ".[local,aws,analytics]"
	@touch $@

.venv/.dev: .venv/.uv $(INPUTS)
	$(INSTALL) --editable ".[local,aws,analytics,dev]"
	@touch $@ .venv/.local

.venv/.infra: .venv/.uv $(INPUTS)
	$(INSTALL) --editable ".[local,aws,analytics,dev,infra]"
	@touch $@ .venv/.dev .venv/.local

# The emulator pins a client of its own, so it lives in an environment of its own.
.venv/.ministack: .venv/.uv tests/e2e/requirements.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $@
	$(BIN)/uv pip install --quiet --python $@/bin/python --requirements tests/e2e/requirements.txt
	@touch $@

.PHONY: node
node:
	@command -v node >/dev/null && command -v npm >/dev/null || \
		{ echo "This target runs the AWS CDK, which needs Node.js 20 or newer; demo and test do without."; exit 1; }
