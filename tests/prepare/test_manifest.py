"""A bench of one's own, from a folder of videos to its streams."""

import json
from pathlib import Path

import pytest
from support.layouts.tiny import HEIGHT, WIDTH, clip

from veggie_pl.cli import main
from veggie_pl.errors import UseError
from veggie_pl.prepare.bench import open_bench, read_bench
from veggie_pl.prepare.manifest import FRAMES, start_manifest


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two videos in different folders, one that is damaged, one that is hidden and a text."""
    folder = tmp_path / "videos"
    for name in ("10.mp4", "lake/swan.mp4", ".hidden.mp4"):
        clip(folder / name, "red", 4)
    (folder / "2.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("hello")
    return folder


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_row_per_video_with_its_header_and_nothing_asked(videos: Path, tmp_path: Path) -> None:
    started = start_manifest(videos, tmp_path / "my bench/manifest.jsonl")
    found = rows(started.manifest)
    assert [row["source"] for row in found] == ["10.mp4", "lake/swan.mp4"]
    assert [row["key"] for row in found] == ["10", "lake/swan"]
    assert all((row["frames"], row["height"], row["width"], row["fps"]) == (4, HEIGHT, WIDTH, 8) for row in found)
    assert not any(row["instruction"] or row["skill"] for row in found)
    assert len(started.unreadable) == 1
    assert "2.mp4" in started.unreadable[0]


def test_card_beside_it_is_a_bench_of_these_videos(videos: Path, tmp_path: Path) -> None:
    card = read_bench(start_manifest(videos, tmp_path / "My 2nd-bench/manifest.jsonl").card)
    assert (card.name, card.splits) == ("my_2nd_bench", {"test": 2})
    assert (card.bench.frames, card.bench.size) == (FRAMES, (HEIGHT, WIDTH))


@pytest.mark.parametrize("place", ["bench/manifest.jsonl", "videos/manifest.jsonl", "videos/lake/list.jsonl"])
def test_commands_lead_from_videos_to_streams(
    place: str, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    main(["manifest", "videos", "-o", place])
    command = next(line.strip() for line in caplog.text.splitlines() if " prepare " in line).split("veggie_pl ")[1]
    path = tmp_path / place
    filled = rows(path)
    filled[1] |= {"instruction": "Remove the swan", "phrase": "swan"}
    path.write_text("".join(json.dumps(row) + "\n" for row in filled))
    main([*command.split(), "--num_workers", "0"])
    bench = open_bench(path.with_name("card.md"))
    assert bench.left_out.empty == (f"{bench.card.name}/test/10",)
    assert bench.streams()["removal"][0].source.shape == (FRAMES, 3, HEIGHT, WIDTH)


@pytest.mark.parametrize("there", ["manifest.jsonl", "card.md"])
def test_nothing_is_overwritten(there: str, videos: Path, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(UseError, match=rf"{there} is there already; nothing is overwritten"):
        start_manifest(videos, tmp_path / "manifest.jsonl")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_what_cannot_be_listed_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"no folder of videos at .*none"):
        start_manifest(tmp_path / "none", tmp_path / "manifest.jsonl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UseError, match="no videos in it"):
        start_manifest(tmp_path / "empty", tmp_path / "manifest.jsonl")
    with pytest.raises(UseError, match=r"a manifest is a \.jsonl"):
        start_manifest(tmp_path / "empty", tmp_path / "manifest.csv")
    (tmp_path / "empty/1.mp4").write_bytes(b"no video")
    with pytest.raises(UseError, match=r"none of its 1 videos can be read, the first: .*1\.mp4"):
        start_manifest(tmp_path / "empty", tmp_path / "manifest.jsonl")
    assert not (tmp_path / "manifest.jsonl").exists()
