# oxablate: everything a person or a machine does with a checkout. Needs make and Python >= 3.11, nothing else.
#
#   make test PYTHON=python3.13     another interpreter (run `make clean-venv` first if .venv exists)
#   make test JOBS=4                more test workers than the default 2

PYTHON ?= python3
JOBS   ?= 2
VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check --no-input
QUIET  := $(if $(CI),--quiet --progress-bar off,--quiet)

# The demonstration: a case file, and the folder its record and report go to.
DEMO_CASE ?= examples/brain_demo.yaml
DEMO_DIR  ?= demo-run

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup test verify validate bench docs demo lint sbom advisories clean clean-venv

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- the environment: one stamp per set of dependencies, renewed when the pins change ------------------------------

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "oxablate needs Python 3.11 or later; '$(PYTHON)' is older or missing. Try: make PYTHON=python3.13 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(PY)
	@echo "installing oxablate into $(VENV) (the first time takes minutes)"
	$(PIP) install $(QUIET) -c constraints.txt -e .
	@touch $@

$(VENV)/.extra-%: pyproject.toml constraints.txt $(VENV)/.installed
	$(PIP) install $(QUIET) -c constraints.txt -e '.[$*]'
	@touch $@

setup: $(VENV)/.extra-test $(VENV)/.extra-docs  ## make .venv with everything `make test` needs

# --- checks --------------------------------------------------------------------------------------------------------

# One file stays with one worker: kernels are compiled once per file and cached in the user's cache folder.
test: setup  ## unit, property and exact cases, and the code in the docs
	$(PY) -m pytest -n $(JOBS) --dist loadfile

verify: setup $(VENV)/.extra-peers  ## the slow exact cases, and those that need other codes
	-@sh verification/browser.sh
	$(PY) -m pytest -n $(JOBS) --dist loadfile -m 'slow or peer'

validate: setup  ## the measured cases
	$(PY) -m pytest validation -m 'slow or not slow' -p no:cacheprovider || [ $$? -eq 5 ]

bench: $(VENV)/.installed $(VENV)/.extra-peers  ## every benchmark, one table; FAIL rows do not stop it
	$(PY) benchmarks

lint: $(VENV)/.extra-dev  ## style and layers
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports --no-cache

sbom: $(VENV)/.extra-dev  ## what it is made of, as CycloneDX JSON in build/sbom.json; needs no network
	$(PY) supply/sbom.py build/sbom.json

advisories: $(VENV)/.extra-dev  ## pinned versions against known advisories; says what could not be asked
	$(PY) supply/advisories.py || [ $$? -eq 3 ]

# --- for reading ---------------------------------------------------------------------------------------------------

docs: $(VENV)/.extra-docs  ## build docs/_build/html; every block of code in it is run
	$(PY) -m sphinx -E -a -W --keep-going -q -b html docs docs/_build/html
	@echo "docs: docs/_build/html/index.html"

demo: $(VENV)/.installed  ## run the bundled case and say where its report is
	@test ! -e $(DEMO_DIR)/record.json || rm -rf $(DEMO_DIR)
	$(VENV)/bin/oxablate run $(DEMO_CASE) --out $(DEMO_DIR)
	$(VENV)/bin/oxablate report $(DEMO_DIR)
	@test -s $(DEMO_DIR)/report.html && echo "report: $(CURDIR)/$(DEMO_DIR)/report.html"

clean:  ## remove what builds and runs left behind
	rm -rf build dist docs/_build docs/_generated $(DEMO_DIR) .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find src tests verification validation benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

clean-venv: clean  ## also remove .venv
	rm -rf $(VENV)
