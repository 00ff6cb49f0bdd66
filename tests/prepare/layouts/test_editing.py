"""Editing data sets: rows of each miniature are the ones known by hand, and broken annotations cost examples only."""

import importlib
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.layouts import MINIATURES
from support.layouts.mutating import mutated
from support.layouts.tiny import HEIGHT, WIDTH, Known, pixels

from veggie_pl.data.table.schema import FEATURES, Row, Skipped, from_columns, to_columns
from veggie_pl.masks.rle import decode
from veggie_pl.prepare.card import Card, read_card
from veggie_pl.prepare.examples import examples
from veggie_pl.prepare.layouts import LAYOUTS, Layout, LayoutError
from veggie_pl.video.media import Media

CARDS = Path(__file__).resolve().parents[3] / "data_cards"
NAMES = [name for name in MINIATURES if read_card(CARDS / f"{name}.md").task == "editing"]


def answers(name: str) -> ModuleType:
    """The module of a miniature, with what must come of it."""
    return importlib.import_module(MINIATURES[name].__module__)


ANNOTATIONS = {
    "instructv2v": ["raw_generated/0000003/metadata.jsonl", "raw_generated/0000003/prompt.json"],
    "magicbrush": ["test/edit_turns.json"],
    "ditto_1m": ["training_metadata/local.json"],
    "openve_3m": ["csv_files/local_remove.csv"],
    "rovi": ["train.json"],
    "senorita_2m": ["updated_data_obj_removal.json"],
    "seed_data_edit": [
        "SEED-Data-Edit-Part1-Openimages/auto_editing/openimages/annotations/0001.jsonl",
        "SEED-Data-Edit-Part2-3/multi_turn_editing/annotations/split_0001.jsonl",
    ],
    "insvie_1m": ["info.csv"],
    "smartedit": ["SyntheticData_info_new.json"],
    "veg_edit": ["pairs.jsonl"],
    "vplm": ["VPLM/gt_train.json"],
}
SPLITS = [(name, split) for name in NAMES for split in answers(name).ROWS]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every miniature, written once."""
    folder = tmp_path_factory.mktemp("official")
    for name in NAMES:
        (folder / name).mkdir()
        MINIATURES[name](folder / name)
    return {name: folder / name for name in NAMES}


# Layouts of cards that are not named after them.
KINDS = dict.fromkeys(("ditto_1m", "openve_3m", "senorita_2m", "veg_edit"), "list") | {"insvie_1m": "insvie"}


def card(name: str) -> Card:
    return read_card(CARDS / f"{name}.md")


def layout_of(name: str) -> Layout:
    layout = card(name).layout
    assert isinstance(layout, LAYOUTS[KINDS.get(name, name)])
    return layout


def read(name: str, root: Path, split: str) -> tuple[list[Row], list[Skipped]]:
    layout = layout_of(name)
    found = [row for entry in layout.entries(root, split) for row in layout.rows(root, split, entry)]
    return [one for one in found if isinstance(one, Row)], [one for one in found if isinstance(one, Skipped)]


def decoded(media: tuple[Media, ...], root: Path) -> list[np.ndarray]:
    """Frames, (height, width, 3)."""
    if media[0].suffix == ".mp4":
        with av.open(io.BytesIO(media[0].read(root))) as file:
            return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    return [np.asarray(Image.open(io.BytesIO(one.read(root))).convert("RGB")) for one in media]


@pytest.mark.parametrize(("name", "split"), SPLITS)
def test_rows_are_the_ones_known_by_hand(name: str, split: str, roots: dict[str, Path]) -> None:
    rows, skipped = read(name, roots[name], split)
    known: list[Known] = answers(name).ROWS[split]
    assert [row.key for row in rows] == [one.key for one in known]
    for row, one in zip(rows, known, strict=True):
        assert (str(row.example.skill), row.example.instruction, row.example.phrase) == (
            one.skill,
            one.instruction,
            one.phrase,
        )
        for media, color in ((row.source, one.source), (row.target, one.target)):
            frames = decoded(media, roots[name])
            assert len(frames) == one.frames
            for number, frame in enumerate(frames):
                assert np.abs(frame.astype(int) - pixels(color, number)).mean() < 6
        assert len(row.mask) == len(one.mask)
        for rle, box in zip(row.mask, one.mask, strict=True):
            expected = np.zeros((HEIGHT, WIDTH), dtype=bool)
            if box is not None:
                expected[box[0] : box[2], box[1] : box[3]] = True
            assert (decode(rle) == expected).all()
    reasons = answers(name).SKIPPED[split]
    assert len(skipped) == len(reasons)
    for one, reason in zip(sorted(one.reason for one in skipped), sorted(reasons), strict=True):
        assert reason in " | ".join(one.reason for one in skipped), one


@pytest.mark.parametrize("name", NAMES)
def test_card_reads_its_miniature_as_prepare_does(name: str, roots: dict[str, Path]) -> None:
    """With headers checked, and removals also backwards: additions that are worded from the same phrase."""
    found = [
        one
        for entry in card(name).layout.entries(roots[name], "train")
        for one in examples(card(name), roots[name], "train", entry)
    ]
    rows = [one[0] for one in found if not isinstance(one, Skipped)]
    known: list[Known] = answers(name).ROWS["train"]
    forwards = [row for row in rows if not row.key.endswith("/reversed")]
    assert [row.key.removeprefix(f"{name}/train/") for row in forwards] == [
        one.key.removeprefix(f"{name}/train/") for one in known
    ]
    backwards = [row for row in rows if row.key.endswith("/reversed")]
    assert len(backwards) == (len(known) if card(name).reverse else 0)
    for row, one in zip(backwards, known, strict=card(name).reverse):
        assert (str(row.example.skill), row.example.phrase, row.example.instruction) == ("addition", one.phrase, None)
    assert len(found) - len(rows) == len(answers(name).SKIPPED["train"])


@pytest.mark.parametrize("name", NAMES)
def test_rows_survive_the_table(name: str, roots: dict[str, Path]) -> None:
    rows, _ = read(name, roots[name], "train")
    for row in rows:
        assert from_columns(FEATURES.decode_example(FEATURES.encode_example(to_columns(row)))) == row


@contextmanager
def sorted_folders(backwards: bool) -> Iterator[None]:
    """Folders list their files in the order of their names or in the opposite one; real ones do in any."""
    listdir, scandir = os.listdir, os.scandir

    @contextmanager
    def scan(path: str = ".") -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(path) as found:
            yield iter(sorted(found, key=lambda entry: entry.name, reverse=backwards))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "listdir", lambda path=".": sorted(listdir(path), reverse=backwards))
        patch.setattr(os, "scandir", scan)
        yield


@pytest.mark.parametrize("name", NAMES)
def test_order_of_entries_and_rows_is_not_that_of_folders(name: str, roots: dict[str, Path]) -> None:
    layout, found = layout_of(name), []
    for backwards in (False, True):
        with sorted_folders(backwards):
            entries = list(layout.entries(roots[name], "train"))
            found.append((entries, [list(layout.rows(roots[name], "train", entry)) for entry in entries]))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", NAMES)
def test_missing_folder_is_one_error(name: str, tmp_path: Path) -> None:
    layout = layout_of(name)
    with pytest.raises(LayoutError, match=str(tmp_path)):
        list(layout.entries(tmp_path, "train"))


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in ANNOTATIONS.items() for file in files])
def test_mutated_annotations_are_layout_errors_or_skipped(
    name: str, file: str, roots: dict[str, Path], tmp_path: Path
) -> None:
    root = tmp_path / name
    shutil.copytree(roots[name], root, copy_function=_linked)
    data = (roots[name] / file).read_bytes()
    split = "test" if file.startswith("test/") else "train"
    (root / file).unlink()
    for seed in range(80):
        (root / file).write_bytes(mutated(data, seed))
        try:
            rows, skipped = read(name, root, split)
        except LayoutError as error:
            messages = [str(error)]
        else:
            messages = [text for one in skipped for text in (one.reason, one.key)]
            assert all(one.reason for one in skipped)
            keys = [row.key for row in rows]
            assert len(set(keys)) == len(keys), seed
            for row in rows:
                FEATURES.encode_example(to_columns(row))
                (row.example.phrase + (row.example.instruction or "")).encode()
                messages.append(row.key)
                assert all(media.data is not None or media.read(root) for media in (*row.source, *row.target))
        assert not any("\n" in text for text in messages)
        "".join(messages).encode()


def _linked(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def test_magicbrush_parquet_that_is_cut_off_is_one_error(roots: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "data/train-00000-of-00001.parquet"
    path.parent.mkdir()
    whole = next((roots["magicbrush"] / "data").glob("train-*.parquet"))
    path.write_bytes(whole.read_bytes()[:-50])
    with pytest.raises(LayoutError, match=r"train-00000-of-00001\.parquet: not Parquet"):
        read("magicbrush", tmp_path, "train")
    pq.write_table(pq.read_table(whole).drop_columns(["target_img"]), path)
    with pytest.raises(LayoutError, match=r"no columns \['target_img'\]"):
        read("magicbrush", tmp_path, "train")


def test_erasedraw_keeps_what_stands_before_a_tar_breaks_off(roots: dict[str, Path], tmp_path: Path) -> None:
    whole = (roots["erasedraw"] / "erasedraw-gqa-000000-wds.tar").read_bytes()
    rows, _ = read("erasedraw", roots["erasedraw"], "train")
    last = rows[1].target[0]
    (tmp_path / "erasedraw-gqa-000000-wds.tar").write_bytes(whole[: last.offset + last.size + 5000])
    kept, skipped = read("erasedraw", tmp_path, "train")
    assert [row.key for row in kept] == [row.key for row in rows[:2]]
    assert any("breaks off" in one.reason for one in skipped)


def test_vplm_and_rovi_do_without_masks_where_a_frame_has_none(roots: dict[str, Path], tmp_path: Path) -> None:
    root = tmp_path / "rovi"
    shutil.copytree(roots["rovi"], root)
    next((root / "Annotations/03c95b4dae").iterdir()).unlink()
    rows, _ = read("rovi", root, "train")
    assert [row.mask for row in rows] == [()] * 4
