# Two commands are enough on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

VENDOR := jingqiao/console/static/vendor
MODULES := node_modules
VENDOR_FILES := $(MODULES)/htmx.org/dist/htmx.min.js \
	$(MODULES)/uplot/dist/uPlot.iife.min.js $(MODULES)/uplot/dist/uPlot.min.css \
	$(MODULES)/leaflet/dist/leaflet.js $(MODULES)/leaflet/dist/leaflet.css

.PHONY: demo test check bench clean install vendor

$(VENV)/.runtime: pyproject.toml
	@echo "installing into $(VENV) …" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . >&2
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,postgresql]'
	touch $@

# The console's front-end files, from npm; they stay out of git and go into the wheel.
$(VENDOR)/.built: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js (Debian: apt-get install npm)" >&2; exit 1; }
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	@rm -rf $(VENDOR) && mkdir -p $(VENDOR)/images
	@cp $(VENDOR_FILES) $(VENDOR)
	@cp $(MODULES)/leaflet/dist/images/* $(VENDOR)/images
	@gzip -9 -n -k -f $(VENDOR)/*.js $(VENDOR)/*.css
	@touch $@

vendor: $(VENDOR)/.built

install: $(VENV)/.runtime vendor

# What goes to stdout is the demo's own: `make demo ARGS="--seconds 60 --json" > summary.json` is JSON.
demo: $(VENV)/.runtime vendor
	@$(BIN)/jingqiao demo $(ARGS)

test: $(VENV)/.dev vendor
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) $(MODULES) $(VENDOR) build dist .pytest_cache .mypy_cache .ruff_cache .coverage htmlcov
