"""Lists of examples in every format say the same, and what is wrong with one row is told of that row alone."""

import csv
import io
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pycocotools import mask as coco
from support.layouts.own import HEIGHT, WIDTH, edits, picture, png, region, write_media
from support.numbered import Encoding
from support.numbered import encode as encode_clip

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks.rle import decode, encode
from veggie_pl.prepare.layouts import LayoutError
from veggie_pl.prepare.layouts.examples import questions
from veggie_pl.prepare.layouts.pairs import PairList
from veggie_pl.video.header import Header, read_header
from veggie_pl.video.media import Media

LAYOUT = PairList(files="{split}.*", media="media")


def as_csv(rows: list[dict], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows({k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()} for row in rows)
    return out.getvalue()


FORMATS: dict[str, Callable[[Path, list[dict]], object]] = {
    "csv": lambda path, rows: path.write_text(as_csv(rows)),
    "tsv": lambda path, rows: path.write_text(as_csv(rows, "\t")),
    "json": lambda path, rows: path.write_text(json.dumps(rows)),
    "jsonl": lambda path, rows: path.write_text("".join(json.dumps(row) + "\n" for row in rows)),
    "parquet": lambda path, rows: pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=3),
}


def read(root: Path, layout: PairList = LAYOUT) -> list[Row | Skipped]:
    return [row for entry in layout.entries(root, "train") for row in layout.rows(root, "train", entry)]


@pytest.mark.parametrize("kind", FORMATS)
def test_list_of_edits(kind: str, tmp_path: Path) -> None:
    write_media(tmp_path)
    FORMATS[kind](tmp_path / f"train.{kind}", edits())
    assert read(tmp_path) == [
        Row(Example(f"train/{i}", skill, words), (Media(f"media/in{i}.png"),), (Media(f"media/out{i}.png"),))
        for i, (skill, words) in enumerate(
            [
                (Skill.ADDITION, "add a hat"),
                (Skill.REMOVAL, "remove the dog"),
                (Skill.BACKGROUND, "make it snowy"),
                (Skill.CHANGING, "ändere den Hut"),
            ]
        )
    ]


@pytest.mark.parametrize("kind", FORMATS)
def test_long_list_comes_in_parts_with_every_row_once(kind: str, tmp_path: Path) -> None:
    write_media(tmp_path, 1)
    rows = [{"source": "in0.png", "target": "out0.png", "instruction": f'no {i},\n"{i}"'} for i in range(450)]
    FORMATS[kind](tmp_path / f"train.{kind}", rows)
    assert len(list(LAYOUT.entries(tmp_path, "train"))) > 2
    found = read(tmp_path)
    assert [row.key for row in found] == [f"train/{i}" for i in range(450)]
    assert [row.example.instruction for row in found if isinstance(row, Row)] == [row["instruction"] for row in rows]


@pytest.mark.parametrize("kind", FORMATS)
def test_what_measures_ask_of_an_edit_comes_from_its_columns(kind: str, tmp_path: Path) -> None:
    write_media(tmp_path, 1)
    facts = {"caption": "A dog in a hat.", "source_caption": " A dog. ", "checklist": ["Is there a hat?", "", "A dog?"]}
    FORMATS[kind](tmp_path / f"train.{kind}", [edits(1)[0] | facts])
    (row,) = read(tmp_path)
    assert isinstance(row, Row)
    assert (row.example.caption, row.example.source_caption) == ("A dog in a hat.", "A dog.")
    assert row.example.checklist == ("Is there a hat?", "A dog?")


@pytest.mark.parametrize(
    ("cell", "asked"), [(None, ()), ("A hat?\nA dog?\n", ("A hat?", "A dog?")), ("[hat] on?", ("[hat] on?",))]
)
def test_checklist_may_be_lines_of_text(cell: str | None, asked: tuple[str, ...]) -> None:
    assert questions(cell) == asked


@pytest.mark.parametrize(("name", "value"), [("caption", ["a"]), ("checklist", [3]), ("checklist", 3)])
def test_words_that_are_no_text_are_told(name: str, value: object, tmp_path: Path) -> None:
    write_media(tmp_path, 1)
    (tmp_path / "train.jsonl").write_text(json.dumps(edits(1)[0] | {name: value}))
    (row,) = read(tmp_path)
    assert isinstance(row, Skipped)
    assert row.reason.startswith(f"its {name}")


