"""Each shipped config of synthesis lifts pictures: tiny folders of the real classes, a real server, real videos."""

import json
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from support.chat_server import Answer, ChatServer, said
from support.judges import saying
from support.lifting import write_stills
from support.numbered import Encoding, encode, read_numbers
from support.pipelines import HUNYUAN_TEMPLATE, pipeline_folder

from benchmarks.shape_stills import write_stills as write_shapes
from veggie_pl.batch import Example, Sample, Skill
from veggie_pl.commands.synthesize import synthesize_table
from veggie_pl.commands.synthesize_options import synthesize_options
from veggie_pl.data.streams import EditingStream
from veggie_pl.data.table import TableInfo, TableRecords, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.errors import UseError
from veggie_pl.files import CONF
from veggie_pl.synthesis.assess.presets import PRESETS
from veggie_pl.synthesis.on_ray import Resources, stages
from veggie_pl.synthesis.steps import KINDS
from veggie_pl.video.clip import to_frames
from veggie_pl.video.media import Media

PATHS = {path.stem: path for path in sorted((CONF / "synthesis").glob("*.yaml"))}
WORDS = ['{"caption": "A box.", ', '"edited_caption": "A red box.", ', '"motion": "It rolls."}']
SHORT = {"max_sequence_length": 16}  # of the tiny models' tokenizers
# Of each config that needs a folder: what animates, and what its own pipeline wants to be told.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "cogvideox": ("CogVideoXImageToVideoPipeline", {**SHORT, "use_dynamic_cfg": True}),
    "hunyuan": ("HunyuanVideoImageToVideoPipeline", {**SHORT, "prompt_template": HUNYUAN_TEMPLATE}),
    "ltx": ("LTXConditionPipeline", SHORT),
    "svd": ("StableVideoDiffusionPipeline", {"motion_bucket_id": 127, "noise_aug_strength": 0.02}),
    "wan_vace": ("WanImageToVideoPipeline", SHORT),
}
# Which have a test of their own; that of AnyV2V is in propagate/test_anyv2v.py.
OTHERS = {"anyv2v", "embedded", "endpoint", "ray", "real_target", "shapes"}
Folders = Callable[[str], str]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """By class of a pipeline, or "mllm": a tiny folder, made when it is first asked for."""

    @cache
    def made(name: str) -> str:
        place = tmp_path_factory.mktemp(name)
        return saying(place, "qwen3_vl", WORDS) if name == "mllm" else pipeline_folder(place, name)

    return made


def settings(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def flags(**values: object) -> list[str]:
    """Settings of a step as a command line has them: ``animate__steps`` is ``--animate.init_args.steps``."""
    names = {name: name.replace("__", ".init_args.", 1) for name in values}
    return [
        part
        for name, value in values.items()
        for part in (f"--{names[name]}", value if isinstance(value, str) else json.dumps(value))
    ]


def lift(name: str, folder: Path, *args: str, table: str | Path | None = None) -> list[Sample]:
    """Run a config and read what it makes."""
    given = {"table": str(table or folder / "data/train"), "output": str(folder / name), "store": str(folder / "store")}
    synthesize_table(["--config", str(PATHS[name]), *flags(**given), *args])
    return read(folder / name)


def read(folder: Path) -> list[Sample]:
    columns = TableRecords(str(next(folder.glob("*/rows-00000.arrow")).parent)).table.columns(0)
    shape = (columns["height"], columns["width"])
    stream = EditingStream(TableRecords(str(next(folder.glob("*/rows-00000.arrow")).parent), columns["frames"], shape))
    return [stream[number] for number in range(len(stream))]


def told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "provenance.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", PATHS)
def test_config_is_read_and_says_how_to_run_it(name: str) -> None:
    assert name in MODELS or name in OTHERS, "it has to be run below"
    parser = synthesize_options({str(step): kind for step, kind in KINDS.items()}, Resources)
    before = [] if "table" in settings(PATHS[name]) else ["--config", str(PATHS["wan_vace"])]  # ray's is no whole one
    config = parser.parse_args([*before, "--config", str(PATHS[name])])
    planned = stages({step: Resources(**vars(held)) for step, held in config.resources.items()})
    assert len(planned) == (4 if name == "ray" else 1)
    text = PATHS[name].read_text()
    assert f"--config conf/synthesis/{name}.yaml" in text
    for word in ("# Needs", "# Cost", "# Run      python -m veggie_pl synthesize"):
        assert word in text


