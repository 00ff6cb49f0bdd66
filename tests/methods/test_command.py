"""`test --model.method` scores methods without training, over the shipped image model."""

import json
from pathlib import Path

import yaml

from veggie_pl.cli import main
from veggie_pl.files import ROOT

SHIPPED = str(ROOT / "weights/nano/stage1")


def test_shipped_image_model_is_scored_under_a_method(tmp_path: Path) -> None:
    config = tmp_path / "few.yaml"
    frames = {"init_args": {"num_frames": 4}}
    config.write_text(yaml.safe_dump({"data": {"test": frames, "num_test": 1, "num_workers": 0}}))
    method = ["--model.method", "veggie_pl.methods.VidToMe", "--model.method.folder", SHIPPED]
    method += ["--model.method.local_ratio", "0.5", "--model.method.sampling.num_steps", "1"]
    output = ["--evaluate.output", str(tmp_path / "report"), "--trainer.logger", "false"]
    main(["test", "--config", str(config), *method, *output])
    content = json.loads((tmp_path / "report/report.json").read_text())
    assert content["model"] == f"VidToMe over {SHIPPED}"
    assert {row["skill"] for row in content["results"]} >= {"addition", "grounding"}
