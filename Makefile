# Each target does all of its own set-up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Every package is in a lock, with the hashes of its files: `make lock` writes them.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation
# Wheels run nothing when they are installed; TensorRT for RTX is two source archives.
LOCKED := $(PIP) --require-hashes --only-binary :all: --no-binary tensorrt-rtx,tensorrt-rtx-cu13 -r

.PHONY: help demo test lint docs wheel lock lock-peers clean

help:
	@echo "make demo   run the built-in clip: out/demo.mp4 and out/demo.jsonl"
	@echo "make test   run every test"
	@echo "make lint   ruff and mypy"
	@echo "make docs   the documentation's site: out/site"
	@echo "make wheel  the wheel, installed beside its locked needs and run: dist/*.whl"
	@echo "make lock   write requirements/ anew; with UPGRADE=--upgrade to newer versions"
	@echo "make lock-peers   the same for what benchmarks.peers installs"
	@echo "make clean  remove .venv, out/ and caches"

demo: $(VENV)/.runtime
	$(BIN)/python -m runtime.webcam --source demo --headless \
		--output_video out/demo.mp4 --output_json out/demo.jsonl
	@echo "Look at out/demo.mp4. With a camera: $(BIN)/python -m runtime.webcam"

test: $(VENV)/.dev $(VENV)/newest
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict --site-dir out/site

# As a user has it: an environment of its own, another folder, no checkout.
ALONE := $(CURDIR)/dist/venv/bin
wheel: | $(BIN)/python
	@# What lies in build/lib would come into the wheel.
	rm -rf build/lib build/bdist.* dist *.egg-info
	$(BIN)/python -m venv dist/venv
	$(subst $(BIN),$(ALONE),$(LOCKED)) requirements/build.txt
	$(subst $(BIN),$(ALONE),$(LOCKED)) requirements/runtime.txt
	$(ALONE)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	$(subst $(BIN),$(ALONE),$(PIP)) dist/emotion_edge-*.whl
	cd dist && $(ALONE)/emotion-doctor --trial_s 0
	cd dist && $(ALONE)/emotion-predict $(CURDIR)/runtime/assets/astronaut.jpg --output_json -
	rm -rf build/lib build/bdist.* dist/venv *.egg-info

clean:
	rm -rf $(VENV) out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' || \
		{ echo "Python 3.10 to 3.14 is needed: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@case "$$(uname -sm)" in "Linux x86_64" | "Linux aarch64") ;; \
		*) echo "requirements/ is for Linux on x86_64 or aarch64, not $$(uname -sm)"; exit 2 ;; esac
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "python3-venv is needed: apt-get install python3-venv"; exit 2; }

$(VENV)/.runtime: pyproject.toml requirements/runtime.txt | $(BIN)/python
	@echo "Installing the runtime into $(VENV) (about 410 MB)"
	$(LOCKED) requirements/build.txt
	$(LOCKED) requirements/runtime.txt --no-compile
	$(PIP) --no-compile -e .
	@# Nothing in the runtime needs it, and it would count as a part of it.
	@$(BIN)/python -m pip uninstall --quiet --yes setuptools
	@touch $@

$(VENV)/.dev: pyproject.toml requirements/dev.txt | $(BIN)/python
	@echo "Installing everything into $(VENV) (PyTorch: some GB, minutes)"
	$(LOCKED) requirements/build.txt
	$(LOCKED) requirements/dev.txt
	$(PIP) -e .
	@touch $@ $(VENV)/.runtime

$(VENV)/.docs: requirements/docs.txt | $(BIN)/python
	$(LOCKED) requirements/docs.txt
	@touch $@

# For the tests that nothing phones home: the runtime's own is older.
$(VENV)/newest: requirements/newest.txt | $(VENV)/.dev
	rm -rf $@
	$(LOCKED) requirements/newest.txt --target $@
	@touch $@

# All Pythons and processors at once, with the same versions where there are such.
# After a change of pyproject.toml's needs; without UPGRADE versions stay where they can.
PEERS := benchmarks/peers/locks
UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-python-downloads \
	--generate-hashes --no-annotate --custom-compile-command "make lock" $(UPGRADE)
lock: | $(BIN)/python
	$(LOCKED) requirements/lock.txt
	$(UV) --group lock -o requirements/lock.txt
	$(UV) --group build -o requirements/build.txt
	$(UV) --group newest --no-deps --upgrade -o requirements/newest.txt
	$(UV) pyproject.toml --group demo -c constraints.txt -c requirements/build.txt \
		-o requirements/runtime.txt
	$(UV) pyproject.toml --extra dev --group demo -c requirements/build.txt \
		-c requirements/runtime.txt -o requirements/dev.txt
	$(UV) --group docs -c requirements/dev.txt -o requirements/docs.txt

# What benchmarks.peers installs; package.json and requirements.in say what is wanted.
lock-peers: | $(BIN)/python
	$(LOCKED) requirements/lock.txt
	for file in $(PEERS)/*/requirements.in; do $(UV) $$file -o $${file%.in}.txt || exit; done
	for file in $(PEERS)/*/package.json; do npm install --prefix $${file%/*} --package-lock-only \
		--ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund || exit; done
