# Everything runs inside .venv, which `make setup` fills from the lock file. `make` alone lists the targets.
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
INSTALLED := .venv/.installed
export UV_LINK_MODE := copy

.DEFAULT_GOAL := help
.PHONY: help setup chat index test check format eval bench load lock clean

help:
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(INSTALLED) ## install what the lock file names into .venv

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old: Python 3.11 or later is needed; pass PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@awk '/^uv==/ { found = 1 } found { print } found && !/\\$$/ { exit }' requirements.txt > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.txt
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

chat: index ## index the corpus and serve the chat page on http://localhost:8501 (PORT=N for another)
	@$(BIN)/briefs serve --port $(PORT)

index: $(INSTALLED) ## bring the index up to date
	@$(BIN)/briefs index

test: $(INSTALLED) ## run all tests
	@$(BIN)/pytest -n 2 --dist loadfile

check: $(INSTALLED) ## lint, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(INSTALLED) ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

eval: index ## run the eval suite against its gates and the baseline
	@$(BIN)/briefs eval

bench: index ## measure start-up, latency and indexing speed
	@$(BIN)/python -m evals.bench

load: index ## ask as one caller and as fifty, and open sessions of the page
	@$(BIN)/python -m evals.load

lock: $(INSTALLED) ## write requirements.txt anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
		--extra dev --custom-compile-command 'make lock' --output-file requirements.txt pyproject.toml
	@rm -f $(INSTALLED)

clean: ## remove what was installed, built and cached
	@rm -rf .venv .briefs .briefs-report .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
