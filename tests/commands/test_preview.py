"""`preview` as people meet it: one sheet, whatever the data are like."""

import logging
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from veggie_pl.batch import Skill
from veggie_pl.cli import main
from veggie_pl.commands import preview
from veggie_pl.data.contact_sheet import Shown
from veggie_pl.data.records import BadRecordError, Record
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.video.clip import ClipFile

ROOT = Path(__file__).resolve().parent.parent.parent


class SpottyShapes(ShapesRecords):
    """Every second record cannot be read."""

    def __getitem__(self, index: int) -> Record:
        if index % 2:
            raise BadRecordError(f"spotty/{index}", "the video has no frames")
        return super().__getitem__(index)


def line(kind: str, skill: str, weight: float, records: str = "veggie_pl.data.shapes.ShapesRecords") -> dict:
    init = {"split": "train", "num_frames": 1, "size": 16, "skills": {skill: 1}}
    stream = {
        "class_path": f"veggie_pl.data.streams.{kind}",
        "init_args": {"records": {"class_path": records, "init_args": init}},
    }
    return {"weight": weight, "stream": stream}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Three streams, one of them with faults and one that is never read."""
    streams = {
        "editing": line("EditingStream", "removal", 3),
        "spotty": line("GroundingStream", "grounding", 1, f"{__name__}.SpottyShapes"),
        "unused": line("ReasoningStream", "reasoning", 0),
    }
    path = tmp_path / "data.yaml"
    path.write_text(yaml.safe_dump({"freeze": {"frozen": []}, "data": {"streams": streams}}))
    return path


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Shown]]:
    """What the sheet was made of, by title."""
    groups: dict[str, list[Shown]] = {}
    draw = preview.grouped_sheet

    def listen(given: dict[str, list[Shown]]) -> np.ndarray:
        groups.update(given)
        return draw(given)

    monkeypatch.setattr(preview, "grouped_sheet", listen)
    return groups


def test_preview_draws_the_mixture_and_each_stream(
    tmp_path: Path, config: Path, drawn: dict[str, list[Shown]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "veggie_pl")
    out = tmp_path / "sheet.png"
    main(["preview", "--config", str(config), "--num_samples", "8", "--per_stream", "6", "-o", str(out)])
    titles = list(drawn)
    assert re.fullmatch("fit: samples 0 to 7, in the order they are fed", titles[0])
    assert re.fullmatch(r"editing: 75\.0% of the samples, from [0-9,]+ records", titles[1])
    assert titles[2].startswith("spotty: 25.0%")
    assert titles[3].startswith("unused: 0.0%")
    assert [len(shown) for shown in drawn.values()] == [8, 6, 6, 0]
    spotty = drawn[titles[2]]
    faults = [one for one in spotty if isinstance(one, BadRecordError)]
    assert 0 < len(faults) < 6
    assert {one.example.skill for one in spotty if not isinstance(one, BadRecordError)} == {Skill.GROUNDING}
    assert min(cv2.imread(str(out)).shape[:2]) > 500
    assert "2 that cannot be read" in caplog.text or "1 that cannot be read" in caplog.text
    assert re.search(r"spotty/\d+: the video has no frames", caplog.text)


def test_preview_of_a_stream_shows_what_the_mixture_reads_of_it(
    tmp_path: Path, config: Path, drawn: dict[str, list[Shown]]
) -> None:
    amounts = ["--num_samples", "40", "--per_stream", "5", "--start", "3", "-o", str(tmp_path / "sheet.png")]
    main(["preview", "--config", str(config), *amounts])
    mixture, *streams = [
        [one.key if isinstance(one, BadRecordError) else one.example.key for one in shown] for shown in drawn.values()
    ]
    assert [len(keys) for keys in streams] == [5, 5, 0]
    for keys in streams:
        place = iter(mixture)
        assert all(key in place for key in keys)  # in the same order


def test_preview_of_a_benchmark_is_by_skill(tmp_path: Path, drawn: dict[str, list[Shown]]) -> None:
    amounts = ["--num_samples", "0", "--per_stream", "2", "--split", "val", "-o", str(tmp_path / "sheet.png")]
    main(["preview", "--config", str(ROOT / "conf/stage1.yaml"), *amounts])
    assert [title.partition(":")[0] for title in drawn] == [skill.value for skill in Skill]
    assert all(len(shown) == 2 for shown in drawn.values())


def test_preview_writes_clips_of_what_can_be_read(tmp_path: Path, config: Path) -> None:
    clips = tmp_path / "clips"
    amounts = ["--num_samples", "12", "--per_stream", "0", "--clips", str(clips)]
    main(["preview", "--config", str(config), *amounts, "-o", str(tmp_path / "sheet.png")])
    written = sorted(clips.glob("*.mp4"))
    assert 6 <= len(written) < 12
    assert all(ClipFile(path).info.num_frames == 1 and path.with_suffix(".txt").is_file() for path in written)


def test_preview_of_nothing_is_an_error(tmp_path: Path, config: Path) -> None:
    out = tmp_path / "sheet.png"
    nothing = ["--num_samples", "0", "--per_stream", "0"]
    with pytest.raises(SystemExit, match="error: nothing to draw: num_samples 0, per_stream 0, start 0"):
        main(["preview", "--config", str(config), *nothing, "-o", str(out)])
    with pytest.raises(SystemExit, match="no split 'train'; the choices are fit, val, test"):
        main(["preview", "--config", str(config), "--split", "train", "-o", str(out)])
    assert not out.exists()
