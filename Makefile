# Everything works from a bare clone: whatever a target needs is set up first. Only Python 3.11 or newer is required.
# Written for GNU make 3.81, which macOS still ships.

# Options for the program a target runs: make run ARGS="--workers 5", make test ARGS="-k accounts"
ARGS =
BIN = .venv/bin
# Changes whenever the environment has to be set up again.
READY = .venv/.ready
# Keeps what pytest makes of the tests' assertions for the next run, whatever the environment says: making it takes each
# of its processes longer than all else before the first test.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: help run test chaos fuzz conformance check format bench bench-catalog evaluate evaluate-short screenshots setup lock build clean distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	@echo '  Options go through ARGS, as in: make run ARGS="--workers 5 --port 9000"'

run: $(READY) ## Start a whole cluster on this machine; Ctrl-C stops it
	@exec $(BIN)/echofs serve $(ARGS)

test: $(READY) ## Run all tests but those of make chaos and make conformance
	$(PYTEST) -m "not chaos and not conformance" $(ARGS)

chaos: $(READY) ## Kill, cut off, fill up and rebuild whole clusters of real processes
	$(PYTEST) -m chaos $(ARGS) tests/cluster tests/browser

fuzz: $(READY) ## Make up requests from the API's document, a hundred and more for each operation (about ten minutes)
	$(BIN)/python -m tests.web.fuzzing $(ARGS)

conformance: $(READY) ## Run the test suites of WebDAV and fsspec against EchoFS (Debian: apt install litmus)
	$(PYTEST) -m conformance $(ARGS) tests/cluster/test_dav.py tests/unit/client/test_filesystem.py

check: $(READY) ## Check style, types, import contracts and the links in the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit/test_documentation.py

format: $(READY) ## Put all code in the common format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## Measure against nginx (see bench/README.md)
	$(BIN)/python -m bench $(ARGS)

bench-catalog: $(READY) ## Measure the catalog's engines with few and with many files
	$(BIN)/python -m bench.catalog $(ARGS)

evaluate: $(READY) ## Hurt a whole cluster in every way and write docs/evaluation.md (about 25 minutes)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m bench.evaluate --docs docs $(ARGS)

evaluate-short: $(READY) ## Three scenarios of it in about a minute and a half, nothing written
	$(BIN)/python -m bench.evaluate --short $(ARGS)

screenshots: $(READY) ## Take the pictures of the page in docs/screenshots anew (needs Chromium)
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

setup: $(READY) ## Make .venv with everything in it

$(READY): setup.cfg pyproject.toml constraints.txt
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3.14 python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo 'EchoFS needs Python 3.11 or newer, and none was found. Name yours: make PYTHON=/path/to/python3' >&2; exit 1; \
	fi; \
	if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "Setting up .venv with $$($$found --version)"; \
		$$found -m venv --clear .venv || { echo 'Python lacks its venv module (Debian: apt install python3-venv)' >&2; exit 1; }; \
	fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python -m compileall -q echofs migrations
	@touch $(READY)

lock: $(READY) ## Renew constraints.txt with the newest versions that setup.cfg allows
	rm -rf build/lock
	$(BIN)/python -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check '.[dev,bench]'
	{ sed '/^[^#]/,$$d' constraints.txt; build/lock/bin/python -m pip freeze --exclude echofs; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/lock

build: $(READY) ## Make the package to install elsewhere, in dist/
	$(BIN)/python -m build $(ARGS)

clean: ## Remove what the tools left behind; data and .venv stay
	rm -rf build dist *.egg-info .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## Remove .venv too; data stay
	rm -rf .venv
