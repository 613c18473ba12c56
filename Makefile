# `make` or `make help` lists what there is.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-generate up doctor test fuzz check format lock audit clean install

# The first interpreter of version 3.11 or later; or say make PYTHON=…
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
INSTALLED := .venv/.installed

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Show the whole loop on a sample, or on make demo DATA=<folder>
	@$(BIN)/outlay demo $(if $(DATA),--data "$(DATA)") $(if $(DATA_FOLDER),--data-folder "$(DATA_FOLDER)")

demo-generate: $(INSTALLED) ## Generate, review, generate again: three rounds against a scripted LLM
	@$(BIN)/python -m benchmarks.generate

up: $(INSTALLED) ## Run Outlay on this machine until Ctrl-C (PORT=, DATA_FOLDER=)
	@$(BIN)/outlay up $(if $(PORT),--port "$(PORT)") $(if $(DATA_FOLDER),--data-folder "$(DATA_FOLDER)")

doctor: $(INSTALLED) ## Check this machine, and say what to do
	@$(BIN)/outlay doctor

test: $(INSTALLED) ## Run all tests
	@$(BIN)/pytest -n 2 --dist loadfile

fuzz: $(INSTALLED) ## Send 20,000 made-up requests to a running Outlay (CASES=, SEED=)
	@$(BIN)/python -m tests.fuzz $(if $(CASES),--cases "$(CASES)") $(if $(SEED),--seed "$(SEED)")

check: $(INSTALLED) ## Format, lint, types, import rules, migrations
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/outlay check-migrations

format: $(INSTALLED) ## Format the code and mend what the linter can mend
	@$(BIN)/ruff check --fix --exit-zero --quiet
	@$(BIN)/ruff format

lock: ## Bring constraints.txt up to the newest versions that pyproject.toml allows
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python -m pip --disable-pip-version-check -qq install "$$(grep '^torch==' constraints.txt)"
	@.venv-lock/bin/python -m pip --disable-pip-version-check -qq install -e '.[standalone,tracing,dev]'
	@{ sed -n '/^#/p' constraints.txt; .venv-lock/bin/python -m pip freeze --exclude-editable \
	| sed 's/+cpu$$//' | grep -v -E '^(nvidia-|cuda-|triton==)'; } > constraints.new
	@mv constraints.new constraints.txt && rm -rf .venv-lock

audit: ## Look the exact versions up in PyPI's list of known vulnerabilities (needs the network)
	@test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit \
	&& .venv-audit/bin/python -m pip --disable-pip-version-check -qq install pip-audit; }
	@# --strict: a version that PyPI does not answer for is an error; without it, it would pass as harmless.
	@.venv-audit/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt

clean: ## Remove .venv and every cache; data in .outlay stays
	@rm -rf .venv .venv-lock .venv-audit build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(INSTALLED) ## Make .venv with everything in it; the other commands do so by themselves

# torch goes first and alone: it is by far the largest, and the rest then finds it there.
$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Outlay needs Python 3.11 or later, and none was found." >&2; exit 1; }
	@echo "Installing into .venv (the first time takes a few minutes) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	@$(PIP) install -c constraints.txt -e '.[standalone,tracing,dev]'
	@touch $@
