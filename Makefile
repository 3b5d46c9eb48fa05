# Two commands matter: `make demo` and `make test`. Each sets up all it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

TOOLS := .venv-release
PIP := -m pip install --quiet --disable-pip-version-check
# Each set of packages is locked with the digest of every file that may be installed (`make lock` renews them).
LOCKED := $(PIP) --require-hashes --requirement

.PHONY: demo test check bench evaluate fuzz fuzz-native wheel audit lock torture clean

$(READY): pyproject.toml locked/dev.txt setup.py $(wildcard native/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Leadlight needs Python 3.11 or later: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(LOCKED) locked/dev.txt
	$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY)
	@rm -rf demo
	$(BIN)/leadlight demo demo

test: check
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(READY)
	$(BIN)/python $(LOCKED) locked/bench.txt
	$(BIN)/python -m bench

# The tables of the shipped detector's card, from pictures that are not kept with the project: their source, commit, path
# and SHA-256 stand in training/manifest. They may lie in EVALUATE_DIR in any order. Needs no network. EVALUATE_SPLIT is
# dev, on which recipes were chosen and ratios calibrated, or test, on which nothing was.
EVALUATE_DIR ?=
EVALUATE_SPLIT ?= dev
EVALUATE_OUT ?= build/evaluation
evaluate: $(READY)
	@test -d "$(EVALUATE_DIR)" || { echo "No pictures: make evaluate EVALUATE_DIR=FOLDER, with the pictures that training/manifest names (fetch them from the repositories and commits stated there)."; exit 2; }
	@test -f training/manifest/camera.csv || { echo "training/manifest holds no tables."; exit 2; }
	$(BIN)/leadlight evaluate "$(EVALUATE_DIR)" --split $(EVALUATE_SPLIT) --table training/manifest/camera.csv --table training/manifest/generated.csv --out $(EVALUATE_OUT) --force

# About an hour in all; `make fuzz FUZZ_SECONDS=5` is a quick look, `make fuzz FUZZ=zip` one target.
FUZZ_SECONDS ?= 90
FUZZ_SEED ?= 1
fuzz: $(READY)
	$(BIN)/python $(LOCKED) locked/fuzz.txt
	$(BIN)/python -m fuzz --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED) $(FUZZ)

# The compiled kernels under AddressSanitizer and UndefinedBehaviorSanitizer; needs gcc.
fuzz-native: $(READY)
	$(BIN)/python -m fuzz --native --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED) $(FUZZ)

$(TOOLS)/.ready: locked/release.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python $(LOCKED) locked/release.txt
	@touch $@

# The wheel, built twice from the last commit in two folders, which must give the same bytes, and its SBOM.
wheel: $(TOOLS)/.ready
	$(TOOLS)/bin/python locked/wheel.py

# Known faults of the locked packages. Asks the Python Package Index for its advisories: needs the network.
audit: $(TOOLS)/.ready
	for set in run dev bench fuzz; do $(TOOLS)/bin/pip-audit --disable-pip --no-deps --strict --requirement locked/$$set.txt || exit 1; done

lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python $(PIP) uv
	.venv-lock/bin/python locked/lock.py $(UPGRADE)

torture: $(READY)
	$(BIN)/python -m torture

clean:
	rm -rf $(VENV) $(TOOLS) .venv-lock demo build dist
