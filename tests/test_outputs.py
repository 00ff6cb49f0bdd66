"""What is read is never written over, under whatever name, and no two outputs go to one place."""

import os
from pathlib import Path

import pytest
import yaml
from lightning import Trainer
from support.parts import tiny_module
from support.tars import write_shards

from veggie_pl import outputs
from veggie_pl.callbacks import Evaluate
from veggie_pl.cli import main
from veggie_pl.outputs import OutputError, refuse_overlap
from veggie_pl.prepare import PrepareError, prepare
from veggie_pl.prepare.card import Card


def test_files_apart_are_fine(tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_text("source")
    (tmp_path / "out.mp4").write_text("of an earlier call")
    refuse_overlap([("source", tmp_path / "in.mp4")], [("output", tmp_path / "out.mp4"), ("mask", tmp_path / "m.mp4")])


@pytest.mark.parametrize("kind", ["same", "dots", "relative", "symlink", "hard link", "linked folder", "dangling"])
def test_source_is_known_under_any_name(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "clips/in.mp4"
    source.parent.mkdir()
    source.write_text("source")
    monkeypatch.chdir(source.parent)
    other = {"same": source, "dots": tmp_path / "clips/../clips/in.mp4", "relative": Path("in.mp4")}.get(kind)
    if other is None:
        other = tmp_path / "other"
        if kind == "symlink":
            other.symlink_to(source)
        elif kind == "hard link":
            os.link(source, other)
        elif kind == "linked folder":
            other.symlink_to(source.parent)
            other = other / "in.mp4"
        else:
            source.unlink()
            other.symlink_to(source)
    with pytest.raises(OutputError, match=r"is the source itself; name another mask"):
        refuse_overlap([("source", source)], [("output", tmp_path / "out.mp4"), ("mask", other)])


def test_two_outputs_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OutputError, match=r"link/a.mp4 would be both the output \(.*a.mp4\) and the mask"):
        refuse_overlap([], [("output", tmp_path / "a.mp4"), ("mask", tmp_path / "link/a.mp4")])


def test_names_that_a_file_system_does_not_tell_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [("output", tmp_path / "A.mp4"), ("mask", tmp_path / "a.mp4")]
    refuse_overlap([], names)
    monkeypatch.setattr(outputs, "_ignores_case", lambda folder: True)
    with pytest.raises(OutputError, match="both the output"):
        refuse_overlap([], names)
    with pytest.raises(OutputError, match="both the output"):
        refuse_overlap([], [("output", tmp_path / "\u00e9.mp4"), ("mask", tmp_path / "e\u0301.mp4")])


def test_links_in_a_circle_are_names_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    refuse_overlap([("source", tmp_path / "a")], [("output", tmp_path / "c")])


def refused(args: list[str], message: str, kept: Path) -> None:
    before = kept.read_bytes()
    with pytest.raises(SystemExit, match=message) as error:
        main(args)
    assert "\n" not in str(error.value)
    assert kept.read_bytes() == before


def test_index_is_no_shard(tmp_path: Path) -> None:
    (shard,) = write_shards(tmp_path, [2])
    refused(["index", shard, "-o", shard], "is the shard itself; name another index", Path(shard))
    refused(["index", shard, "-o", str(tmp_path / "no/index.json")], "the folder .*no does not exist", Path(shard))


@pytest.mark.parametrize("command", ["preview", "plan"])
def test_output_is_no_config(command: str, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"data": {"batch_size": 2}}))
    refused(
        [command, "--config", "conf/stage1.yaml", "--config", str(own), "-o", str(own)],
        "own.yaml is the config itself",
        own,
    )


def test_export_is_not_what_it_is_made_from(model_folder: Path) -> None:
    args = ["export", "--from", str(model_folder), "-o", f"{model_folder}/../{model_folder.name}"]
    refused(args, "is the model folder itself; name another output", next(model_folder.glob("*.json")))


def test_report_is_not_written_over_the_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    evaluate = Evaluate(output=str(tmp_path), against=str(tmp_path / "report.json"))
    with pytest.raises(OutputError, match="is the earlier report itself"):
        evaluate.setup(Trainer(accelerator="cpu", logger=False, enable_checkpointing=False), tiny_module(), "test")


def test_table_takes_no_place_of_data(tmp_path: Path) -> None:
    card = Card(
        name="mine",
        title="Mine",
        task="editing",
        media="images",
        licence="own",
        url="own",
        splits={"train": None},
        layout={"kind": "list", "files": "{split}.csv"},
    )
    root = tmp_path / "mine/train"
    root.mkdir(parents=True)
    (root / "train.csv").write_text("source,instruction,target\n")
    with pytest.raises(PrepareError, match="mine/train is there and is no table"):
        prepare(card, root, tmp_path, num_workers=0)
    (root / "table.json").write_text("{}")
    with pytest.raises(PrepareError, match="lie where the table would go"):
        prepare(card, root, tmp_path, num_workers=0)
    assert sorted(path.name for path in root.iterdir()) == ["table.json", "train.csv"]
