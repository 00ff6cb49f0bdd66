"""Bench cards: what they say, and what is read by them."""

import json
import re
from pathlib import Path

import pytest
import torch
from support.benches import BOX, FRAMES, SIZE, prepare_bench, veg_row, write_rows, write_veg
from support.layouts.own import card

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import ListedBenchmark
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.streams import EditingStream, GroundingStream, ReasoningStream, RequestStream
from veggie_pl.data.table.quarantine import Fault, write_quarantine
from veggie_pl.errors import UseError
from veggie_pl.prepare.bench import BenchCard, CardBenchmark, fingerprint, open_bench, read_bench
from veggie_pl.prepare.bench_block import Bench
from veggie_pl.prepare.card import CARDS, CardError, read_card

BENCHES = sorted((CARDS / "bench").glob("*.md"))
LIST = {"kind": "list", "files": "*.jsonl", "targets": False}
BLOCK = {"frames": FRAMES, "size": list(SIZE), "status": "unconfirmed"}
EDITS = [skill for skill in Skill if not skill.is_painted]


@pytest.fixture(scope="module")
def veg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of prepared tables, beside the bench in miniature."""
    folder = tmp_path_factory.mktemp("veg")
    write_veg(folder / "veg")
    prepare_bench("bench/veg", folder / "veg", folder / "prepared")
    return folder / "prepared"


def own(folder: Path, rows: list[dict[str, object]], **fields: object) -> Path:
    """A bench of one's own with these rows, prepared."""
    write_veg(folder, each=1)
    for path in folder.glob("*.jsonl"):
        path.unlink()
    write_rows(folder / "manifest.jsonl", rows)
    path = card(folder, LIST, task="all", media="clips", splits={"test": None}, bench={**BLOCK, **fields})
    prepare_bench(str(path), folder, folder / "prepared")
    return path


@pytest.mark.parametrize("path", BENCHES, ids=lambda path: path.stem)
def test_card_is_a_bench_and_has_the_sections_of_the_template(path: Path) -> None:
    found = read_bench(path)
    assert isinstance(found, BenchCard)
    sections = re.findall(r"^## (.*)", (CARDS / "bench/TEMPLATE.md").read_text(), re.M)
    assert re.findall(r"^## (.*)", path.read_text(), re.M) == sections
    if path.stem != "TEMPLATE":
        assert found.name == path.stem
        assert read_bench(path.stem) == read_bench(f"bench/{path.stem}") == found
        assert (found.bench.status == "confirmed") == bool(found.bench.sources) or "Unconfirmed" in path.read_text()


def test_template_names_every_field_of_the_block() -> None:
    head = (CARDS / "bench/TEMPLATE.md").read_text().split("---\n")[1].split("\nbench:")[1]
    assert re.findall(r"^  (\w+):", head, re.M) == list(Bench.model_fields)


@pytest.mark.parametrize("name", ["mevis", "revos"])
def test_bench_reads_the_table_of_its_data_set(name: str) -> None:
    """Else ``prepare`` of the one would replace the table of the other."""
    data, bench = read_card(name).model_dump(), read_card(f"bench/{name}").model_dump()
    assert {**data, "bench": None} == {**bench, "bench": None}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"frames": 0}, "bench.frames: Input should be greater than or equal to 1"),
        ({"size": [8]}, "bench.size"),
        ({"size": [0, 8]}, "bench.size.0"),
        ({"skills": ["adding"]}, "bench.skills.0: Input should be 'addition'"),
        ({"status": "sure"}, "bench.status"),
        ({"status": "confirmed"}, "a confirmed layout names the sources"),
        ({"split": "val"}, "bench.split is val, but the splits are test"),
        ({"fps": 0}, "bench.fps"),
        ({"naming": "name"}, "bench.naming"),
        ({"frame": 3}, "bench.frame"),
    ],
)
def test_wrong_block_is_one_clear_error(fields: dict[str, object], message: str, tmp_path: Path) -> None:
    path = card(tmp_path, LIST, task="all", splits={"test": None}, bench={**BLOCK, **fields})
    with pytest.raises(CardError, match=re.escape(message)):
        read_bench(path)


def test_card_without_a_block_is_no_bench() -> None:
    with pytest.raises(CardError, match="mevis is no bench: its card has no bench: block"):
        read_bench(CARDS / "mevis.md")
    with pytest.raises(CardError, match=r"no card 'bench/veggy', .* did you mean bench/veg"):
        read_bench("veggy")


def test_requests_without_targets_are_read_with_all_that_measures_ask_for(veg: Path) -> None:
    streams = open_bench("veg", veg).streams()
    assert list(streams) == list(Skill)
    for skill in EDITS:
        assert type(streams[skill]) is RequestStream
        assert [streams[skill].key(index) for index in range(2)] == [f"veg/test/{skill}/{index}" for index in range(2)]
        sample = streams[skill][0]
        assert sample.target is None
        assert sample.source.shape == (8, 3, 256, 256)
        example = sample.example
        assert (example.phrase, example.caption, example.source_caption) == ("swan", "A swan in a hat.", "A swan.")
        assert example.checklist == ("Is there a hat?",)
    for skill, kind in ((Skill.GROUNDING, GroundingStream), (Skill.REASONING, ReasoningStream)):
        assert type(streams[skill]) is kind
        sample = streams[skill][0]
        assert sample.target is not None
        assert sample.mask.float().mean().item() == pytest.approx(12 * 14 / (24 * 32), abs=0.02)