def test_columns_skills_and_keys_are_those_of_the_card(tmp_path: Path) -> None:
    write_media(tmp_path)
    row = {"before": "in0.png", "after": "out1.png", "what": "hm", "id": 17, "type": "swap"}
    FORMATS["jsonl"](
        tmp_path / "list-a.jsonl", [row, {**row, "type": "removal", "id": 18}, {**row, "type": "?", "id": 19}]
    )
    layout = PairList(
        files={"train": "list-*.jsonl"},
        columns={"source": "before", "target": "after", "instruction": "what", "skill": "type", "key": "id"},
        skills={"swap": Skill.CHANGING},
        media="media",
    )
    first, second, third = read(tmp_path, layout)
    assert first == Row(Example("17", Skill.CHANGING, "hm"), (Media("media/in0.png"),), (Media("media/out1.png"),))
    assert isinstance(second, Row)
    assert second.example.skill == Skill.REMOVAL
    assert third == Skipped("19", "unknown skill '?'; the card's skills name ['swap']")
    (stated,) = (
        read(tmp_path, PairList(files="one.csv", media="media", skill=Skill.STYLIZATION))
        if (FORMATS["csv"](tmp_path / "one.csv", edits(1)))
        else ()
    )
    assert isinstance(stated, Row)
    assert stated.example.skill == Skill.STYLIZATION


def test_embedded_pictures_of_parquet(tmp_path: Path) -> None:
    pair = {"source": {"bytes": png(picture(0)), "path": "a/b.png"}, "target": {"bytes": png(picture(1)), "path": None}}
    FORMATS["parquet"](tmp_path / "train.parquet", [{**pair, "instruction": "add a hat"}])
    (row,) = read(tmp_path)
    assert isinstance(row, Row)
    assert row.source == (Media("b.png", data=png(picture(0))),)
    assert row.target == (Media("embedded.png", data=png(picture(1))),)


def uncompressed(mask: np.ndarray) -> list[int]:
    values = mask.T.reshape(-1)
    edges = np.flatnonzero(np.diff(values)) + 1
    runs = np.diff([0, *edges, values.size]).tolist()
    return [0, *runs] if values[0] else runs


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_masks_in_every_form(kind: str, tmp_path: Path) -> None:
    write_media(tmp_path)
    packed = coco.encode(np.asfortranarray(region(0), np.uint8))
    polygon = [5.0, 3.0, 12.0, 3.0, 12.0, 8.0, 5.0, 8.0]
    forms = [
        "mask0.png",
        {"size": [HEIGHT, WIDTH], "counts": packed["counts"].decode()},
        {"size": [HEIGHT, WIDTH], "counts": uncompressed(region(0))},
        [polygon],
        [{"size": [HEIGHT, WIDTH], "counts": packed["counts"].decode()}],
    ]
    FORMATS[kind](
        tmp_path / f"train.{kind}", [{"source": "in0.png", "phrase": "a dog", "mask": form} for form in forms]
    )
    for row in read(tmp_path):
        assert isinstance(row, Row), row
        assert (row.example.skill, row.example.phrase, row.target) == (Skill.GROUNDING, "a dog", ())
        assert np.array_equal(decode(row.mask[0]), region(0))


def test_masks_of_indexed_pictures(tmp_path: Path) -> None:
    write_media(tmp_path)
    FORMATS["csv"](tmp_path / "train.csv", [{"source": "in2.png", "phrase": "a dog", "mask": "index2.png"}])
    (all_of_them,) = read(tmp_path)
    (one,) = read(tmp_path, LAYOUT.model_copy(update={"mask_value": 3}))
    assert isinstance(one, Row)
    assert isinstance(all_of_them, Row)
    assert np.array_equal(decode(one.mask[0]), region(2))
    assert decode(all_of_them.mask[0]).sum() == region(2).sum() + 3 * 8


def test_folders_of_frames_are_clips(tmp_path: Path) -> None:
    write_media(tmp_path)
    FORMATS["csv"](tmp_path / "train.csv", [{"source": "frames", "phrase": "a dog", "mask": "masks"}])
    (row,) = read(tmp_path)
    assert isinstance(row, Row)
    assert row.source == tuple(Media(f"media/frames/{i:03d}.png") for i in range(4))
    assert row.mask == tuple(encode(region(i)) for i in range(4))


def test_whole_instruction_for_a_mask_names_its_fill(tmp_path: Path) -> None:
    write_media(tmp_path)
    row = {"source": "in0.png", "mask": "mask0.png"}
    said = ["label the dog in blue", "label the dog"]
    FORMATS["csv"](tmp_path / "train.csv", [{**row, "instruction": one} for one in said])
    first, second = read(tmp_path)
    assert isinstance(first, Row)
    assert first.example.fill == "blue"
    assert isinstance(second, Skipped)
    assert "names no fill colour" in second.reason


