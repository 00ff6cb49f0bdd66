"""Files that nobody made on purpose are no data, and numbers in names count as numbers: in every way to give data."""

import io
import itertools
import random
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support.layouts.own import png, write_media
from support.tars import write_shards

from veggie_pl.cli import main
from veggie_pl.data.shards.index import ShardError, make_index
from veggie_pl.data.shards.tar import samples_in
from veggie_pl.data.table.schema import Row
from veggie_pl.file_names import in_hidden, is_hidden, matching, natural_key
from veggie_pl.masks.rle import decode
from veggie_pl.prepare.layouts.annotations import listed
from veggie_pl.prepare.layouts.base import Layout
from veggie_pl.prepare.layouts.edited import pictures
from veggie_pl.prepare.layouts.examples import media_of
from veggie_pl.prepare.layouts.folders import PairedFolders
from veggie_pl.prepare.layouts.frames import frame_names
from veggie_pl.prepare.layouts.pairs import PairList
from veggie_pl.prepare.layouts.webdataset import WebDataset
from veggie_pl.video.clip import clips_in

APPLE = bytes.fromhex("00051607000200004d6163204f53205820202020202020200002") + bytes(200)


@pytest.mark.parametrize(
    "names",
    [
        [f"{k}.png" for k in range(1, 13)],
        [f"{k:04d}.png" for k in range(9_998, 10_003)],  # beyond the zeros of %04d
        ["frame_8.jpg", "frame_09.jpg", "frame_010.jpg", "frame_11.JPG", "Frame_12.jpg"],
        ["shot1/frame2.png", "shot1/frame10.png", "shot2/frame1.png", "shot10/frame0.png"],
        ["clip.png", "clip1.png", "clip1a.png", "clip2.png"],
        ["0.png", "1.png", "1" + "0" * 100 + ".png", "2" + "0" * 100 + ".png"],
        ["a.jpg", "a.png", "b.jpg"],
    ],
)
def test_numbers_in_names_count_as_numbers(names: list[str]) -> None:
    for seed in range(3):
        assert sorted(random.Random(seed).sample(names, len(names)), key=natural_key) == names


def test_order_of_names_that_mean_the_same_is_always_the_same() -> None:
    names = ["1.png", "01.png", "001.png", "a.png", "A.png", "1a", "a1", "a", "1"]
    orders = {tuple(sorted(one, key=natural_key)) for one in itertools.islice(itertools.permutations(names), 5000)}
    assert len(orders) == 1


def test_hidden_names() -> None:
    for name in [
        "._1.png",
        ".DS_Store",
        ".x.partial.mp4",
        "a.json.partial",
        "__MACOSX",
        "Thumbs.db",
        "DESKTOP.INI",
        "~$a.csv",
    ]:
        assert is_hidden(name), name
        assert in_hidden(f"clips/{name}"), name
        assert in_hidden(f"{name}/1.png"), name
    for name in ["1.png", "a.b.c.mp4", "_1.png", "..", "./a/../b.png", "thumbs.db.png", "-x.mp4", "partial.mp4"]:
        assert not in_hidden(name), name


