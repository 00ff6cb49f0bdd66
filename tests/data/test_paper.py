"""The paper's mixtures: their weights are the cards', and they train from tables of the miniatures."""

import shutil
from pathlib import Path

import pytest
import yaml
from support.layouts import MINIATURES

from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.errors import UseError
from veggie_pl.files import CONF, TRAINING
from veggie_pl.prepare import prepare
from veggie_pl.prepare.card import CARDS, Card, read_card

FILES = {1: "paper.yaml", 2: "paper_stage2.yaml"}
STREAMS = {"editing": "EditingStream", "grounding": "GroundingStream", "reasoning": "ReasoningStream"}


def streams(stage: int) -> dict[str, dict]:
    return yaml.safe_load((CONF / "data" / FILES[stage]).read_text())["data"]["streams"]


def cards() -> dict[str, Card]:
    return {path.stem: read_card(path) for path in CARDS.glob("*.md") if path.stem in MINIATURES}


def test_weights_are_those_of_the_cards() -> None:
    mixed = streams(1) | streams(2)
    weights = {name: card.weight for name, card in cards().items() if card.weight}
    assert {name: stream["weight"] for name, stream in mixed.items()} == weights
    assert sum(stream["weight"] for stream in streams(1).values()) == pytest.approx(3438.1)  # 3.4 M of the paper
    assert sum(stream["weight"] for stream in streams(2).values()) == pytest.approx(136.1)  # 136 K


@pytest.mark.parametrize(("stage", "media", "frames"), [(1, "images", 1), (2, "clips", 8)])
def test_each_stream_fits_its_card(stage: int, media: str, frames: int) -> None:
    for name, stream in streams(stage).items():
        card = read_card(CARDS / f"{name}.md")
        assert card.media == media
        assert stream["stream"]["class_path"] == f"veggie_pl.data.streams.{STREAMS[card.task]}"
        records = stream["stream"]["init_args"]["records"]["init_args"]
        assert records == {"table": f"prepared/{name}/train", "num_frames": frames, "size": 512}


def test_clips_of_17_frames_are_the_same_mixture() -> None:
    longer = yaml.safe_load((CONF / "data/paper_17.yaml").read_text())["data"]["streams"]
    wan = yaml.safe_load((CONF / "backbone/wan13.yaml").read_text())["model"]
    assert wan["queries"]["init_args"]["max_frames"] == 17
    size = [8 * side for side in wan["viddm"]["init_args"]["latent_size"]]
    for stream in longer.values():
        records = stream["stream"]["init_args"]["records"]["init_args"]
        assert (records["num_frames"], records["size"]) == (17, size)
        records.update(num_frames=8, size=512)
    assert longer == streams(2)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to run in: the shipped weights, and tables of the miniatures."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "weights").symlink_to(CONF.parent / "weights")
    for name in streams(1) | streams(2):
        root = folder / "datasets" / name
        root.mkdir(parents=True)
        MINIATURES[name](root)
        prepare(read_card(CARDS / f"{name}.md"), root, folder / "prepared", ["train"])
    return folder


def build(stage: int) -> VeggieCLI:
    args = ["--config", str(CONF / f"stage{stage}.yaml"), "--config", str(CONF / "data" / FILES[stage])]
    return VeggieCLI(
        [*args, "--init_from.folders", "null"], run=False, parser_kwargs={"default_config_files": TRAINING}
    )


@pytest.mark.parametrize(("stage", "frames"), [(1, 1), (2, 8)])
def test_mixture_is_the_paper_s_and_nothing_else(
    stage: int, frames: int, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace)
    cli = build(stage)
    mixture = cli.datamodule.mixture
    assert list(mixture.streams) == list(streams(stage))
    assert cli.datamodule.val is None
    for name, line in mixture.streams.items():
        sample = line.stream[0]
        assert sample.source.shape == sample.target.shape == (frames, 3, 512, 512), name
        assert sample.example.instruction
        assert sample.mask.shape == (frames, 512, 512)


def test_missing_table_names_the_command(workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").symlink_to(CONF.parent / "weights")
    shutil.copytree(workplace / "prepared", tmp_path / "prepared", ignore=shutil.ignore_patterns("erasedraw"))
    monkeypatch.chdir(tmp_path)
    command = "`python -m veggie_pl prepare erasedraw --root FOLDER`"
    with pytest.raises(UseError, match=rf"no record table at prepared/erasedraw/train; {command} makes it"):
        build(1)
