# `make test` on a fresh machine: makes .venv if missing, installs with the test extras, runs lint, types and tests.
# `make demo` on a fresh machine: makes .venv if missing, installs, explains bundled networks, writes a report.
BASE_PYTHON ?= python3
VENV ?= .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
INSTALLED_PLAIN := $(VENV)/.installed-plain
WORKERS ?= auto

# Threads that spin while they wait slow each other down as soon as several test processes share the cores.
export OMP_WAIT_POLICY ?= PASSIVE

DEMO ?= demo

.PHONY: test check install lint types unit gates bench demo

test: lint types unit

check: test

install: $(INSTALLED)

$(INSTALLED): pyproject.toml
	test -x $(PYTHON) || $(BASE_PYTHON) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet -e '.[test]'
	touch $@ $(INSTALLED_PLAIN)

$(INSTALLED_PLAIN): pyproject.toml
	test -x $(PYTHON) || $(BASE_PYTHON) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet -e .
	touch $@

lint: $(INSTALLED)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(INSTALLED)
	$(PYTHON) -m mypy

unit: $(INSTALLED)
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal

# Methods on planted units: what must hold of the yardstick. Below 90 seconds, whatever methods come.
gates: $(INSTALLED)
	env -u OMP_WAIT_POLICY $(VENV)/bin/neuronym bench --quick

demo: $(INSTALLED_PLAIN)
	env -u OMP_WAIT_POLICY $(VENV)/bin/neuronym demo --out $(DEMO) --overwrite

bench: $(INSTALLED)
	$(PYTHON) benchmarks/soft_wpmi.py
	$(PYTHON) benchmarks/activation_pass.py
	$(PYTHON) benchmarks/memory.py
	$(PYTHON) benchmarks/mask_engine.py
	$(PYTHON) benchmarks/mask_pass.py
	$(PYTHON) benchmarks/incremental.py
	$(PYTHON) benchmarks/occlusion.py
	$(PYTHON) benchmarks/layouts.py
	$(PYTHON) benchmarks/world.py
	$(PYTHON) benchmarks/demo.py
	$(PYTHON) benchmarks/evaluate.py
	$(PYTHON) benchmarks/planted.py
