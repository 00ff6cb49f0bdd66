"""From the official files of every data set to a training step: card, prepare, table, stream, mixture, model."""

from pathlib import Path

import pytest
import torch
import yaml
from support.layouts import MINIATURES
from support.parts import fit, randomise_output, tiny_module

from veggie_pl.cli import main
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.mixture import Weighted
from veggie_pl.data.streams import EditingStream, GroundingStream, ReasoningStream
from veggie_pl.data.table import Table, TableRecords
from veggie_pl.files import CONF
from veggie_pl.prepare.card import CARDS, read_card

STREAMS = {"editing": EditingStream, "grounding": GroundingStream, "reasoning": ReasoningStream}
CARDED = sorted(path.stem for path in CARDS.glob("*.md") if path.stem not in ("TEMPLATE", "moving_shapes"))


def test_every_card_has_a_miniature() -> None:
    assert sorted(MINIATURES) == CARDED


@pytest.mark.parametrize("name", CARDED)
def test_card_prepares_its_miniature_and_trains_a_step(name: str, tmp_path: Path) -> None:
    card, root = read_card(name), tmp_path / "raw"
    root.mkdir()
    MINIATURES[name](root)
    main(
        [
            "prepare",
            name,
            "--root",
            str(root),
            "-o",
            str(tmp_path / "prepared"),
            "--splits",
            "train",
            "--num_workers",
            "0",
        ]
    )
    table = tmp_path / "prepared" / name / "train"
    assert len(Table(table)) > 0
    main(["check", str(table), "--num_workers", "1", "--timeout", "600"])

    frames = 1 if card.media == "images" else 2
    records = TableRecords(str(table), num_frames=frames, size=16)
    data = VeggieDataModule({name: Weighted(STREAMS[card.task](records))}, batch_size=2, num_workers=0)
    module = tiny_module(video=frames > 1, optimizer=lambda parameters: torch.optim.AdamW(parameters, 1e-3))
    randomise_output(module)
    module.mllm.requires_grad_(False).eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    trained: list[str] = []
    step = module.training_step

    def watched(batch, batch_idx):
        assert not batch.is_missing.any(), batch.missing
        trained.extend(batch.key)
        out = step(batch, batch_idx)
        assert out["loss"].isfinite()
        assert out["loss"] > 0
        return out

    module.training_step = watched
    fit(module, data, 1)
    assert len(trained) == 2
    keys = {Table(table).row(row).key for row in range(len(Table(table)))}
    assert set(trained) <= keys
    moved = [key for key, value in module.state_dict().items() if not torch.equal(value, before[key])]
    assert any(key.startswith("viddm") for key in moved)


def prepare(name: str, folder: Path) -> None:
    """Leave ``prepared/NAME/train`` in a folder, from a miniature of the official files."""
    root = folder / "raw" / name
    root.mkdir(parents=True)
    MINIATURES[name](root)
    options = ["-o", str(folder / "prepared"), "--splits", "train", "--num_workers", "0"]
    main(["prepare", name, "--root", str(root), *options])


@pytest.mark.slow
@pytest.mark.parametrize(("config", "stage"), [("paper", 1), ("paper_stage2", 2), ("own", 1)])
def test_data_config_trains(config: str, stage: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file as it is shipped, at the nano model's size."""
    text = (CONF / f"data/{config}.yaml").read_text().replace("size: 512", "size: 32")
    (tmp_path / "small.yaml").write_text(text)
    (tmp_path / "weights").symlink_to(CONF.parent / "weights")
    monkeypatch.chdir(tmp_path)
    streams = yaml.safe_load(text)["data"]["streams"]
    for name in streams:
        if name == "mine":
            prepare("magicbrush", tmp_path)
            (tmp_path / "prepared/magicbrush").rename(tmp_path / "prepared/mine")
        else:
            prepare(name, tmp_path)
    steps = 2 * len(streams)
    short = ["--trainer.max_steps", str(steps), "--trainer.limit_val_batches", "0", "--trainer.logger", "false"]
    short += ["--data.batch_size", "2", "--data.num_workers", "0", "--init_from.folders", "null"]
    main(["fit", "--config", str(CONF / f"stage{stage}.yaml"), "--config", "small.yaml", *short])
    (kept,) = tmp_path.rglob("last.ckpt")
    assert torch.load(kept, weights_only=True)["global_step"] == steps
