"""Outputs on disk are scored by the real command, as a model's are."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from support.command_line import error_of

from veggie_pl.batch import Batch, Clip, Skill, collate
from veggie_pl.cli import main
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.errors import UseError
from veggie_pl.metrics import EditedFiles
from veggie_pl.metrics.methods import Method
from veggie_pl.metrics.skills import TABLE
from veggie_pl.video.clip import ClipFile, to_clip, to_frames
from veggie_pl.video.writer import write_clip

NUM, FRAMES = 3, 4


def held_out(skill: Skill, num: int = NUM) -> Batch:
    stream = ShapesBenchmark("test", num_frames=FRAMES).streams()[skill]
    return collate([(index, stream[index]) for index in range(num)])


def place(folder: Path, batch: Batch, row: int, naming: str, suffix: str) -> Path:
    name = batch.key[row] if naming == "key" else f"{batch.skill[row]}/{int(batch.index[row]):03d}"
    path = folder / (name + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_pictures(folder: Path, clip: Clip) -> None:
    """One picture a frame, under names that do not sort as text."""
    folder.mkdir()
    for number, frame in enumerate(clip):
        write_clip(folder / f"{8 + number}.png", frame[None])


def score(tmp_path: Path, folder: Path, *more: str) -> dict[tuple[str, str], float]:
    """Run the command; return its report's numbers."""
    config = tmp_path / "few.yaml"
    frames = {"init_args": {"num_frames": FRAMES}}
    config.write_text(yaml.safe_dump({"data": {"test": frames, "num_test": NUM, "num_workers": 0}}))
    method = ["--model.method", "veggie_pl.metrics.EditedFiles", "--model.method.folder", str(folder), *more]
    output = tmp_path / "report"
    main(["test", "--config", str(config), *method, "--evaluate.output", str(output), "--trainer.logger", "false"])
    content = json.loads((output / "report.json").read_text())
    assert content["model"] == str(folder)
    return {(row["skill"], row["metric"]): row["value"] for row in content["results"]}


def test_files_are_a_method() -> None:
    assert isinstance(EditedFiles("."), Method)


def test_videos_of_exact_answers_score_as_the_oracle_does(tmp_path: Path) -> None:
    folder = tmp_path / "edits"
    for skill in Skill:
        batch = held_out(skill)
        for row in range(NUM):
            write_clip(path := place(folder, batch, row, "key", ".mp4"), batch.target[row])
            assert ClipFile(path).reader == "decord"
    values = score(tmp_path, folder)
    assert len(values) == sum(entry.measure.aspect == "answer" for row in TABLE.values() for entry in row)
    for skill in Skill:
        assert values[skill, "miou" if skill.is_painted else "success"] > 95
    assert values["addition", "detection"] > 90
    assert 30 < values["addition", "psnr_outside"] < 100  # what H.264 costs


def test_sources_of_another_naming_score_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "edits"
    for skill in Skill:
        batch = held_out(skill)
        for row in range(NUM):
            write_clip(place(folder, batch, row, "index", ".mp4"), batch.source[row])
    values = score(tmp_path, folder, "--model.method.naming", "index")
    for skill in Skill:
        assert values[skill, "miou" if skill.is_painted else "success"] == 0


def test_pictures_are_frames_in_natural_order(tmp_path: Path) -> None:
    batch = held_out(Skill.STYLIZATION)
    for row in range(NUM):
        write_pictures(place(tmp_path, batch, row, "index", ""), batch.target[row])
    edited = EditedFiles(str(tmp_path), "index").edit_batch(batch)
    assert torch.equal(edited, torch.stack([to_clip(to_frames(clip)) for clip in batch.target]))


def test_missing_edits_are_one_error_that_counts_them(tmp_path: Path) -> None:
    batch = held_out(Skill.REMOVAL)
    write_clip(place(tmp_path, batch, 1, "key", ".mp4"), batch.target[1])
    with pytest.raises(UseError, match=f"2 of 3 edits are missing, the first: {batch.key[0]}$"):
        EditedFiles(str(tmp_path)).edit_batch(batch)
    with pytest.raises(UseError, match=r"3 of 3 edits are missing, the first: removal/0$"):
        EditedFiles(str(tmp_path), "index").edit_batch(batch)


@pytest.mark.parametrize(("frames", "side"), [(3, 32), (4, 24)])
def test_edits_of_another_shape_are_an_error_that_names_both(tmp_path: Path, frames: int, side: int) -> None:
    batch = held_out(Skill.REMOVAL, 1)
    path = place(tmp_path, batch, 0, "key", ".mp4")
    write_clip(path, batch.target[0, :frames, :, :side, :side])
    said = f"0.mp4: has {frames} frames of {side} x {side} pixels, its source has 4 of 32 x 32"
    with pytest.raises(UseError, match=said):
        EditedFiles(str(tmp_path)).edit_batch(batch)


def test_two_edits_of_one_example_are_an_error(tmp_path: Path) -> None:
    batch = held_out(Skill.REMOVAL, 1)
    for suffix in (".mp4", ".gif"):
        place(tmp_path, batch, 0, "key", suffix).write_bytes(b"any")
    with pytest.raises(UseError, match=r"0\.gif and 0\.mp4 are both named as the edit of shapes/.*; remove one"):
        EditedFiles(str(tmp_path)).edit_batch(batch)


def test_what_is_no_clip_is_an_error_that_names_it(tmp_path: Path) -> None:
    batch = held_out(Skill.REMOVAL, 1)
    path = place(tmp_path, batch, 0, "key", ".mp4")
    path.write_text("no video")
    with pytest.raises(UseError, match=str(path)):
        EditedFiles(str(tmp_path)).edit_batch(batch)
    path.unlink()
    path.with_suffix("").mkdir()
    with pytest.raises(UseError, match="holds no pictures"):
        EditedFiles(str(tmp_path)).edit_batch(batch)


def test_folder_that_is_not_there_is_an_error_of_use() -> None:
    given = ["test", "--model.method", "veggie_pl.metrics.EditedFiles", "--model.method.folder", "nowhere"]
    assert error_of(given) == "error: no folder of edits at nowhere"


def test_one_method_is_scored_at_a_time() -> None:
    assert error_of(["test", "--model.baseline", "copy", "--model.folder", "weights/nano/model"]) == (
        "error: one method is scored at a time, not those of --model.folder and --model.baseline"
    )
