# Plain make and python3 (3.11 or later) are all that is needed. `make help` says what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install test slow lint format demo bench oracles site clean

help:
	@echo "make install   environment in .venv, from the hash-locked set"
	@echo "make demo      fly first-light: three satellites, two stations, four faults"
	@echo "make test      the fast test suite"
	@echo "make slow      the slow one as well"
	@echo "make lint      ruff and mypy --strict"
	@echo "make bench     all benchmarks"
	@echo "make site      the documentation as pages in site/, to be read without a network"
	@echo "make oracles   outside numbers anew (needs a network; results are kept in the tree)"

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml .ci/develop.py .ci/install.py
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Skyrack needs Python 3.11 or later, this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 " + "install")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 cannot make an environment; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python .ci/install.py full
	@touch $@
	@echo "installed in $(VENV)"

test: install
	@$(BIN)/python -m faults.run.warm full
	$(BIN)/python -m pytest -n auto

slow: install
	@$(BIN)/python -m faults.run.warm full
	$(BIN)/python -m pytest -n auto -m "slow or not slow"

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: install
	$(BIN)/skyrack run first-light

bench: install
	@for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

oracles: install
	@set -e; for script in tests/oracles/*/make.sh; do test -e "$$script" || continue; echo "== $$script"; sh "$$script"; done

site:
	@test -x $(VENV)-site/bin/mkdocs || { $(PYTHON) -m venv $(VENV)-site && $(VENV)-site/bin/pip install --quiet 'mkdocs-material>=9.5'; }
	NO_MKDOCS_2_WARNING=1 $(VENV)-site/bin/mkdocs build --strict --quiet
	@echo "open site/index.html, or with its search: python3 -m http.server --bind 127.0.0.1 --directory site"

clean:
	rm -rf $(VENV) $(VENV)-site site out .mypy_cache .ruff_cache .pytest_cache .hypothesis
