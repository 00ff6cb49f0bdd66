"""Layouts of public benches, in miniature: exactly the rows, words, masks and faults that were written."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.benches import prepare_bench
from support.layouts.tiny import HEIGHT, WIDTH, clip, clip_frames, picture

from veggie_pl.batch import Skill
from veggie_pl.data.streams import ReasoningStream, RequestStream
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.masks.rle import decode
from veggie_pl.prepare.bench import CardBenchmark, open_bench
from veggie_pl.prepare.card import read_card
from veggie_pl.prepare.layouts import LayoutError


def collect(name: str, root: Path) -> tuple[dict[str, Row], dict[str, str]]:
    """Rows and reasons of what is skipped, by key."""
    layout = read_card(f"bench/{name}").layout
    assert layout is not None
    found = [one for entry in layout.entries(root, "test") for one in layout.rows(root, "test", entry)]
    rows = {one.key: one for one in found if isinstance(one, Row)}
    return rows, {one.key: one.reason for one in found if isinstance(one, Skipped)}


def opened(name: str, root: Path) -> CardBenchmark:
    prepare_bench(f"bench/{name}", root, root / "prepared")
    return open_bench(name, root / "prepared")


def gray(path: Path, box: tuple[int, int, int, int], value: int = 255) -> None:
    """A mask in shades of gray."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[box[0] : box[2], box[1] : box[3]] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path, quality=90)


def test_editverse_asks_without_marks_and_skips_what_speaks_of_others(tmp_path: Path) -> None:
    clip(tmp_path / "videos/1.mp4", "red")
    asked = {
        "0": {"<text>": "<video1> Add a small golden crown.", "<video1>": "videos/1.mp4", "type": "add object"},
        "1": {"<text>": "Remove the boat from <video1> now", "<video1>": "videos/1.mp4", "type": "?"},
        "2": {"<text>": "<video1> Put <image1> there", "<video1>": "videos/1.mp4"},
        "3": {"<text>": "<video1> Add it", "<video1>": "videos/no.mp4"},
        "4": {"<text>": "<video1>", "<video1>": "videos/1.mp4"},
    }
    asked["0"] |= {"target_prompt": "A crown.", "source_prompt": "A woman."}
    (tmp_path / "test.json").write_text(json.dumps(asked))
    rows, skipped = collect("editverse_bench", tmp_path)
    assert [row.example.instruction for row in rows.values()] == [
        "Add a small golden crown.",
        "Remove the boat from the video now",
    ]
    assert [row.example.skill for row in rows.values()] == [Skill.ADDITION, Skill.REMOVAL]
    assert (rows["test/0"].example.caption, rows["test/0"].example.source_caption) == ("A crown.", "A woman.")
    assert skipped == {
        "test/2": "it speaks of <image1> beside its source",
        "test/3": "videos/no.mp4: no such file",
        "test/4": "no instruction",
    }
    stream = opened("editverse_bench", tmp_path).streams()["addition"]
    assert type(stream) is RequestStream
    assert stream.key(0) == "editverse_bench/test/0"
    assert stream[0].source.shape == (32, 3, HEIGHT, WIDTH)


def test_five_takes_prompts_masks_and_the_question_whose_answer_is_yes(tmp_path: Path) -> None:
    clip_frames(tmp_path / "images/0001_bus", "red", 3)
    for path in (tmp_path / "images/0001_bus").iterdir():
        gray(tmp_path / "bmasks/0001_bus" / path.name, (4, 8, 16, 24))
    clip_frames(tmp_path / "images/0002_cat", "red", 2)
    gray(tmp_path / "bmasks/0002_cat/00000.jpg", (4, 8, 16, 24))
    edit = {"video_name": "0001_bus", "source_prompt": "A [bus].", "target_prompt": "A [tram].", "save_dir": "x"}
    question = {"target_yes_no_question": "Is there a tram?", "source_yes_no_question": "Is there a bus?"}
    lists = {number: [edit] for number in range(1, 7)}
    lists[1] = [{**edit, **question}, {**edit, "video_name": "0002_cat"}, {**edit, "instruction": "Make it a tram"}]
    for number, edits in lists.items():
        path = tmp_path / f"edit_prompt/edit{number}_FiVE.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(edits))
    rows, skipped = collect("five_bench", tmp_path)
    first = rows["test/edit1/0"]
    assert first.example.instruction == "Edit the video so that it shows this: A tram."
    assert (first.example.caption, first.example.source_caption) == ("A tram.", "A bus.")
    assert first.example.checklist == ("Is there a tram?",)
    assert rows["test/edit1/2"].example.instruction == "Make it a tram"
    covered = decode(first.mask[0])
    assert covered[5:15, 9:23].all()
    assert covered.sum() == pytest.approx(12 * 16, abs=20)
    assert [rows[f"test/edit{number}/0"].example.skill for number in range(1, 7)] == [
        *[Skill.CHANGING] * 2,
        *[Skill.VISUAL_FEATURE] * 2,
        Skill.ADDITION,
        Skill.REMOVAL,
    ]
    assert list(skipped) == ["test/edit1/1"]
    assert "1 of 2 frames have no mask" in skipped["test/edit1/1"]
    sample = opened("five_bench", tmp_path).streams()["removal"][0]
    assert sample.target is None
    assert 0.2 < sample.mask.float().mean() < 0.3