@pytest.mark.parametrize("name", MODELS)
def test_models_lift_pictures(name: str, tmp_path: Path, folders: Folders) -> None:
    config, (animates, options) = settings(PATHS[name]), MODELS[name]
    write_stills(tmp_path / "data", 2)
    tiny = {"steps": 1, "dtype": "float32", "device": "cpu", "offload": "none"}
    changed = {f"animate__{key}": value for key, value in {**tiny, "num_frames": 3, "options": options}.items()}
    changed["animate__folder"] = folders(animates)
    if config["animate"]["init_args"].get("size"):
        changed |= {"animate__size": [32, 32], "size": [32, 32]}
    if "VacePropagator" in config["propagate"]["class_path"]:
        changed |= {f"propagate__{key}": value for key, value in tiny.items()}
        changed["propagate__folder"] = folders("WanVACEPipeline")
    if "LocalDescriber" in config["describe"]["class_path"]:
        changed |= {"describe__folder": folders("mllm"), "describe__side": 32, "describe__max_tokens": 8}
        changed |= {"describe__device": "cpu", "describe__dtype": "float32"}
    rules = {measure: {} for measure in PRESETS["models"]}  # measured, but random models pass no bound
    samples = lift(name, tmp_path, *flags(**changed, assess__rules=rules))
    assert {sample.source.shape for sample in samples} == {(3, 3, 32, 32)}
    assert [sample.example.skill for sample in samples] == [
        Skill.REMOVAL,
        Skill.ADDITION,
        Skill.ADDITION,
        Skill.REMOVAL,
    ]
    facts = told(tmp_path / name)
    assert all({*PRESETS["models"]} == one["values"].keys() for one in facts)
    said_of = {one["description"]["edited_caption"] for one in facts}
    assert said_of == ({"A red box."} if "describe__folder" in changed else {"after"})


def test_endpoint_describes_and_judges(tmp_path: Path, folders: Folders) -> None:
    write_stills(tmp_path / "data", 3)

    def answer(request: dict[str, Any], number: int) -> Answer:
        asked = request["messages"][-1]["content"][-1]["text"]
        if "edited_caption" in asked:
            return said("".join(WORDS))
        follow = 9 if "addition" in json.dumps(request["messages"]) else 2
        return said(json.dumps({"follow": follow, "preserve": 9, "quality": 9}))

    with ChatServer(answer) as server:
        own = {"animate__folder": folders("LTXConditionPipeline"), "animate__options": SHORT, "animate__steps": 1}
        own |= {"animate__num_frames": 3, "animate__dtype": "float32", "animate__device": "cpu"}
        judge = {"assess__experts.judge.init_args.base_url": server.url, "describe__base_url": server.url}
        samples = lift("endpoint", tmp_path, *flags(**own, **judge))
    assert [sample.example.skill for sample in samples] == [Skill.ADDITION, Skill.REMOVAL]  # one pair, both ways
    one = told(tmp_path / "endpoint")[0]
    assert one["description"]["motion"] == "It rolls."
    assert one["values"]["judge_first"] == one["values"]["judge_overall"] == 9.0
    assert "kept" in one["values"]
    left = [json.loads(line) for line in (tmp_path / "endpoint/left_out.jsonl").read_text().splitlines()]
    assert [one["rules"] for one in left] == [["judge_first", "judge_overall"]] * 2


