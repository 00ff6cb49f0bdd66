"""What `preview` would write is judged before the data are built, and takes no place of theirs."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from veggie_pl.batch import Example, Skill
from veggie_pl.cli import main
from veggie_pl.data.table import TableInfo, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.masks.rle import encode
from veggie_pl.video.media import Media

SHEET = ["--num_samples", "2", "--per_stream", "1"]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of a preview of pictures of one's own, in my_data/."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "my_data"
    root.mkdir()
    rows = []
    for number in range(2):
        cv2.imwrite(str(root / f"{number}.png"), np.full((48, 64, 3), 100 + number, np.uint8))
        mask = (encode(np.eye(48, 64) > 0),)
        rows.append(Row(Example(f"own/{number}", Skill.GROUNDING, phrase="it"), (Media(f"{number}.png"),), mask=mask))
    write_table(tmp_path / "table", rows, TableInfo(card="own", task="grounding", root=str(root)))
    records = {"class_path": "veggie_pl.data.table.TableRecords", "init_args": {"table": "table", "size": 16}}
    stream = {"class_path": "veggie_pl.data.streams.GroundingStream", "init_args": {"records": records}}
    streams = {"own": {"weight": 1, "stream": stream}}
    config = tmp_path / "own.yaml"
    config.write_text(yaml.safe_dump({"freeze": {"frozen": []}, "data": {"streams": streams}}))
    return ["preview", "--config", str(config), *SHEET]


def refused(args: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=f"error: {message}") as error:
        main(args)
    assert "\n" not in str(error.value)


def test_sources_and_masks_are_not_written_over(own: list[str], tmp_path: Path) -> None:
    before = (tmp_path / "my_data/1.png").read_bytes()
    refused([*own, "-o", "my_data/1.png"], "my_data/1.png is there already, among the data in .*name another sheet")
    assert (tmp_path / "my_data/1.png").read_bytes() == before
    (tmp_path / "my_data/001_grounding.txt").write_text("words of a source")
    refused([*own, "-o", "s.png", "--clips", "my_data"], "my_data/001_grounding.txt is there already, among the data")
    main([*own, "-o", "s.png", "--clips", "my_data", "--num_samples", "1"])  # which does not reach number 1
    assert (tmp_path / "my_data/000_grounding.mp4").is_file()
    assert (tmp_path / "my_data/001_grounding.txt").read_text() == "words of a source"


def test_own_outputs_are_replaced(own: list[str], tmp_path: Path) -> None:
    for folder in ("elsewhere", "my_data/runs"):
        args = [*own, "-o", f"{folder}/sheet.png", "--clips", f"{folder}/clips"]
        main(args)
        if folder == "elsewhere":
            main(args)
        else:
            refused(args, "my_data/runs/sheet.png is there already")
    (tmp_path / "runs").symlink_to("my_data/runs")  # under runs/ lies what runs have made
    main([*own, "-o", "runs/sheet.png", "--clips", "runs/clips"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["-o", "sheet.jpg"], "sheet.jpg: cannot write .jpg; name a .png"),
        (["-o", "my_data"], "my_data: cannot write a name without suffix"),
        (["-o", "folder.png"], "folder.png is a folder; name a file"),
        (["-o", "own.yaml/sheet.png"], "own.yaml: no folder can be made there, .*own.yaml is a file"),
        (["-o", "s.png", "--clips", "own.yaml"], "own.yaml: no folder can be made there"),
        (["-o", "s.png", "--clips", "own.yaml/deep/er"], "own.yaml/deep/er: no folder can be made there"),
    ],
)
def test_names_are_judged_before_data_are_built(
    names: list[str], message: str, own: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.png").mkdir()
    monkeypatch.setattr("veggie_pl.data.table.TableRecords.__init__", lambda *_, **__: pytest.fail("built"))
    before = sorted(tmp_path.rglob("*"))
    refused([*own, *names], message)
    assert sorted(tmp_path.rglob("*")) == before


def test_clips_are_no_config(own: list[str], tmp_path: Path) -> None:
    config = Path(own[2]).rename(tmp_path / "000_grounding.txt")
    args = ["preview", "--config", str(config), *SHEET, "-o", "s.png", "--clips", "."]
    refused(args, "000_grounding.txt is the config itself; name another clip")
