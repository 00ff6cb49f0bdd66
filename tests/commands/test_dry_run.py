"""``fit --dry-run`` on the shipped configs."""

from pathlib import Path

import pytest
from jsonargparse import Namespace

from veggie_pl.cli import main
from veggie_pl.commands.dry_run import count_ranks

ROOT = Path(__file__).resolve().parent.parent.parent


def test_dry_run_prints_the_mixture_and_builds_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    args = [
        "--config",
        "conf/stage1.yaml",
        "--trainer.max_steps",
        "10",
        "--trainer.devices",
        "2",
        "--ckpt_path",
        "last",
    ]
    main(["fit", *args, "--model.mllm.init_args.folder", "none", "--dry-run"])
    said = capsys.readouterr().out
    assert "10 steps x 32 samples a batch x 2 ranks x 1 batch a step = 640 samples" in " ".join(said.split())
    for name, share in (("editing", "65.01"), ("grounding", "20.00"), ("reasoning", "14.99"), ("total", "100.00")):
        assert any(name in line and share in line for line in said.splitlines())


@pytest.mark.parametrize(
    ("devices", "nodes", "ranks"),
    [(1, 1, 1), (4, 2, 8), ([0, 2], 1, 2), ("3", 1, 3), ("0,1", 1, 2), ("auto", 2, 2), (-1, 1, 1), ("-1", 1, 1)],
)
def test_ranks_are_those_the_trainer_would_start(devices: object, nodes: int, ranks: int) -> None:
    assert count_ranks(Namespace(devices=devices, num_nodes=nodes, accelerator="cpu")) == ranks