BAD = {
    "none.png": "media/none.png: no such file",
    "../outside.png": "outside the data root",
    "/etc/hostname": "outside the data root",
    "link.png": "outside the data root",
    "linked/outside.png": "outside the data root",
    "notes.txt": "no known kind",
    "": "there is no source",
    "empty": "a folder without images",
    "a\0b": "names no file",
}


def escape(root: Path) -> None:
    """Files and links that lead out of the root."""
    (root.parent / "outside.png").write_bytes(png(picture(0)))
    (root / "media/link.png").symlink_to(root.parent / "outside.png")
    (root / "media/linked").symlink_to(root.parent)
    (root / "media/notes.txt").write_text("x")
    (root / "media/empty").mkdir()


@pytest.mark.parametrize("field", ["source", "target", "mask"])
def test_paths_that_lead_nowhere_or_out_are_skipped_with_the_reason(field: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_media(root)
    escape(root)
    base = {"source": "in0.png", "instruction": "in red", **({} if field == "source" else {field: "x"})}
    FORMATS["jsonl"](root / "train.jsonl", [{"target": "out0.png", **base, field: name} for name in BAD])
    found = read(root)
    if field == "mask":  # optional beside a target: an empty cell is no mask
        found = [row for row in found if isinstance(row, Skipped)]
        wanted = [reason for reason in BAD.values() if reason != "there is no source"]
    else:
        wanted = [reason.replace("there is no source", "there is n") for reason in BAD.values()]
    assert len(found) == len(wanted)
    for row, reason in zip(found, wanted, strict=True):
        assert isinstance(row, Skipped)
        assert reason in row.reason


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        ('{"size": [20, 30], "counts": "999"}', "runs of"),
        ('{"size": [20, 30], "counts": [600, -1, 1]}', "runs of 600|runs of"),
        ('{"size": [0, 30], "counts": ""}', "a mask of 0 x 30"),
        ('{"size": [99999999, 99999999], "counts": ""}', "a mask of 99999999"),
        ('{"size": "big", "counts": ""}', "run lengths of size"),
        ('{"size": [20, 30], "counts": 4}', "run lengths of type int"),
        ("[[1, 2, 3]]", "a polygon of 3 values"),
        ('[["a", 2, 3, 4, 5, 6]]', "something else than numbers"),
        ("[[1, 2, 3, 4, 5, NaN]]", "a polygon"),
        ("{not json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("notes.txt", "no known kind"),
        ("clip.mp4", "not an image"),
        ("broken.png", "not an image"),
        ("bomb.png", "DecompressionBomb"),
    ],
)
def test_masks_that_are_none_are_skipped_with_the_reason(mask: str, reason: str, tmp_path: Path) -> None:
    write_media(tmp_path)
    (tmp_path / "media/broken.png").write_bytes(png(picture(0))[:60])
    bomb = bytearray(png(picture(0)))
    bomb[16:24] = (60000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    (tmp_path / "media/bomb.png").write_bytes(bomb)
    (tmp_path / "media/notes.txt").write_text("x")
    FORMATS["csv"](tmp_path / "train.csv", [{"source": "in0.png", "phrase": "dog", "mask": mask}])
    (row,) = read(tmp_path)
    assert isinstance(row, Skipped)
    assert row.key == "train/0"
    assert re.search(reason, row.reason)


def test_broken_lines_are_skipped_and_the_others_kept(tmp_path: Path) -> None:
    write_media(tmp_path)
    good = "in0.png,out0.png,add a hat\n"
    (tmp_path / "train.csv").write_bytes(
        b"\xef\xbb\xbfsource,target,instruction\n"
        + (good + "in0.png,out0.png\n" + good).encode()
        + b"in0.png,out0.png,\xff\n"
    )
    keys = {row.key: type(row) for row in read(tmp_path)}
    assert keys == {"train/0": Row, "train/1": Skipped, "train/2": Row, "train/3": Skipped}
    (tmp_path / "train.csv").unlink()
    line = json.dumps(edits(1)[0])
    (tmp_path / "train.jsonl").write_bytes(f"{line}\nnot json\n[1]\n{line[:20]}\n".encode() + b"\xff\n" + line.encode())
    found = read(tmp_path)
    assert [isinstance(row, Row) for row in found] == [True, False, False, False, False, True]


BOM, GOOD = b"\xef\xbb\xbf", b"in0.png,add a hat,out0.png"
HEADER, LINE = b"source,instruction,target", json.dumps(edits(1)[0]).encode()
LISTS = {
    "blank lines": ("csv", HEADER + b"\n\n" + GOOD + b"\n   \n\n" + GOOD + b"\n\n"),
    "blank first": ("csv", b"\n\n" + HEADER + b"\n" + GOOD + b"\n" + GOOD),
    "CRLF and BOM": ("csv", BOM + HEADER + b"\r\n" + GOOD + b"\r\n\r\n" + GOOD + b"\r\n"),
    "commas behind": ("csv", HEADER + b",,\n" + GOOD + b",,\n,,,,\n" + GOOD + b",\n,,\n"),
    "spaces in the header": ("csv", b"source, instruction, target\n" + GOOD + b"\n" + GOOD),
    "tabs": ("tsv", (BOM + HEADER + b"\r\n\r\n" + GOOD + b"\t\r\n\t\t\r\n" + GOOD).replace(b",", b"\t")),
    "JSON lines": ("jsonl", BOM + LINE + b"\r\n\r\n  \n" + LINE + b"\n\n\n"),
    "JSON lines, blank first": ("jsonl", b"\n \r\n" + LINE + b"\n" + LINE),
    "JSON": ("json", BOM + b"[" + LINE + b"\r\n,\r\n\r\n" + LINE + b"]\r\n\r\n"),
}


@pytest.mark.parametrize("name", LISTS)
def test_blank_lines_are_no_examples(name: str, tmp_path: Path) -> None:
    write_media(tmp_path)
    kind, content = LISTS[name]
    (tmp_path / f"train.{kind}").write_bytes(content)
    found = read(tmp_path)
    assert [row.key for row in found] == ["train/0", "train/1"]
    assert [row.example.instruction for row in found if isinstance(row, Row)] == ["add a hat"] * 2


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_long_list_with_blank_lines_has_every_row_once(kind: str, tmp_path: Path) -> None:
    write_media(tmp_path, 1)
    rows = [{"source": "in0.png", "target": "out0.png", "instruction": f"no {i}"} for i in range(450)]
    FORMATS[kind](tmp_path / f"train.{kind}", rows)
    text = (tmp_path / f"train.{kind}").read_text().replace("\n", "\n\n \n")
    (tmp_path / f"train.{kind}").write_text(text)
    found = read(tmp_path)
    assert [row.key for row in found] == [f"train/{i}" for i in range(450)]
    assert [row.example.instruction for row in found if isinstance(row, Row)] == [row["instruction"] for row in rows]


def test_contents_decide_where_names_tell_nothing(tmp_path: Path) -> None:
    write_media(tmp_path)
    clip = encode_clip(tmp_path / "clip", Encoding("mpeg4", ".avi", 3)).read_bytes()
    (tmp_path / "media/nameless").write_bytes(clip)
    (tmp_path / "media/a.dat").write_bytes(png(picture(0)))
    rows = [{"source": name, "target": name, "instruction": "add a hat"} for name in ("nameless", "a.dat")]
    FORMATS["csv"](tmp_path / "train.csv", rows)
    embedded = {"source": {"bytes": clip}, "target": {"bytes": clip}, "instruction": "add a hat"}
    FORMATS["parquet"](tmp_path / "train.parquet", [embedded])
    found = read(tmp_path)
    assert [row.source[0].path for row in found if isinstance(row, Row)] == [
        "media/nameless",
        "media/a.dat",
        "embedded.avi",
    ]
    shapes = [read_header(row.source, tmp_path) for row in found if isinstance(row, Row)]
    assert shapes == [Header(3, 64, 64), Header(1, 20, 30), Header(3, 64, 64)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.csv", b"src,target\na,b\n", "no column 'source' for source; did you mean src"),
        ("train.csv", b"a,b\na,b\n", "no column 'source' for source; it has a, b"),
        ("train.csv", b"sources,target\na,b\n", r"did you mean sources\?"),
        ("train.csv", b"", "no column 'source'"),
        ("train.csv", b"\xff\xfe\x00", "no column 'source'"),
        ("train.json", b"{", "cannot be read"),
        ("train.json", b'{"source": 1}', "an array of objects is needed"),
        ("train.json", b"[" * 100_000, "cannot be read"),
        ("train.jsonl", b"", "no column 'source'"),
        ("train.parquet", b"PAR1 no PAR1", "cannot be read"),
        ("train.txt", b"x", "not a list of the kinds .csv, .tsv"),
        ("val.csv", b"x", "no such file"),
    ],
)
def test_list_that_cannot_be_used_is_one_error(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LayoutError, match=message) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("files", ["../*.csv", "/etc/*.csv", "linked/*.csv"])
def test_lists_outside_the_root_are_refused(files: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "train.csv").write_text(as_csv(edits()))
    (root / "linked").symlink_to(tmp_path)
    with pytest.raises(LayoutError, match="outside the data root"):
        read(root, PairList(files=files))


def test_split_without_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="no files are named for the split train, only for val"):
        read(tmp_path, PairList(files={"val": "val.csv"}))
