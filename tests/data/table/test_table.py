"""Prepared tables: rows come back as they were written, and records fit together or are refused with the reason."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.examples import changed
from support.fake import pattern
from torch.utils.data import DataLoader

from veggie_pl.batch import Example, Skill
from veggie_pl.data.records import BadRecordError, Record, Records
from veggie_pl.data.streams import EditingStream, GroundingStream
from veggie_pl.data.table import Table, TableError, TableInfo, TableRecords, write_table
from veggie_pl.data.table.quarantine import Fault, write_quarantine
from veggie_pl.data.table.schema import Row
from veggie_pl.masks.rle import Rle, encode
from veggie_pl.video.clip import to_clip
from veggie_pl.video.media import Media
from veggie_pl.video.writer import write_clip

INFO = TableInfo(card="some", root="/nowhere", fills=("red", "blue"), wordings=("Find {phrase} in {fill}.",))


def rows(number: int) -> list[Row]:
    skills = [Skill.REMOVAL, Skill.STYLIZATION, Skill.REMOVAL]
    return [
        Row(
            Example(
                f"some/{i}",
                skills[i % 3],
                None if i % 2 else f"ändere {i}",
                place=(0.0, 0.25, 0.5, 1.0) if i % 2 else None,
                stop=1.5,
            ),
            (Media(f"a/{i}.png"),),
            (Media("b.tar", 512 * i, 9, name="x.png"), Media("c.png", data=bytes([i]))),
            mask=(encode(np.eye(4, 5) > 0), Rle(4, 5)),
        )
        for i in range(number)
    ]


def test_table_gives_rows_back(tmp_path: Path) -> None:
    written = rows(10)
    info = write_table(tmp_path, written, INFO, part_rows=4)
    table = Table(tmp_path)
    assert [table.row(i) for i in (7, 0, 9, 3)] == [written[i] for i in (7, 0, 9, 3)]
    assert len(table) == len(table.rows) == 10
    assert [part.rows for part in info.parts] == [4, 4, 2]
    assert table.info == info
    assert info.counts == {"removal": 7, "stylization": 3}
    assert table.column("key").tolist() == [row.key for row in written]
    for number in (-1, 10):
        with pytest.raises(IndexError, match=f"row {number} of a table of 10"):
            table.row(number)


def test_table_of_no_rows_opens(tmp_path: Path) -> None:
    write_table(tmp_path, [], INFO)
    assert len(Table(tmp_path).rows) == 0
    assert TableRecords(str(tmp_path), size=8).groups() == {}


def test_table_content_hash_tells_rows_apart(tmp_path: Path) -> None:
    same = [write_table(tmp_path / name, rows(5), INFO).content for name in "ab"]
    other = write_table(tmp_path / "c", [*rows(4), changed(rows(5)[4], phrase="x")], INFO).content
    assert same[0] == same[1] != other


def test_table_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    with pytest.raises(TableError, match="no prepared table"):
        Table(folder)
    write_table(folder, rows(10), INFO)
    text = (folder / "table.json").read_text()
    for broken in ("", text[:-20], "[]", text.replace('"card"', '"cart"'), text.replace('"rows": 10', '"rows": "x"')):
        (folder / "table.json").write_text(broken)
        with pytest.raises(TableError, match="damaged"):
            Table(folder)
    (folder / "table.json").write_text(text.replace('"schema_version": 1', '"schema_version": 0'))
    with pytest.raises(TableError, match="a table of version 0, but this is 1"):
        Table(folder)
    (folder / "table.json").write_text(text)
    part = folder / "rows-00000.arrow"
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(TableError, match="bytes, but was written with"):
        Table(folder)
    part.unlink()
    with pytest.raises(TableError, match="is missing"):
        Table(folder)


def test_write_that_fails_leaves_no_table(tmp_path: Path) -> None:
    def breaking() -> object:
        yield rows(1)[0]
        raise OSError(28, "No space left on device")

    write_table(tmp_path, rows(3), INFO)
    with pytest.raises(OSError, match="No space left"):
        write_table(tmp_path, breaking(), INFO)  # type: ignore[arg-type]
    assert not (tmp_path / "table.json").exists()
    assert not list(tmp_path.glob(".*"))


def draw(root: Path) -> None:
    """Six frames with a moving square: as a video, its edited version and single images."""
    clip = pattern(6, 64, 48)
    write_clip(root / "in.mp4", to_clip(clip), fps=4.0)
    write_clip(root / "out.mp4", to_clip(255 - clip), fps=4.0)
    write_clip(root / "short.mp4", to_clip(clip[:5]), fps=4.0)
    write_clip(root / "wide.mp4", to_clip(clip[:, :24]), fps=4.0)
    for number, frame in enumerate(clip):
        cv2.imwrite(str(root / f"{number}.png"), frame[..., ::-1])


def square(number: int, height: int = 48, width: int = 64) -> Rle:
    mask = np.zeros((height, width), bool)
    mask[8 + number : 24 + number, 8:24] = True
    return encode(mask)


def records(root: Path, *given: Row, **options: object) -> TableRecords:
    write_table(root / "table", given, INFO.model_copy(update={"root": str(root)}))
    return TableRecords(str(root / "table"), **{"num_frames": 3, "size": (24, 32), **options})  # type: ignore[arg-type]


IMAGES = tuple(Media(f"{i}.png") for i in range(6))
GROUNDED = Row(
    Example("clip/0", Skill.GROUNDING, phrase="square", fill="red"),
    (Media("in.mp4"),),
    mask=tuple(map(square, range(6))),
)
EDITED = Row(Example("pair/0", Skill.REMOVAL, "remove it"), (Media("in.mp4"),), (Media("out.mp4"),))


def test_records_decode_the_same_frames_of_source_target_and_mask(tmp_path: Path) -> None:
    draw(tmp_path)
    found = records(tmp_path, GROUNDED, changed(GROUNDED, source=IMAGES, key="images/0"), EDITED)
    assert isinstance(found, Records)
    clip, images, pair = (found[i] for i in range(3))
    assert clip.source.shape == (3, 3, 24, 32)
    assert (clip.source - images.source).abs().mean() < 0.03  # H.264
    assert images.mask is not None
    for frame, number in enumerate((0, 2, 5)):  # uniform: first to last
        assert torch.equal(
            images.mask[frame, 4:, 4:12].any(1).nonzero()[[0, -1], 0] * 2, torch.tensor([0, 14]) + (number + 1) // 2 * 2
        )
    assert torch.equal(clip.mask, images.mask)
    assert pair.target is not None
    assert (pair.source + pair.target).abs().mean() < 0.05  # the target is the negative, frame by frame
    assert (clip.templates, clip.fills) == (INFO.wordings, INFO.fills)
    assert (pair.example.instruction, clip.example.phrase, clip.example.fill) == ("remove it", "square", "red")


def test_records_read_bytes_and_parts_of_files(tmp_path: Path) -> None:
    draw(tmp_path)
    image, video = (tmp_path / "3.png").read_bytes(), (tmp_path / "in.mp4").read_bytes()
    (tmp_path / "shard.tar").write_bytes(b"#" * 100 + image + b"#" * 50 + video)
    part = Media("shard.tar", 100, len(image), name="x.png")
    clip = Media("shard.tar", 150 + len(image), len(video), name="x.mp4")
    base = changed(EDITED, target=())
    sources = [(Media("3.png"),), (Media("y.png", data=image),), (part,), (Media("in.mp4"),), (clip,)]
    found = records(tmp_path, *(changed(base, source=source, key=f"k/{i}") for i, source in enumerate(sources)))
    assert torch.equal(found[0].source, found[1].source)
    assert torch.equal(found[0].source, found[2].source)
    assert torch.equal(found[3].source, found[4].source)


def test_records_count_seconds(tmp_path: Path) -> None:
    draw(tmp_path)
    whole, part = (changed(GROUNDED, start=0.0), changed(GROUNDED, start=0.5, stop=1.25, key="part"))
    own = changed(part, mask=part.mask[2:5], key="own")  # masks of the seconds that count only
    found = records(tmp_path, whole, part, own, size=None)
    clip = found[1]
    assert torch.equal(clip.source, records(tmp_path, whole, num_frames=6, size=None)[0].source[2:5])
    assert torch.equal(found[1].mask, found[2].mask)
    with pytest.raises(BadRecordError, match=r"from 9.0 s on lies behind its end"):
        records(tmp_path, changed(GROUNDED, start=9.0))[0]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (changed(GROUNDED, source=(Media("gone.mp4"),)), "no such file"),
        (changed(GROUNDED, source=(Media("../in.mp4"),)), "outside the data root"),
        (changed(GROUNDED, source=(Media("/in.mp4"),)), "outside the data root"),
        (changed(GROUNDED, source=(Media("x.png", data=b"no image"),)), "not a video"),
        (changed(GROUNDED, source=(Media("0.png", 0, 10**6, name="x.png"),)), "file ends before"),
        (changed(GROUNDED, mask=()), "it has no mask"),
        (changed(GROUNDED, mask=GROUNDED.mask[:4]), "6 frames, but there are 4 masks"),
        (changed(GROUNDED, mask=(Rle(48, 64),) * 6), "mask is empty in all frames"),
        (changed(GROUNDED, mask=(Rle(48, 64, "99"),) * 6), "runs of"),
        (changed(GROUNDED, mask=tuple(square(i, 48, 60) for i in range(6))), "its mask 48 x 60"),
        (changed(EDITED, target=(Media("short.mp4"),)), "6 frames, its target 5"),
        (changed(EDITED, target=(Media("wide.mp4"),)), "48 x 64 pixels, its target 24 x 64"),
    ],
    ids=str,
)
def test_records_refuse_what_does_not_fit(row: Row, reason: str, tmp_path: Path) -> None:
    draw(tmp_path)
    with pytest.raises(BadRecordError, match=reason) as caught:
        records(tmp_path, row)[0]
    assert caught.value.key == row.key
    assert "\n" not in caught.value.reason


def test_records_sample_as_told(tmp_path: Path) -> None:
    draw(tmp_path)
    given = [changed(GROUNDED, source=IMAGES, key=f"k/{i}") for i in range(12)]
    whole = records(tmp_path, *given, num_frames=6, size=None)[0].source
    found = records(tmp_path, *given, num_frames=3, size=None, sampling="consecutive")
    starts = set()
    for number in range(12):
        source = found[number].source
        matches = [start for start in range(4) if torch.equal(source, whole[start : start + 3])]
        assert len(matches) == 1
        starts.update(matches)
    assert starts == {0, 1, 2, 3}


def test_records_wait_for_masks_of_editing(tmp_path: Path) -> None:
    draw(tmp_path)
    assert records(tmp_path, EDITED)[0].mask is None
    assert EditingStream(records(tmp_path, EDITED))[0].mask.any()


def test_groups_hold_every_good_row_once(tmp_path: Path) -> None:
    write_table(tmp_path, rows(9), INFO)
    found = TableRecords(str(tmp_path), num_frames=1, size=8).groups()
    assert {key: value.tolist() for key, value in found.items()} == {
        ("1x8x8", "removal"): [0, 2, 3, 5, 6, 8],
        ("1x8x8", "stylization"): [1, 4, 7],
    }
    write_quarantine(tmp_path, [Fault(3, "some/3", "x"), Fault(4, "some/4", "x")], 9)
    found = TableRecords(str(tmp_path), num_frames=1, size=8).groups()
    assert [value.tolist() for value in found.values()] == [[0, 2, 5, 6, 8], [1, 7]]


def test_records_take_the_bucket_of_their_header(tmp_path: Path) -> None:
    draw(tmp_path)
    with_facts = [GROUNDED, changed(GROUNDED, source=IMAGES[:1], mask=GROUNDED.mask[:1], key="image")]
    from veggie_pl.data.table.shards import PartWriter, write_info

    with PartWriter(tmp_path / "rows-00000.arrow") as writer:
        writer.write(with_facts[0], 6, 48, 64)
        writer.write(with_facts[1], 1, 48, 64)
    write_info(tmp_path, INFO.model_copy(update={"root": str(tmp_path), "parts": (writer.part,)}))
    found = TableRecords(str(tmp_path), buckets=[(4, 16, 16), (4, 12, 16), (1, 24, 32)])
    assert {key: value.tolist() for key, value in found.groups().items()} == {
        ("4x12x16", "grounding"): [0],
        ("1x24x32", "grounding"): [1],
    }
    assert found[0].source.shape == (4, 3, 12, 16)
    assert found[1].source.shape == (1, 3, 24, 32)
    assert found.bucket == ""
    native = TableRecords(str(tmp_path), num_frames=2)
    assert list(native.groups()) == [("2x48x64", "grounding")]
    assert native[0].source.shape == (2, 3, 48, 64)


def test_records_travel_by_the_name_of_their_folder(tmp_path: Path) -> None:
    draw(tmp_path)
    found = records(tmp_path, *(changed(GROUNDED, key=f"k/{i}") for i in range(4)))
    found[0], found.groups()
    assert len(pickle.dumps(found)) < 1000
    assert torch.equal(pickle.loads(pickle.dumps(found))[2].source, found[2].source)
    loader = DataLoader(GroundingStream(found), batch_size=None, num_workers=2)
    assert [sample.example.key for sample in loader] == [f"k/{i}" for i in range(4)]


@pytest.mark.parametrize(
    "options", [{"num_frames": 0}, {"buckets": []}, {"size": 0}, {"buckets": [(1, 0, 5)]}], ids=str
)
def test_records_refuse_impossible_shapes(options: dict[str, object], tmp_path: Path) -> None:
    write_table(tmp_path, rows(1), INFO)
    with pytest.raises(ValueError, match="at least"):
        TableRecords(str(tmp_path), **options)  # type: ignore[arg-type]


def test_record_is_whole(tmp_path: Path) -> None:
    draw(tmp_path)
    placed = changed(EDITED, place=(0.1, 0.2, 0.3, 0.4), phrase="dog", key="placed")
    record = records(tmp_path, placed)[0]
    assert isinstance(record, Record)
    assert (record.example.key, record.example.skill, record.example.place, record.example.phrase) == (
        "placed",
        Skill.REMOVAL,
        placed.example.place,
        "dog",
    )
