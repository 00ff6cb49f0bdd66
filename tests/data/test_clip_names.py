"""Clips of one name have the same pixels, whatever records they come from; what changes the pixels changes the name."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.examples import changed
from support.fake import write_fake
from support.parts import Holey
from support.tars import write_shards
from torch import Tensor

from veggie_pl.batch import Batch, ClipNames, Example, MissingSample, Sample, Skill, collate
from veggie_pl.data.mixture import read_sample
from veggie_pl.data.records import Record
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shards import ShardRecords, make_index
from veggie_pl.data.streams import EditingStream, GroundingStream, ReasoningStream, Stream
from veggie_pl.data.table import TableInfo, TableRecords, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.masks.rle import encode
from veggie_pl.video.frames import Sampling
from veggie_pl.video.media import Media

SQUARE = np.pad(np.ones((9, 9), bool), ((20, 19), (20, 35)))


def table(folder: Path) -> str:
    """Pictures, clips, a pair of each and masks; two rows are about one clip."""
    for number, name in enumerate("abc"):
        write_fake(folder / f"{name}.mp4", 10 + number % 2 * 2)
        cv2.imwrite(str(folder / f"{name}.png"), np.full((48, 64, 3), 80 * number, np.uint8))
    data = (folder / "c.png").read_bytes()
    video, other = (Media("a.mp4"),), (Media("c.mp4"),)
    masks = (encode(SQUARE),) * 10
    rows = [
        Row(Example("pair", Skill.REMOVAL, "remove it"), (Media("a.png"),), (Media("b.png"),)),
        Row(Example("bytes", Skill.REMOVAL, "remove it"), (Media("a.png"),), (Media("c.png", data=data),)),
        Row(Example("clips", Skill.REMOVAL, "remove it"), video, other),
        Row(Example("first", Skill.GROUNDING, phrase="square"), video, mask=masks),
        Row(Example("again", Skill.GROUNDING, phrase="thing"), video, mask=masks),
    ]
    write_table(folder / "table", rows, TableInfo(card="x", root=str(folder)))
    return str(folder / "table")


def of_table(folder: Path) -> list[Stream]:
    """Readings of one table that differ in frames or size, and one that does not."""
    place = str(folder / "table") if (folder / "table").exists() else table(folder)
    made = [
        TableRecords(place, 4, 32),
        TableRecords(place, buckets=[(4, 32, 32)]),
        TableRecords(place, 4, 16),
        TableRecords(place, 3, 32),
        TableRecords(place, 4, 32, "consecutive"),
        TableRecords(place, 4, 32, "consecutive", stride=2),
        TableRecords(place, 4, 32, "fps", fps=6.0),
    ]
    return [stream(one) for one in made for stream in (EditingStream, GroundingStream)]


def of_shapes(_: Path) -> list[Stream]:
    skills = {"removal": 1.0, "grounding": 1.0, "reasoning": 1.0}
    made = [ShapesRecords("train", 0, skills, 2, 16), ShapesRecords("train", 0, skills, 2, 16)]
    made += [ShapesRecords("train", 0, {"removal": 1.0}, 2, 16), ShapesRecords("val", 0, skills, 2, 16)]
    made += [ShapesRecords("train", 1, skills, 2, 16), ShapesRecords("train", 0, skills, 1, 16)]
    made += [ShapesRecords("train", 0, skills, 2, 32), ShapesRecords("train", 0, skills, 2, 16, (2, 4))]
    made += [ShapesRecords("train", 0, skills, 2, 16, vocabulary="large")]
    return [stream(one) for one in made for stream in (EditingStream, GroundingStream, ReasoningStream)]


def of_shards(folder: Path) -> list[Stream]:
    index = folder / "shards/index.json"
    if not index.exists():
        make_index(write_shards(folder / "shards", [3, 2]), index)
        make_index(sorted(str(path) for path in (folder / "shards").glob("*.tar"))[1:], folder / "shards/second.json")
    second = str(folder / "shards/second.json")
    made = [ShardRecords(str(index), str(folder / "kept"), size=(16, 16)) for _ in range(2)]
    made += [ShardRecords(second, str(folder / "kept"), size=(16, 16))]  # the same samples under other row numbers
    made += [ShardRecords(str(index), str(folder / "kept"), size=(8, 16))]
    made += [ShardRecords(str(index), str(folder / "kept"), size=(16, 16), num_frames=2)]
    made += [ShardRecords(str(index), str(folder / "kept"), size=(16, 16), sampling=Sampling("consecutive"))]
    return [GroundingStream(one) for one in made]


def samples(streams: list[Stream], rows: int = 6) -> list[tuple[ClipNames, Sample]]:
    """Named without decoding, and decoded."""
    found = []
    for stream in streams:
        for row in range(min(rows, len(stream))):
            try:
                sample = read_sample(stream, row, "s")
            except ValueError:  # a row of another skill
                continue
            if isinstance(sample, Sample):  # a picture has no frames in a row
                found.append((stream.names(row), sample))
    return found


@pytest.mark.parametrize("make", [of_shapes, of_table, of_shards])
def test_one_name_is_one_clip(make: Callable[[Path], list[Stream]], tmp_path: Path) -> None:
    known: dict[str, Tensor] = {}
    shared = 0
    found = [*samples(make(tmp_path)), *samples(make(tmp_path))]  # the second time other objects
    for named, sample in found:
        assert named == sample.names
        assert all(named)
        assert sample.target is not None
        for name, clip in zip(named, (sample.source, sample.target), strict=True):
            shared += name in known
            assert torch.equal(known.setdefault(name, clip), clip)
    assert shared >= len(found)  # half of them at least, source and target
    assert len(known) > 10


def test_rows_about_one_clip_share_its_name_and_not_that_of_their_answers(tmp_path: Path) -> None:
    uniform, drawn = (
        GroundingStream(TableRecords(table(tmp_path), 4, 32, kind)) for kind in ("uniform", "consecutive")
    )
    assert uniform.names(3).source == uniform.names(4).source != drawn.names(3).source
    assert uniform.names(3).target != uniform.names(4).target
    assert drawn.names(3).source != drawn.names(4).source  # frames follow from the key
    assert EditingStream(uniform.records).names(2).source == uniform.names(3).source  # of another skill


def test_files_that_change_get_other_names(tmp_path: Path) -> None:
    stream = EditingStream(TableRecords(table(tmp_path), 1, 32))
    before = [stream.names(row) for row in (0, 1, 2)]
    cv2.imwrite(str(tmp_path / "a.png"), np.full((48, 64, 3), 90, np.uint8))
    os.utime(tmp_path / "a.png", ns=(1, 1))
    after = [stream.names(row) for row in (0, 1, 2)]
    assert [one.source == other.source for one, other in zip(before, after, strict=True)] == [False, False, True]
    assert [one.target == other.target for one, other in zip(before, after, strict=True)] == [False, False, True]


def test_moved_data_keep_their_names(tmp_path: Path) -> None:
    place = table(tmp_path)
    (tmp_path / "moved").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    moved = EditingStream(TableRecords(place, 1, 32, root=str(tmp_path / "moved")))
    for name in ("a.png", "b.png"):
        os.link(tmp_path / "moved" / name, tmp_path / name)
    assert moved.names(0) == EditingStream(TableRecords(place, 1, 32)).names(0)


class Brighter(EditingStream):
    """Changes the source."""

    def sample(self, record: Record) -> Sample:
        return super().sample(changed(record, source=(record.source + 0.1).clamp(-1, 1)))


class Shifted(EditingStream):
    """Changes the target."""

    def __init__(self, records: ShapesRecords, by: float) -> None:
        super().__init__(records)
        self.by = by

    def sample(self, record: Record) -> Sample:
        sample = super().sample(record)
        assert sample.target is not None
        return changed(sample, target=sample.target + self.by)


def test_streams_of_ones_own_are_told_apart() -> None:
    records = ShapesRecords("train", 0, {"removal": 1.0}, 1, 16)
    plain, one, two = EditingStream(records)[0].names, Shifted(records, 0.1)[0].names, Shifted(records, 0.2)[0].names
    assert plain.source == one.source == two.source
    assert len({plain.target, one.target, two.target}) == 3
    assert EditingStream(records, held_out_wordings=True)[0].names == plain  # words are no pixels
    assert Brighter(records)[0].names == ClipNames()


def test_records_that_cannot_name_without_decoding_have_names_all_the_same() -> None:
    records = ShapesRecords("train", 0, {"removal": 1.0}, 1, 16)
    stream = EditingStream(Holey(records, 0.0))
    assert stream.names(0) == ClipNames()
    assert stream[0].names == EditingStream(records).names(0)


def test_a_batch_carries_names_and_what_is_missing_is_gray() -> None:
    records = ShapesRecords("train", 0, {"removal": 1.0}, 1, 16)
    stream, missing = EditingStream(records), MissingSample("s", 1, "a/b", "cut off", "1x16x16")
    batch = collate([(0, stream[0]), (1, missing), (2, stream[2])])
    gray = ClipNames("gray", "gray")
    assert batch.names == [stream.names(0), gray, stream.names(2)]
    assert batch.rows([2, 1]).names == [stream.names(2), gray]
    left = batch.without({0: missing})
    assert left.names == [gray, gray, stream.names(2)]
    assert batch.names[0] == stream.names(0)
    assert not left.source[:2].any()
    assert Batch(batch.source, None, batch.mask, batch.examples, batch.index).names == [ClipNames()] * 3
