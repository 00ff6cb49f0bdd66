"""Each shipped config of synthesis is read, and what needs no model lifts pairs that training reads."""

import json
from pathlib import Path

import pytest
from support.lifting import write_stills
from support.numbered import Encoding, encode, read_numbers

from veggie_pl.batch import Example, Skill
from veggie_pl.commands.options import synthesize_options
from veggie_pl.commands.synthesize import synthesize_table
from veggie_pl.data.streams import EditingStream
from veggie_pl.data.table import TableInfo, TableRecords, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.errors import UseError
from veggie_pl.files import CONF
from veggie_pl.synthesis.on_ray import Resources, stages
from veggie_pl.synthesis.steps import KINDS
from veggie_pl.video.clip import to_frames
from veggie_pl.video.media import Media

EMBEDDED = str(CONF / "synthesis/embedded.yaml")


@pytest.mark.parametrize("path", sorted((CONF / "synthesis").glob("*.yaml")), ids=lambda path: path.stem)
def test_config_is_read_and_says_how_to_run_it(path: Path) -> None:
    parser = synthesize_options({str(step): kind for step, kind in KINDS.items()}, Resources)
    config = parser.parse_args(["--config", str(path)])
    stages(config.resources)
    text = path.read_text()
    assert f"synthesize --config conf/synthesis/{path.name}" in text
    for word in ("# Needs", "# Cost", "# Run"):
        assert word in text


def arguments(folder: Path) -> list[str]:
    where = {"table": folder / "data/train", "output": folder / "lifted", "store": folder / "store"}
    return ["--config", EMBEDDED, *(part for name, place in where.items() for part in (f"--{name}", str(place)))]


def test_embedded_route_lifts_pictures_of_any_size(tmp_path: Path) -> None:
    write_stills(tmp_path / "data", 10, side=96)
    args = [*arguments(tmp_path), "--size", "null"]
    synthesize_table(args)
    stream = EditingStream(TableRecords(str(tmp_path / "lifted/train"), 8, 96))
    assert len(stream) >= 8
    samples = [stream[number] for number in range(len(stream))]
    assert {sample.source.shape for sample in samples} == {(8, 3, 96, 96)}
    edited = [sample for sample in samples if not {"0", "5"} & set(sample.example.key.split("/"))]
    assert len(edited) >= 8
    assert all(bool(sample.mask[-1].any()) for sample in edited)  # the edit is there to the end
    assert "first_frame" in (tmp_path / "lifted/report.html").read_text()
    with pytest.raises(UseError, match="no pair is kept"):
        synthesize_table([*args, "--assess.init_args.rules", '{"kept": {"least": 1000}}'])
    rules = '{"edit_left": {"least": 0.41}}'
    synthesize_table([*args, "--assess.init_args.rules", rules])  # in place of the older one
    facts = json.loads((tmp_path / "lifted/provenance.json").read_text())
    assert facts["steps"]["assess"]["init_args"]["rules"]["edit_left"]["least"] == 0.41


def test_real_video_becomes_the_target_of_the_edit(tmp_path: Path) -> None:
    table = write_stills(tmp_path / "data", 2, side=64)
    encode(tmp_path / "data/real", Encoding("libx264", num_frames=12))
    encode(tmp_path / "data/short", Encoding("libx264", num_frames=3))
    rows = [
        Row(Example(name, Skill.ADDITION, "add blocks"), (Media("0_source.png"),), (Media(f"{name}.mp4"),))
        for name in ("real", "short")
    ]
    write_table(table, rows, TableInfo(card="stills", root=str(tmp_path / "data")))
    recorded = "veggie_pl.synthesis.animate.RecordedVideo"
    steps = ["--animate", recorded, "--animate.num_frames", "4", "--animate.stride", "2", "--moved", "target"]
    steps += ["--propagate", "support.lifting.Stay", "--assess.init_args.preset", "none", "--lossless", "true"]
    synthesize_table([*arguments(tmp_path), *steps, "--size", "null", "--max_failed", "0.5"])
    stream = EditingStream(TableRecords(str(tmp_path / "lifted/train"), 4, 64))
    assert len(stream) == 1
    target = stream[0].target
    assert target is not None
    assert read_numbers(to_frames(target)) == [0, 2, 4, 6]
    left = (tmp_path / "lifted/left_out.jsonl").read_text()
    assert "its video has 3 frames, 7 are needed" in left
