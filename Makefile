# Everything of every day. `make run` and `make test` need no earlier step and no root.
.DEFAULT_GOAL := run
BIN := .venv/bin
STAMP := .venv/.ready
WEB := api/web/node_modules/.ready

.PHONY: run test setup browser lint types test-unit test-faults test-soak bench bench-detectors clean

run: setup ## set up and run everything, with a simulated city
	@$(BIN)/aedilis up

test: setup browser lint types ## all checks and all tests, on real servers
	@$(BIN)/pytest -n 2

setup: $(STAMP) $(WEB) ## the command at .venv/bin/aedilis

$(STAMP): pyproject.toml uv.lock deploy/setup.sh
	@deploy/setup.sh
	@touch $@

$(WEB): api/web/package-lock.json $(STAMP)
	@echo "fetching the page's libraries"
	@cd api/web && npm ci --ignore-scripts --silent
	@touch $@

browser: setup ## the browser of the page tests, unless the machine has one
	@$(BIN)/python -c "from deploy.fetch import chromium; chromium()"

lint: setup
	@echo "lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/codespell aedilis sensors registry kept trial ingest simulation streams detectors storage alerts api deploy bench docs tests *.md --skip "*/node_modules/*,*.json,*.png"
	@$(BIN)/deptry . >/dev/null 2>&1 || $(BIN)/deptry .
	@$(BIN)/lint-imports --no-cache >/dev/null 2>&1 || $(BIN)/lint-imports --no-cache

types: setup
	@echo "types"
	@$(BIN)/mypy

test-soak: setup ## 28 simulated days under tight bounds; as long as the load takes
	@$(BIN)/pytest -s tests/soak

test-unit: setup
	@$(BIN)/pytest -n 2 tests/unit tests/conformance

bench: setup ## how fast it is on this machine; writes the tables of docs/performance.md
	@mkdir -p .aedilis
	@$(BIN)/aedilis bench --json .aedilis/bench.json --page docs/performance.md

bench-detectors: setup ## how well the detectors find what is labelled; writes the tables of docs/detection.md
	@$(BIN)/uv sync --frozen --inexact --quiet --group baselines
	@mkdir -p .aedilis
	@$(BIN)/aedilis bench detectors --json .aedilis/detectors.json --page docs/detection.md

test-faults: setup ## kill, stop, fill and flood everything in turn; a quarter of an hour
	@$(BIN)/pytest tests/faults -m "" --timeout 600

clean: ## remove what set-up made; data under .aedilis stay
	rm -rf .venv api/web/node_modules .mypy_cache .ruff_cache .pytest_cache
