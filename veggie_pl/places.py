"""Where the project's own files lie: configs, cards and shipped weights."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of the checkout
CONF = ROOT / "conf"
TRAINING = [str(CONF / name) for name in ("base.yaml", "backbone/nano.yaml", "data/shapes.yaml")]
TESTING = [str(CONF / name) for name in ("data/shapes.yaml", "eval.yaml")]
TRAINED = ["runs/stage2/*/model", "runs/stage1/*/model", "weights/nano/model"]  # what `test` and `edit` look for
