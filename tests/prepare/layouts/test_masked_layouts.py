"""Grounding and reasoning data sets: each miniature gives exactly the rows, masks and faults that it was made for."""

import json
import pickle
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco
from pycocotools.coco import COCO
from support.layouts import MINIATURES, grefcoco, groundmore, mevis, phrasecut, reasonseg, ref_youtube_vos, revos
from support.layouts.answers import check, collect, masks
from support.layouts.mutations import broken

from veggie_pl.data.table.schema import Skipped, from_columns, to_columns
from veggie_pl.masks import rle
from veggie_pl.prepare.card import read_card
from veggie_pl.prepare.layouts import LAYOUTS, Layout, LayoutError

CARDS = Path(__file__).resolve().parents[3] / "data_cards"
MODULES: dict[str, ModuleType] = {
    module.__name__.removeprefix("support.layouts."): module
    for module in (phrasecut, grefcoco, reasonseg, mevis, ref_youtube_vos, groundmore, revos)
}
# What all examples depend on, and so must be whole; ReasonSeg has a file per picture instead.
ALL_DEPEND_ON = {
    "phrasecut": ("refer_train.json", "image_data_split3000.json"),
    "grefcoco": ("grefcoco/grefs(unc).json", "grefcoco/instances.json"),
    "mevis": ("train/meta_expressions.json", "train/mask_dict.json"),
    "ref_youtube_vos": (
        "ref-youtube-vos/meta_expressions/train/meta_expressions.json",
        "ref-davis/meta_expressions/train/meta_expressions.json",
    ),
    "groundmore": ("trainval_v2.json",),
    "revos": ("meta_expressions_train_.json", "mask_dict.json"),
}
NO_SUCH_SPLIT = {"mevis": "test", "ref_youtube_vos": "test", "groundmore": "val", "revos": "test"}


def card_layout(name: str) -> Layout:
    layout = read_card(CARDS / f"{name}.md").layout
    assert isinstance(layout, LAYOUTS[name])
    return layout


@pytest.fixture(params=MODULES)
def miniature(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    MINIATURES[request.param](tmp_path)
    return request.param, tmp_path


def test_miniature_gives_its_rows_and_faults(miniature: tuple[str, Path]) -> None:
    name, root = miniature
    for split, answers in MODULES[name].ANSWERS.items():
        check(card_layout(name), root, split, answers, MODULES[name].FAULTS[split])


def test_card_says_what_the_layout_reads(miniature: tuple[str, Path]) -> None:
    name, _ = miniature
    card = read_card(CARDS / f"{name}.md")
    assert card.name == card_layout(name).kind == name
    assert set(card.splits) == set(MODULES[name].ANSWERS)
    skills = {str(answer.skill) for answers in MODULES[name].ANSWERS.values() for answer in answers.values()}
    assert skills == {card.task}
    answers = [answer for found in MODULES[name].ANSWERS.values() for answer in found.values()]
    assert card.media == ("clips" if len(answers[0].source) > 1 else "images")


def test_entries_travel_and_give_the_same_rows_each_time(miniature: tuple[str, Path]) -> None:
    name, root = miniature
    layout = card_layout(name)
    entries = list(layout.entries(root, "train"))
    again = pickle.loads(pickle.dumps(list(layout.entries(root, "train"))))
    assert entries
    for entry, same in reversed(list(zip(entries, again, strict=True))):
        rows = list(layout.rows(root, "train", entry))
        assert rows == list(layout.rows(root, "train", same))
        for row in rows:
            assert isinstance(row, Skipped) or from_columns(to_columns(row)) == row


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in ALL_DEPEND_ON.items() for path in paths])
@pytest.mark.parametrize("data", [None, b"", b"{", b"3", b"[" * 100_000, b"\xff\x81\x00"])
def test_file_that_all_depends_on_is_named_when_it_is_broken(
    name: str, path: str, data: bytes | None, tmp_path: Path
) -> None:
    MINIATURES[name](tmp_path)
    if data is None:
        (tmp_path / path).unlink()
    else:
        (tmp_path / path).write_bytes(data)
    with pytest.raises(LayoutError, match=Path(path).name.replace("(", r"\(").replace(")", r"\)")):
        list(card_layout(name).entries(tmp_path, "train"))


