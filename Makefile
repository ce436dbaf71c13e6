# Everything a person needs; each target does its own set-up. Scripts pass JSON=FILE to get figures, ARGS=... for more flags.
UV_VERSION := 0.13.9
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
ARGS ?=
JSON ?=
WORK ?= pipeline
SEED ?= 1
MOVES ?= 20000

.PHONY: install demo test check bench chaos clean

install: .venv/.installed

.venv/.installed: pyproject.toml uv.lock
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Veedor needs Python 3.11 or newer: install it (Debian: apt-get install python3 python3-venv) or name it with make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "installing python3-venv" && apt-get -qq update && apt-get -qq install -y --no-install-recommends python3-venv >/dev/null; } || { echo "Python has no venv here: install it (Debian: apt-get install python3-venv)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv sync --frozen -q --compile-bytecode
	@$(BIN)/python -m compileall -q services shared
	@touch $@

demo: install
	$(BIN)/veedor demo $(ARGS)

test: install
	$(BIN)/python -m tests.parts.install
	$(BIN)/pytest $(ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	$(BIN)/python -m tests.benchmarks $(WORK) $(if $(JSON),--json $(JSON)) $(ARGS)

chaos: install
	$(BIN)/python -m tests.chaos --seed $(SEED) --moves $(MOVES) $(if $(JSON),--json $(JSON)) $(ARGS)

clean:
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
