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
# Where it is set, every process would compile all that it imports: 20 s of processor time instead of none.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup test check lint smoke demo preview config golden pretrain nano ship chromium bench ablations table2 web runtime clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready  ## make .venv and install the tested set of packages

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) environment.py .venv
	touch $@

test: .venv/.ready  ## everything CI runs: style, types, all tests
	$(MAKE) lint runtime chromium
	$(BIN)/pytest -q -n 2 --dist worksteal

chromium: .venv/.ready  ## fetch a browser into .chromium for the tests of pages, where npm can
	$(BIN)/python -m benchmarks.chromium

lint: .venv/.ready  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2

check: .venv/.ready  ## style, types and the quick tests
	$(MAKE) lint
	$(BIN)/pytest -q -n 2 --dist worksteal -m 'not slow'

smoke: .venv/.ready  ## a few training steps of both stages and a small test, in one process
	$(BIN)/pytest -q -m smoke

demo: .venv/.ready  ## train both stages within 30 minutes, score all eight skills before and after, edit clips
	@$(BIN)/python -m benchmarks.demo

preview: .venv/.ready  ## draw what stage STAGE=2 feeds the model
	$(RUN) preview --config conf/stage$(STAGE).yaml -o runs/preview.png

config: .venv/.ready  ## print the merged config of stage STAGE=2
	@$(RUN) fit --config conf/stage$(STAGE).yaml --print_config

golden: .venv/.ready  ## rewrite tests/golden, to be reviewed line by line
	$(BIN)/pytest -q tests/commands/test_configs.py tests/test_loss_curve.py -k "reviewed or stored" --rewrite-golden

pretrain: .venv/.ready  ## stage 0: the nano MLLM from nothing
	$(RUN) pretrain

# Each stage leaves its last checkpoint and goes on from there; a stage that is done is not done again.
nano: .venv/.ready runs/stage2/nano/model/veggie.json  ## stages 0, 1 and 2 from nothing, hours (GPU=1: minutes); stop and go on as you like

# On a GPU: the same samples in few large steps.
LARGE = $(if $(GPU),--config conf/gpu/$(1).yaml)
# What there is to go on from, if there is any: --ckpt_path last is an error where there is none.
NANO = --trainer.logger.init_args.version nano $(if $(wildcard runs/$(1)/nano/checkpoints/*.ckpt),--ckpt_path last) $(NANO_FLAGS)

runs/stage0/nano/mllm/model.safetensors:
	$(RUN) pretrain --output $(@D) $(call NANO,stage0)

runs/stage1/nano/model/veggie.json: runs/stage0/nano/mllm/model.safetensors
	$(RUN) fit --config conf/stage1.yaml $(call LARGE,stage1) --model.mllm.init_args.folder $(<D) $(call NANO,stage1)

runs/stage2/nano/model/veggie.json: runs/stage1/nano/model/veggie.json
	$(RUN) fit --config conf/stage2.yaml $(call LARGE,stage2) --model.mllm.init_args.folder runs/stage0/nano/mllm --init_from.folders '[$(<D)]' $(call NANO,stage2)

ship: .venv/.ready  ## put the weights of `make nano` into weights/nano
	$(BIN)/python -m benchmarks.ship

bench: .venv/.ready  ## speed and memory, as ratios against a bare loop
	$(BIN)/python -m benchmarks.training

ablations: .venv/.ready  ## train and score every variant of conf/ablation, write docs/ABLATIONS.md
	$(BIN)/python -m benchmarks.ablations

table2: .venv/.ready  ## edit and score the same clips by every method, write docs/BASELINES.md
	$(BIN)/python -m benchmarks.table2

web: .venv/.ready  ## the page that edits in the browser alone, into build/web
	$(BIN)/python integrations/browser/build.py build/web

runtime: .venv/.ready  ## fetch what runs that page's graphs, for its tests, where npm can
	-$(BIN)/python integrations/browser/build.py --runtime_only

clean:  ## remove the environment and caches; runs stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache *.egg-info build
