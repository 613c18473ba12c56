# `make` or `make help` lists what there is.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-generate up doctor test test-fast fuzz check format lock audit clean install need-python

# The first interpreter of version 3.11 or later; or say make PYTHON=…
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
# What Outlay runs with, and what it is developed with: every extra, so that no test is skipped.
RUNTIME := model standalone tracing
DEVELOPMENT := dev mlflow umap wandb
INSTALLED := .venv/.installed
INSTALLED_DEVELOPMENT := .venv/.installed-development
REQUIREMENTS := pyproject.toml devtools/install.py $(wildcard requirements/*.txt)

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Show the whole loop on a sample, or on make demo DATA=<folder>
	@$(BIN)/outlay demo $(if $(DATA),--data "$(DATA)") $(if $(DATA_FOLDER),--data-folder "$(DATA_FOLDER)")

demo-generate: $(INSTALLED_DEVELOPMENT) ## Generate, review, generate again: three rounds against a scripted LLM
	@$(BIN)/python -m benchmarks.generate

up: $(INSTALLED) ## Run Outlay on this machine until Ctrl-C (PORT=, DATA_FOLDER=)
	@$(BIN)/outlay up $(if $(PORT),--port "$(PORT)") $(if $(DATA_FOLDER),--data-folder "$(DATA_FOLDER)")

doctor: $(INSTALLED) ## Check this machine, and say what to do
	@$(BIN)/outlay doctor

test: $(INSTALLED_DEVELOPMENT) ## Run all tests
	@$(BIN)/pytest -n 2 --dist loadfile

test-fast: $(INSTALLED_DEVELOPMENT) ## Run the tests that need no server and take no time: under a minute
	@$(BIN)/pytest -n 2 -m "not slow and not servers and not browser"

fuzz: $(INSTALLED_DEVELOPMENT) ## Send 20,000 made-up requests to a running Outlay (CASES=, SEED=)
	@$(BIN)/python -m tests.fuzz $(if $(CASES),--cases "$(CASES)") $(if $(SEED),--seed "$(SEED)")

check: $(INSTALLED_DEVELOPMENT) ## Format, lint, types, import rules, migrations
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry . --extend-exclude '^(tests|benchmarks|devtools)/'
	@$(BIN)/deptry . --ignore DEP004  # tests may import what only developers have
	@$(BIN)/outlay check-migrations

format: $(INSTALLED_DEVELOPMENT) ## Format the code and mend what the linter can mend
	@$(BIN)/ruff check --fix --exit-zero --quiet
	@$(BIN)/ruff format

lock: $(INSTALLED_DEVELOPMENT) ## Write requirements/ from pyproject.toml; UPGRADE=1: the newest versions it allows
	@$(BIN)/python -m devtools.lock $(if $(UPGRADE),--upgrade)

audit: ## Look the exact versions up in PyPI's list of known vulnerabilities (needs the network)
	@test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit \
	&& .venv-audit/bin/python -m pip --disable-pip-version-check -qq install pip-audit; }
	@# --strict: a version that PyPI does not answer for is an error; without it, it would pass as harmless.
	@.venv-audit/bin/pip-audit --strict --no-deps --disable-pip $(addprefix -r ,$(wildcard requirements/*.txt))

clean: ## Remove .venv and every cache; data in .outlay stays
	@rm -rf .venv .venv-audit build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: need-python ## Make .venv; EXTRAS="umap mlflow wandb": with optional libraries (others do this by themselves)
	@$(PYTHON) devtools/install.py $(RUNTIME) $(EXTRAS)
	@touch $(INSTALLED)

$(INSTALLED): $(REQUIREMENTS) | need-python
	@$(PYTHON) devtools/install.py $(RUNTIME)
	@touch $@

$(INSTALLED_DEVELOPMENT): $(REQUIREMENTS) | need-python
	@$(PYTHON) devtools/install.py $(RUNTIME) $(DEVELOPMENT)
	@touch $(INSTALLED) $@

need-python:
	@test -n "$(PYTHON)" || { echo "Outlay needs Python 3.11 or later, and there is none. Install it, or say make PYTHON=…" >&2; exit 1; }