@pytest.mark.parametrize("name", MODULES)
def test_empty_root_is_a_layout_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=str(tmp_path)):
        list(card_layout(name).entries(tmp_path, "train"))


@pytest.mark.parametrize(("name", "split"), NO_SUCH_SPLIT.items())
def test_split_without_public_masks_is_a_layout_error(name: str, split: str, tmp_path: Path) -> None:
    MINIATURES[name](tmp_path)
    with pytest.raises(LayoutError, match=f"{split}; the choices are train"):
        list(card_layout(name).entries(tmp_path, split))


def test_grefcoco_masks_equal_those_of_pycocotools(tmp_path: Path) -> None:
    grefcoco.write(tmp_path)
    reference = COCO(str(tmp_path / "grefcoco/instances.json"))
    rows, _ = collect(card_layout("grefcoco"), tmp_path, "train")
    for name, numbers in (("1/10", [11]), ("2/20", [11, 12, 13]), ("4/40", [13])):
        wanted = np.any([reference.annToMask(reference.anns[number]) for number in numbers], axis=0)
        np.testing.assert_array_equal(masks(rows[f"grefcoco/train/{name}"])[0], wanted)


def test_grefcoco_entries_are_in_the_same_order_in_every_process(tmp_path: Path) -> None:
    grefcoco.write(tmp_path)
    _, objects, _ = next(iter(card_layout("grefcoco").entries(tmp_path, "train")))
    assert list(objects) == ["11", "12", "13", "14", "15", "21"]  # as they are named; a set's order would differ


def test_mevis_masks_equal_those_of_pycocotools(tmp_path: Path) -> None:
    mevis.write(tmp_path)
    found = json.loads((tmp_path / "train/mask_dict.json").read_text())
    rows, _ = collect(card_layout("mevis"), tmp_path, "train")
    empty = np.zeros((24, 32), dtype=bool)
    tracks = [[empty if one is None else coco.decode(one).astype(bool) for one in found[number]] for number in "01"]
    np.testing.assert_array_equal(masks(rows["mevis/train/0ab4afe7fb46/0"]), tracks[0])
    np.testing.assert_array_equal(masks(rows["mevis/train/0ab4afe7fb46/1"]), np.logical_or(*tracks))


def test_palette_masks_equal_those_that_pillow_reads(tmp_path: Path) -> None:
    ref_youtube_vos.write(tmp_path)
    rows, _ = collect(card_layout("ref_youtube_vos"), tmp_path, "train")
    row = rows["ref_youtube_vos/train/ref-youtube-vos/003234408d/1"]
    paths = [tmp_path / one.path.replace("JPEGImages", "Annotations").replace("jpg", "png") for one in row.source]
    np.testing.assert_array_equal(masks(row), [np.asarray(Image.open(path)) == 2 for path in paths])


def test_one_of_the_two_parts_of_ref_youtube_vos_is_enough(tmp_path: Path) -> None:
    ref_youtube_vos.write(tmp_path)
    rows, _ = collect(LAYOUTS["ref_youtube_vos"](davis=""), tmp_path, "train")
    assert {name.split("/")[2] for name in rows} == {"ref-youtube-vos"}
    assert collect(LAYOUTS["ref_youtube_vos"](davis=""), tmp_path, "val") == ({}, {})


def test_revos_takes_the_types_that_the_card_asks_for(tmp_path: Path) -> None:
    revos.write(tmp_path)
    rows, skipped = collect(LAYOUTS["revos"](types=(0, 1)), tmp_path, "train")
    assert [name[-1] for name in rows] == ["0", "1", "2"]
    assert [name[-1] for name in skipped] == ["3"]


