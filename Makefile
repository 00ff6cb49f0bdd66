# Every target sets up what it needs: `make test` or `make demo` in a fresh clone is enough.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m veggie_pl
STAGE ?= 2
# glibc otherwise hands large blocks back to the system and takes them again, every training step.
export MALLOC_MMAP_THRESHOLD_ := 8589934592
export MALLOC_TRIM_THRESHOLD_ := 17179869184
export MALLOC_TOP_PAD_ := 268435456
export HF_HUB_OFFLINE := 1

.PHONY: help setup test check lint smoke demo preview config golden pretrain bench clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready  ## make .venv and install the tested set of packages

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

test: .venv/.ready  ## everything CI runs: style, types, all tests
	$(MAKE) lint
	$(BIN)/pytest -q -n 2

lint: .venv/.ready  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: .venv/.ready  ## style, types and the quick tests
	$(MAKE) lint
	$(BIN)/pytest -q -n 2 -m 'not slow'

smoke: .venv/.ready  ## a few training steps of both stages and a small test, in one process
	$(BIN)/pytest -q -m smoke

demo: .venv/.ready  ## train both stages in minutes, score all eight skills before and after, edit clips
	sh benchmarks/demo.sh

preview: .venv/.ready  ## draw what stage STAGE=2 feeds the model
	$(RUN) preview --config conf/stage$(STAGE).yaml -o runs/preview.png

config: .venv/.ready  ## print the merged config of stage STAGE=2
	@$(RUN) fit --config conf/stage$(STAGE).yaml --print_config

golden: .venv/.ready  ## rewrite tests/golden, to be reviewed line by line
	$(BIN)/pytest -q tests/test_configs.py -k reviewed --rewrite-golden

pretrain: .venv/.ready  ## stage 0: the nano MLLM from nothing
	$(RUN) pretrain

bench: .venv/.ready  ## speed and memory, as ratios against a bare loop
	$(BIN)/python -m benchmarks.training

clean:  ## remove the environment and caches; runs stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache *.egg-info build