def test_edits_that_all_have_targets_are_scored_against_them(tmp_path: Path) -> None:
    rows = [{**veg_row(Skill.REMOVAL, number), "target": "videos/edited.mp4"} for number in range(2)]
    rows += [veg_row(Skill.ADDITION, 0), {**veg_row(Skill.ADDITION, 1), "target": "videos/edited.mp4"}]
    streams = open_bench(own(tmp_path, rows), tmp_path / "prepared").streams()
    assert {name: type(stream) for name, stream in streams.items()} == {
        "addition": RequestStream,
        "removal": EditingStream,
    }
    assert streams["removal"][1].target is not None


def test_bench_that_is_not_prepared_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"`python -m veggie_pl prepare bench/veg --root FOLDER -o .*none` makes it"):
        open_bench("veg", tmp_path / "none")


def test_empty_rows_are_named_and_bad_ones_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    empty = {"key": "goose", "source": "videos/swan.mp4", "instruction": "", "skill": ""}
    path = own(tmp_path, [empty, *(veg_row(Skill.REMOVAL, number) for number in range(3))])
    table = tmp_path / "prepared/mine/test"
    write_quarantine(table, [Fault(1, "mine/test/removal/1", "cut off")], 3)
    bench = open_bench(path, tmp_path / "prepared")
    assert [bench.streams()["removal"].key(index) for index in range(2)] == [
        "mine/test/removal/0",
        "mine/test/removal/2",
    ]
    assert bench.left_out.count == 2
    assert "leaves out 2: fill in the instruction of mine/test/goose" in caplog.text
    assert "1 found bad by check, such as mine/test/removal/1" in caplog.text


def test_bench_of_empty_rows_alone_is_an_error_that_names_them(tmp_path: Path) -> None:
    path = own(tmp_path, [{"key": "goose", "source": "videos/swan.mp4", "instruction": ""}])
    with pytest.raises(UseError, match=r"holds nothing that .* scores; left out: fill in the instruction of .*goose"):
        open_bench(path, tmp_path / "prepared")


def test_skills_and_number_are_those_of_the_card(tmp_path: Path) -> None:
    rows = [veg_row(skill, number) for skill in (Skill.REMOVAL, Skill.STYLIZATION) for number in range(3)]
    path = own(tmp_path, rows, skills=["removal"], per_skill=2)
    bench = open_bench(path, tmp_path / "prepared")
    assert {name: len(stream) for name, stream in bench.streams().items()} == {"removal": 2}
    assert len(open_bench(path, tmp_path / "prepared", per_skill=3).streams()["removal"]) == 3


def test_changed_block_needs_no_new_table(tmp_path: Path) -> None:
    path = own(tmp_path, [veg_row(Skill.REMOVAL, 0)])
    before = (tmp_path / "prepared/mine/test/table.json").stat().st_mtime_ns
    path.write_text(path.read_text().replace(json.dumps(BLOCK), json.dumps({**BLOCK, "frames": 2})))
    prepare_bench(str(path), tmp_path, tmp_path / "prepared")
    assert (tmp_path / "prepared/mine/test/table.json").stat().st_mtime_ns == before
    assert open_bench(path, tmp_path / "prepared").streams()["removal"][0].source.shape[0] == 2


def test_shapes_need_no_table_and_are_those_of_test(tmp_path: Path) -> None:
    streams = CardBenchmark("shapes", str(tmp_path)).streams()
    assert {name: len(stream) for name, stream in streams.items()} == {str(skill): 200 for skill in Skill}
    sample = ShapesRecords("test", skills={"removal": 1.0})[7]
    assert torch.equal(streams["removal"][7].source, sample.source)
    assert streams["removal"].key(7) == sample.example.key


def test_fingerprint_changes_with_the_example_alone(veg: Path) -> None:
    streams, others = open_bench("veg", veg).streams(), open_bench("veg", veg).streams()
    names = [fingerprint(stream, index) for stream in streams.values() for index in range(2)]
    assert len(set(names)) == len(names)
    assert names == [fingerprint(stream, index) for stream in others.values() for index in range(2)]
    request = streams["removal"]
    assert fingerprint(EditingStream(request.records), 0) != fingerprint(request, 0)


def test_fingerprint_of_shapes_is_of_settings_and_number() -> None:
    one, two, wide = (
        EditingStream(ShapesRecords("test", seed, {"removal": 1.0}, size=size))
        for seed, size in ((0, 32), (1, 32), (0, 64))
    )
    names = {fingerprint(stream, index) for stream in (one, two, wide) for index in range(3)}
    assert len(names) == 9
    assert fingerprint(EditingStream(ShapesRecords("test", 0, {"removal": 1.0})), 0) == fingerprint(one, 0)


def test_fingerprint_of_records_that_cannot_tell_is_of_their_pixels() -> None:
    class Plain:
        def __init__(self, seed: int) -> None:
            self.records = ShapesRecords("test", seed, {"removal": 1.0})

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int):
            return self.records[index]

    bench = ListedBenchmark({"removal": EditingStream(Plain(0))})
    stream = bench.streams()["removal"]
    assert fingerprint(stream, 0) == fingerprint(EditingStream(Plain(0)), 0)
    assert len({fingerprint(stream, 0), fingerprint(stream, 1), fingerprint(EditingStream(Plain(1)), 0)}) == 3


def test_box_of_the_miniature_is_the_mask(tmp_path: Path) -> None:
    path = own(tmp_path, [veg_row(Skill.GROUNDING, 0)])
    top, left, bottom, right = BOX
    mask = open_bench(path, tmp_path / "prepared").streams()["grounding"][0].mask
    assert mask[:, top:bottom, left:right].all()
    assert mask.sum() == FRAMES * (bottom - top) * (right - left)
