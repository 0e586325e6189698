# Each target does all of its own set-up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
# Six faces for the demo; the package's own needs (SciPy and more) aren't.
FACES := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps -c constraints.txt insightface

.PHONY: help demo test lint clean

help:
	@echo "make demo   run the built-in clip: out/demo.mp4 and out/demo.jsonl"
	@echo "make test   run every test"
	@echo "make lint   ruff and mypy"
	@echo "make clean  remove .venv, out/ and caches"

demo: $(VENV)/.runtime
	$(BIN)/python -m runtime.webcam --source demo --headless \
		--output_video out/demo.mp4 --output_json out/demo.jsonl
	@echo "Look at out/demo.mp4. With a camera: $(BIN)/python -m runtime.webcam"

test: $(VENV)/.dev
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Python 3.10 or newer is needed: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "python3-venv is needed: apt-get install python3-venv"; exit 2; }

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the runtime into $(VENV) (about 380 MB)"
	$(PIP) --no-compile -e .
	@# Python before 3.12 puts it into every new venv; nothing here needs it.
	@$(BIN)/python -m pip uninstall --quiet --yes setuptools 2>/dev/null || true
	$(FACES)
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing everything into $(VENV) (PyTorch: some GB, minutes)"
	$(PIP) -e '.[dev]'
	$(FACES)
	@touch $@ $(VENV)/.runtime