def test_pattern_that_spells_out_a_hidden_name_finds_it(tmp_path: Path) -> None:
    for name in (".own/2.csv", ".own/10.csv", ".own/._2.csv", "1.csv", "._1.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.name for path in matching(tmp_path, ".own/*.csv")] == ["2.csv", "10.csv"]
    assert [path.name for path in matching(tmp_path, "**/*.csv")] == ["1.csv"]


def litter(root: Path) -> None:
    """What macOS and Windows leave, beside every file there is."""
    for path in [path for path in root.rglob("*") if path.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(APPLE)
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        (folder / ".DS_Store").write_bytes(APPLE)
        (folder / "Thumbs.db").write_bytes(APPLE)
        (folder / f".{folder.name}.partial.png").write_bytes(b"half")
        (folder / "__MACOSX").mkdir()
        (folder / "__MACOSX/._a.png").write_bytes(APPLE)
        (folder / "__MACOSX/a.png").write_bytes(APPLE)


def write_frames(folder: Path, mask: bool = False) -> None:
    """Twelve frames, 1.png to 12.png; frame k is of gray level 20 k, its mask k pixels wide."""
    folder.mkdir(parents=True)
    for k in range(1, 13):
        image = np.full((16, 16, 3), 20 * k, np.uint8)
        if mask:
            image[:] = 0
            image[:, :k] = 255
        (folder / f"{k}.png").write_bytes(png(image))


def rows(layout: Layout, root: Path) -> list[Row]:
    found = [row for entry in layout.entries(root, "train") for row in layout.rows(root, "train", entry)]
    assert all(isinstance(row, Row) for row in found), found
    return found  # type: ignore[return-value]


def numbers(row: Row) -> list[list[int]]:
    """Of the frames of source and target by their names, and of the masks by their widths."""
    clips = [[int(Path(one.path).stem) for one in clip] for clip in (row.source, row.target)]
    return [*clips, [int(decode(one)[0].sum()) for one in row.mask]]


@pytest.mark.parametrize("littered", [False, True])
def test_lists_of_frame_folders(littered: bool, tmp_path: Path) -> None:
    write_frames(tmp_path / "src")
    write_frames(tmp_path / "tgt")
    write_frames(tmp_path / "mask", mask=True)
    for name in ("train-2", "train-10"):
        (tmp_path / f"{name}.csv").write_text("source,instruction,target,mask\nsrc,add a dot,tgt,mask\n")
    if littered:
        litter(tmp_path)
    found = rows(PairList(files="{split}*.csv"), tmp_path)
    assert [row.key for row in found] == ["train-2/0", "train-10/0"]
    assert numbers(found[0]) == [list(range(1, 13))] * 3
    assert [path.name for path in PairList(files="*.csv").watched(tmp_path, "train")] == ["train-2.csv", "train-10.csv"]


@pytest.mark.parametrize("littered", [False, True])
def test_folders_of_frame_folders(littered: bool, tmp_path: Path) -> None:
    for name in ("2", "10"):
        write_frames(tmp_path / "source" / name)
        write_frames(tmp_path / "target" / name)
        write_frames(tmp_path / "masks" / name, mask=True)
        (tmp_path / "source" / f"{name}.txt").write_text("add a dot")
    if littered:
        litter(tmp_path)
    layout = PairedFolders(target="target", masks="masks")
    found = rows(layout, tmp_path)
    assert [row.key for row in found] == ["2", "10"]
    assert numbers(found[0]) == [list(range(1, 13))] * 3
    assert [path.name for path in layout.watched(tmp_path, "train")] == ["2.txt", "10.txt"]


def test_official_layouts_list_frames_alike(tmp_path: Path) -> None:
    write_frames(tmp_path / "clip")
    litter(tmp_path)
    expected = [f"clip/{k}.png" for k in range(1, 13)]
    assert [media.path for media in pictures(tmp_path, "clip")] == expected
    assert [media.path for media in media_of("clip", tmp_path)] == expected
    assert listed(tmp_path, "clip") == {f"{k}.png" for k in range(1, 13)}
    assert frame_names({"frames": ["10", "9", "00011"]}) == ["9", "10", "00011"]


def test_folder_of_clips(tmp_path: Path) -> None:
    write_media(tmp_path)
    for number in (2, 10, 1):
        shutil.copy(tmp_path / "media/in0.png", tmp_path / f"clip{number}.png")
    litter(tmp_path)
    assert [path.name for path in clips_in(tmp_path)] == ["clip1.png", "clip2.png", "clip10.png"]


def hidden_in(tar: Path) -> None:
    """Write a shard anew as macOS packs it: each member has its attributes in front."""
    with tarfile.open(tar) as old:
        members = [(member, old.extractfile(member).read()) for member in old]
    with tarfile.open(tar, "w") as new:
        for member, data in members:
            folder, _, name = member.name.rpartition("/")
            apple = tarfile.TarInfo(f"{folder}/._{name}".lstrip("/"))
            apple.size = len(APPLE)
            new.addfile(apple, io.BytesIO(APPLE))
            new.addfile(member, io.BytesIO(data))


def test_shards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = write_shards(tmp_path, [2, 1])
    layout = WebDataset(shards="*.tar", columns={"fill": "json.fill"})
    clean = [(row.key, row.example.skill, row.mask) for row in rows(layout, tmp_path)]
    for path in paths:
        hidden_in(Path(path))
    litter(tmp_path)
    assert [(row.key, row.example.skill, row.mask) for row in rows(layout, tmp_path)] == clean
    with open(paths[0], "rb") as file:
        assert [key for key, _ in samples_in(file)] == ["00000", "00001"]
    main(["index", *(str(path) for path in tmp_path.glob("*.tar")), "-o", str(tmp_path / "index.json")])
    assert [shard.samples for shard in make_index(sorted(paths), tmp_path / "index.json")] == [2, 1]
    with pytest.raises(ShardError, match="no shards"):
        make_index([str(tmp_path / "._part-00.tar")], tmp_path / "none.json")


def test_tables_below_hidden_folders_are_not_checked(tmp_path: Path) -> None:
    for folder in ("a/train", "__MACOSX/a/train", "a/.train", "a/val.partial"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "table.json").write_text("{}")
    from veggie_pl.commands.check import _tables

    assert _tables(tmp_path) == [tmp_path / "a/train"]