def test_revos_frames_may_lie_without_their_folder(tmp_path: Path) -> None:
    revos.write(tmp_path)
    (tmp_path / "JPEGImages/UVO").rename(tmp_path / "UVO")
    rows, _ = collect(LAYOUTS["revos"](images="."), tmp_path, "train")
    assert len(rows) == 2
    assert all((tmp_path / media.path).is_file() for row in rows.values() for media in row.source)


def test_links_out_of_the_root_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "data", tmp_path / "outside"
    mevis.write(root)
    frames = root / "train/JPEGImages/0ab4afe7fb46"
    frames.rename(outside)
    frames.symlink_to(outside)
    _, skipped = collect(card_layout("mevis"), root, "train")
    assert "outside the data root" in skipped["mevis/train/0ab4afe7fb46"]
    frames.unlink()
    frames.mkdir()
    for file in outside.iterdir():
        (frames / file.name).symlink_to(file)
    _, skipped = collect(card_layout("mevis"), root, "train")
    assert "3 of 3 frames are missing" in skipped["mevis/train/0ab4afe7fb46"]


@pytest.mark.parametrize("name", MODULES)
def test_broken_annotations_end_in_rows_reasons_or_layout_errors(name: str, tmp_path: Path) -> None:
    MINIATURES[name](tmp_path)
    layout, rng = card_layout(name), np.random.default_rng(5)
    files = [path for path in sorted(tmp_path.rglob("*.json")) if path.name != "meta.json" and "valid" not in str(path)]
    ends = {"rows": 0, "skipped": 0, "layout error": 0}
    for _ in range(80):
        path = files[int(rng.integers(len(files)))]
        whole = path.read_bytes()
        path.write_bytes(broken(whole, rng))
        try:
            rows, skipped = collect(layout, tmp_path, "train")
            ends["rows"] += len(rows)
            ends["skipped"] += len(skipped)
            for row in rows.values():
                assert row.key.encode()
                assert row.example.phrase.encode()
                assert len(row.mask) == len(row.source)
                assert {(one.height, one.width) for one in row.mask} == {(24, 32)}
                assert any(rle.decode(one).any() for one in row.mask)
                assert all((tmp_path / media.path).resolve().is_relative_to(tmp_path) for media in row.source)
            assert all(reason.encode() and key.encode() and "\n" not in reason for key, reason in skipped.items())
        except LayoutError:
            ends["layout error"] += 1
        path.write_bytes(whole)
    assert all(ends.values()) or (name == "reasonseg" and ends["rows"] and ends["skipped"]), ends


@pytest.mark.parametrize(
    ("name", "files"), [("ref_youtube_vos", "*.png"), ("groundmore", "*.png"), ("mevis", "00000.jpg")]
)
def test_broken_pictures_end_in_rows_or_reasons(name: str, files: str, tmp_path: Path) -> None:
    MINIATURES[name](tmp_path)
    layout, rng = card_layout(name), np.random.default_rng(6)
    paths = [path for path in sorted(tmp_path.rglob(files)) if "valid" not in str(path)]
    total = len(MODULES[name].ANSWERS["train"]) + len(MODULES[name].FAULTS["train"])
    skipped_ever = 0
    for _ in range(60):
        path = paths[int(rng.integers(len(paths)))]
        whole = path.read_bytes()
        data = bytearray(whole[: int(rng.integers(200))] if rng.random() < 0.5 else whole)  # the header is what is read
        for place in rng.integers(min(len(data), 200), size=4) if data else ():
            data[place] = rng.integers(256)
        path.write_bytes(data)
        rows, skipped = collect(layout, tmp_path, "train")
        skipped_ever += len(skipped) > len(MODULES[name].FAULTS["train"])
        assert len(rows) + len(skipped) <= total
        path.write_bytes(whole)
    assert skipped_ever