def test_world_moves_its_own_stills(tmp_path: Path) -> None:
    table = write_shapes(tmp_path / "stills", 8)
    samples = lift("shapes", tmp_path, table=table)
    assert len(samples) >= 8
    assert {sample.source.shape for sample in samples} == {(8, 3, 32, 32)}
    moving = [bool((sample.source[0] - sample.source[-1]).abs().max() > 0.2) for sample in samples]
    assert sum(moving) >= len(samples) // 2


def test_embedded_route_lifts_pictures_of_any_size(tmp_path: Path) -> None:
    write_stills(tmp_path / "data", 7, side=80)
    own = {"size": None, "assess__rules": {"edit_left": {"least": 0.41}}}
    samples = lift("embedded", tmp_path, *flags(**own))
    assert len(samples) >= 6
    assert {sample.source.shape for sample in samples} == {(8, 3, 80, 80)}
    assert not any(sample.example.key.split("/")[4] in "05" for sample in samples)  # their pictures are the same
    assert all(bool(sample.mask[-1].any()) for sample in samples)  # the edit is there to the end
    left = (tmp_path / "embedded/left_out.jsonl").read_text()
    assert left.count("edit_seen") == 2
    facts = json.loads((tmp_path / "embedded/provenance.json").read_text())
    assert facts["steps"]["assess"]["init_args"]["rules"]["edit_left"]["least"] == 0.41
    assert "first_frame" in (tmp_path / "embedded/report.html").read_text()
    with pytest.raises(UseError, match="no pair is kept"):
        lift("embedded", tmp_path, *flags(size=None, assess__rules={"kept": {"least": 1000}}))


def test_real_video_becomes_the_target_of_the_edit(tmp_path: Path) -> None:
    table = write_stills(tmp_path / "data", 2, side=64)
    encode(tmp_path / "data/real", Encoding("libx264", num_frames=12))
    encode(tmp_path / "data/short", Encoding("libx264", num_frames=3))
    rows = [
        Row(Example(name, Skill.ADDITION, "add blocks"), (Media("0_source.png"),), (Media(f"{name}.mp4"),))
        for name in ("real", "short")
    ]
    write_table(table, rows, TableInfo(card="stills", root=str(tmp_path / "data")))
    own = {"animate__num_frames": 4, "animate__stride": 2, "assess__preset": "none"}
    samples = lift("real_target", tmp_path, *flags(**own, lossless=True, max_failed=0.5))
    assert len(samples) == 1
    target = samples[0].target
    assert target is not None
    assert read_numbers(to_frames(target)) == [0, 2, 4, 6]
    left = (tmp_path / "real_target/left_out.jsonl").read_text()
    assert "its video has 3 frames, 7 are needed" in left


@pytest.mark.slow
def test_ray_makes_the_same_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray is an extra: pip install 'veggie_pl[ray]'")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))  # of the actors
    write_stills(tmp_path / "data", 10)
    (tmp_path / "data/8_source.png").write_bytes(b"no picture")
    lift("embedded", tmp_path, "--size", "null")
    own = flags(size=None, store=str(tmp_path / "other"), table=str(tmp_path / "data/train"))
    args = ["--config", str(PATHS["embedded"]), "--config", str(PATHS["ray"]), *own]
    try:
        if not torch.cuda.is_available():
            with pytest.raises(UseError, match=r"actors are to hold 14 GPUs \(2 for describe, 8 for animate"):
                synthesize_table([*args, "--output", str(tmp_path / "none")])
        args += flags(resources={}, workers=1)
        synthesize_table([*args, "--output", str(tmp_path / "on/embedded")])
    finally:
        ray.shutdown()
    for name in ("train-00000.tar", "provenance.jsonl", "train.json", "left_out.jsonl"):
        assert (tmp_path / "on/embedded" / name).read_bytes() == (tmp_path / "embedded" / name).read_bytes()
    synthesize_table([*args, "--output", str(tmp_path / "less"), "--limit", "8"])
    assert not ray.is_initialized()  # what is known needs no cluster