def test_reasonvos_shows_the_frames_that_have_a_mask(tmp_path: Path) -> None:
    clip_frames(tmp_path / "JPEGImages/a1", "red", 4)  # 00000, 00005, 00010, 00015
    for frame in (5, 15):
        gray(tmp_path / f"Annotations/mose_a1_2/{frame:05d}.png", (0, 0, 12, 16), 1)
    gray(tmp_path / "Annotations/mose_a1_3/00099.png", (0, 0, 12, 16))
    asked = {
        "0": {"exp_text": "Who can fly?", "obj_id": "2"},
        "1": {"exp_text": "the one that flies", "obj_id": 2},
        "2": {"exp_text": "Who barks?", "obj_id": "3"},
        "3": {"exp_text": "Who sings?", "obj_id": "4"},
    }
    video = {"source": "mose", "frames": ["00000"], "is_sent": True, "expressions": asked}
    (tmp_path / "meta_expressions.json").write_text(json.dumps({"videos": {"a1": video, "a2": video}}))
    rows, skipped = collect("reasonvos", tmp_path)
    assert [row.example.phrase for row in rows.values()] == [
        "Who can fly?",
        "What fits this description: the one that flies?",
    ]
    row = rows["test/a1/0"]
    assert [media.path for media in row.source] == ["JPEGImages/a1/00005.jpg", "JPEGImages/a1/00015.jpg"]
    assert [decode(mask).sum() for mask in row.mask] == [12 * 16, 12 * 16]
    assert set(skipped) == {"test/a1/2", "test/a1/3", "test/a2"}
    assert "1 of 1 masks have no frame" in skipped["test/a1/2"]
    streams = opened("reasonvos", tmp_path).streams()
    assert {name: type(stream) for name, stream in streams.items()} == {"reasoning": ReasoningStream}
    assert "Who can fly?" in streams["reasoning"][0].example.instruction


def test_openve_bench_takes_the_kinds_that_are_skills(tmp_path: Path) -> None:
    clip(tmp_path / "OpenVE-Bench/videos/0054_a.mp4", "red")
    kinds = ["global_style", "background_change", "local_change", "local_remove", "local_add", "camera_edit"]
    with (tmp_path / "OpenVE-Bench/benchmark_videos.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["original_video", "prompt", "edited_type"])
        table.writerows(["OpenVE-Bench/videos/0054_a.mp4", f"Do {kind}", kind] for kind in kinds)
    bench = opened("openve_bench", tmp_path)
    assert set(bench.streams()) == {"stylization", "background", "changing", "removal", "addition"}
    assert bench.left_out.count == 1
    assert bench.streams()["addition"].key(0) == "openve_bench/test/OpenVE-Bench/benchmark_videos/4"


def test_ivebench_names_the_columns_that_are_there_instead(tmp_path: Path) -> None:
    (tmp_path / "ivebench_prompt_short.json").write_text(json.dumps([{"name": "a", "edit_prompt": "Add a hat"}]))
    with pytest.raises(LayoutError, match=r"no column 'video_name' for source; .*name"):
        collect("ivebench", tmp_path)


@pytest.mark.parametrize("name", ["editverse_bench", "five_bench", "reasonvos"])
def test_other_splits_and_missing_files_are_one_error(name: str, tmp_path: Path) -> None:
    layout = read_card(f"bench/{name}").layout
    assert layout is not None
    for split in ("train", "test"):
        with pytest.raises(LayoutError):
            list(layout.entries(tmp_path, split))


@pytest.mark.parametrize(
    ("name", "file", "entry"),
    [
        ("editverse_bench", "test.json", ("0", [3])),
        ("five_bench", "edit_prompt/edit1_FiVE.json", (1, 0, {"video_name": 3})),
        ("reasonvos", "meta_expressions.json", ("a", None)),
    ],
)
def test_damaged_entries_cost_one_example(name: str, file: str, entry: tuple, tmp_path: Path) -> None:
    layout = read_card(f"bench/{name}").layout
    assert layout is not None
    (row,) = layout.rows(tmp_path, "test", entry)
    assert isinstance(row, Skipped)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("3")
    with pytest.raises(LayoutError):
        list(layout.entries(tmp_path, "test"))


def test_list_of_requests_needs_no_targets_only_where_the_card_says_so(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", "red")
    layout = read_card("bench/veg").layout
    assert layout is not None
    cells = {"source": "a.png", "instruction": "Remove the dog"}
    assert layout.row("a", cells, tmp_path).example.skill == Skill.REMOVAL
    strict = layout.model_copy(update={"targets": True})
    assert strict.row("a", cells, tmp_path) == Skipped("a", "there is neither a target nor a mask")
    assert (layout.needs_targets, strict.needs_targets) == (False, True)
