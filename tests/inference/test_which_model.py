"""Nobody gets another model than he thinks: what is taken unasked reached its recipe's steps, and is told."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from support.fake import write_fake
from support.parts import tiny_module

from veggie_pl.cli import main
from veggie_pl.commands.recipes import read_recipe
from veggie_pl.commands.trained import trained_model
from veggie_pl.files import CONF, TRAINED
from veggie_pl.inference.which_model import find_model
from veggie_pl.model_folder import INDEX, load_model, record_at, save_model
from veggie_pl.training.record import TrainingRecord

ROOT = CONF.parent
FEW = ["--data.batch_size", "2", "--data.num_val", "1", "--data.num_workers", "0", "--trainer.precision", "32-true"]
SHORT = TrainingRecord("stage2", 3000, 4, 16, 12000, "2026-11-24 14:03 UTC")
WHOLE = TrainingRecord("stage2", 3000, 3000, 12000, 12000, "2026-11-24 15:03 UTC")


def place(folder: Path, record: TrainingRecord | None, age: float) -> Path:
    """What `find_model` looks at of a model folder."""
    folder.mkdir(parents=True)
    names = ("mllm", "vae", "scheduler", "guidance", "trained_with", "num_steps", "seed")
    index: dict[str, Any] = {"format": 1, **{name: {} for name in names}}
    (folder / INDEX).write_text(json.dumps({**index, "training": record and record.as_json()}))
    os.utime(folder / INDEX, (1e9 - age, 1e9 - age))
    return folder


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level("INFO", "veggie_pl")
    return caplog


def test_short_runs_are_passed_over_and_named(tmp_path: Path, told: pytest.LogCaptureFixture) -> None:
    runs, pattern = tmp_path / "stage2", str(tmp_path / "stage2/*/model")
    trial, old = place(runs / "c/model", SHORT, 1), place(runs / "b/model", None, 2)
    whole, older = place(runs / "a/model", WHOLE, 3), place(runs / "0/model", SHORT, 4)
    assert find_model([pattern]) == whole
    (line,) = told.messages
    assert f"{trial} (stage2, 4 of 3,000 steps, 16 of 12,000 samples, 2026-11-24 14:03 UTC)" in line
    assert f"{old} (no record of its steps)" in line
    assert "--model.folder takes any" in line
    assert str(older) not in line  # it would not have been taken anyway
    assert find_model([pattern], any_length=True) == trial


def test_next_pattern_follows_where_all_are_short(tmp_path: Path, told: pytest.LogCaptureFixture) -> None:
    place(tmp_path / "stage2/a/model", SHORT, 1)
    image = place(tmp_path / "stage1/a/model", WHOLE, 2)
    patterns = [str(tmp_path / stage / "*/model") for stage in ("stage2", "stage1")]
    assert find_model(patterns, naming="--init_from.folders") == image
    assert "--init_from.folders takes any" in told.text
    with pytest.raises(ValueError, match=r"no model folder \(not taken.*4 of 3,000.*takes any\).*python -m veggie_pl"):
        find_model(patterns[:1])


def test_named_folder_is_taken_whatever_its_length(tmp_path: Path, told: pytest.LogCaptureFixture) -> None:
    for number, record in enumerate((SHORT, None)):
        folder = place(tmp_path / f"[{number}]/model", record, 1)  # brackets are no wildcard where they are a name
        assert find_model([str(folder)]) == folder
    assert not told.messages


def test_folder_that_cannot_be_understood_is_not_taken_unasked(tmp_path: Path) -> None:
    for number, text in enumerate(("{", "[]", '{"format": 99}')):
        place(tmp_path / f"{number}/model", WHOLE, 0).joinpath(INDEX).write_text(text)
    whole = place(tmp_path / "whole/model", WHOLE, 9)
    assert find_model([str(tmp_path / "*/model")]) == whole


def test_folder_whose_replacement_was_stopped_is_found(tmp_path: Path) -> None:
    folder = place(tmp_path / "a/model", WHOLE, 0)
    for _ in range(2):
        folder.rename(folder.with_name(".model.old"))
        assert find_model([str(tmp_path / "*/model")]) == folder
        folder.rename(folder.with_name(".model.old"))
        assert find_model([str(folder)]) == folder


def test_record_goes_from_folder_to_folder(tmp_path: Path) -> None:
    module = tiny_module()
    module.record = SHORT
    save_model(module, tmp_path / "one")
    assert record_at(tmp_path / "one") == SHORT
    main(["export", "--from", str(tmp_path / "one"), "-o", str(tmp_path / "two"), "--half"])
    assert load_model(tmp_path / "two").record == SHORT
    save_model(tiny_module(), tmp_path / "unknown")
    assert record_at(tmp_path / "unknown") is None


def test_shipped_weights_have_their_record() -> None:
    made = {part: record_at(ROOT / "weights/nano" / part) for part in ("model", "stage1")}
    assert all(record is not None and record.is_whole for record in made.values())
    steps = json.loads((ROOT / "weights/nano/provenance.json").read_text())["steps"]
    for part, stage in (("model", "stage2"), ("stage1", "stage1")):
        record = made[part]
        assert record is not None
        assert record.steps == steps[stage]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody tried stage 1 for two steps."""
    home = tmp_path_factory.mktemp("home")
    (home / "weights").symlink_to(ROOT / "weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        main(["fit", "--config", str(CONF / "stage1.yaml"), *FEW, "--trainer.max_steps", "2"])
    return home


def test_trial_run_leaves_what_it_is(trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trial)
    run = Path("runs/stage1/version_0")
    record = record_at(run / "model")
    assert record is not None
    assert (record.recipe, record.recipe_steps, record.steps) == ("stage1", 12000, 2)
    assert (record.samples, record.recipe_samples) == (4, 24000)
    main(["export", "--checkpoint", str(run / "checkpoints/last.ckpt"), "-o", str(tmp_path / "again")])
    again = record_at(tmp_path / "again")
    assert again is not None
    assert {**again.as_json(), "date": ""} == {**record.as_json(), "date": ""}
    left = read_recipe(["--config", str(run / "config.yaml")], [], CONF)  # which holds max_steps: 2
    assert (left.name, left.steps) == ("stage1", 12000)


def test_trial_run_is_no_model_of_edit_nor_start_of_stage_2(
    trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(trial)
    source = str(write_fake(tmp_path / "in.mp4", 2, 64, 48, 12.0))
    edit = ["edit", source, "remove the red circle", "-o", str(tmp_path / "o.mp4"), "--steps", "1"]
    main(edit)
    assert "runs/stage1/version_0/model (stage1, 2 of 12,000 steps" in told.messages[0]
    assert told.messages[0].endswith("; --model takes any")
    assert f"model: weights/nano/model ({record_at(ROOT / 'weights/nano/model')})" in told.text
    assert "image model" not in told.text
    told.clear()
    main([*edit, "--model", "runs/stage1/version_0/model"])
    assert "model: runs/stage1/version_0/model (stage1, 2 of 12,000 steps" in told.text
    assert told.text.count("is an image model, without temporal layers: it paints each of the 2 frames") == 1
    told.clear()
    quick = ["--trainer.max_steps", "1", "--trainer.logger.init_args.save_dir", str(tmp_path)]
    main(["fit", "--config", str(CONF / "stage2.yaml"), *FEW, *quick, "--trainer.limit_val_batches", "0"])
    assert "runs/stage1/version_0/model (stage1, 2 of 12,000 steps" in told.text
    assert f"weights from weights/nano/stage1 ({record_at(ROOT / 'weights/nano/stage1')})" in told.text


def test_validate_says_what_it_looks_at(
    trial: Path, monkeypatch: pytest.MonkeyPatch, told: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(trial)
    few = [*FEW, "--trainer.logger", "false", "--trainer.limit_val_batches", "1", "--model.num_steps", "1"]
    last = "runs/stage1/version_0/checkpoints/last.ckpt"
    main(["validate", "--config", str(CONF / "stage1.yaml"), *few, "--ckpt_path", last])
    assert f"model: {last} (stage1, 2 of 12,000 steps, 4 of 24,000 samples" in told.text
    told.clear()
    main(["validate", "--config", str(CONF / "stage1.yaml"), *few])
    assert "model: as built from the config, not trained" in told.text


def test_checkpoint_that_does_not_fit_is_one_line(trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trial)
    last = "runs/stage1/version_0/checkpoints/last.ckpt"
    export = ["export", "-o", str(tmp_path / "out")]
    with pytest.raises(
        SystemExit, match=r"error: .*last\.ckpt does not fit the config: .*\d+ missing keys, such as [^\n]*$"
    ):
        main([*export, "--checkpoint", last, "--model.viddm.init_args.video", "true"])
    for command in ("fit", "validate"):
        resume = [command, "--config", str(CONF / "stage1.yaml"), *FEW, "--ckpt_path", last]
        resume += ["--trainer.logger.init_args.save_dir", str(tmp_path), "--model.viddm.init_args.video", "true"]
        with pytest.raises(SystemExit, match=r"error: .*last\.ckpt does not fit .*missing keys, such as [^\n]*$"):
            main(resume)
    for name, content in {
        "torn.ckpt": Path(last).read_bytes()[:-5000],
        "text.ckpt": b"text",
        "empty.ckpt": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SystemExit, match=rf"error: .*{name} cannot be read as a checkpoint: [^\n]*$"):
            main([*export, "--config", str(CONF / "stage1.yaml"), "--checkpoint", str(tmp_path / name)])
    assert not (tmp_path / "out").exists()


def test_any_model_is_taken_where_it_is_named(trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trial)
    assert find_model(TRAINED) == Path("weights/nano/model")
    module = trained_model("runs/stage1/version_0/model")
    assert module.record is not None
    assert module.record.steps == 2


def test_part_of_a_folder_that_lacks_weights_is_an_error(tmp_path: Path, model_folder: Path) -> None:
    for part in ("queries", "aligner", "viddm", "vae", "mllm"):
        broken = shutil.copytree(model_folder, tmp_path / part)
        (file,) = (broken / part).glob("*.safetensors")
        state = load_file(file)
        name = sorted(state)[0]
        save_file({**state, "gone": state[name].clone()}, file, metadata={"format": "pt"})
        with pytest.raises(ValueError, match=rf"{part} does not hold what its config\.json says: 1 unexpected keys"):
            load_model(broken)
        others = {key: value for key, value in state.items() if key != name} or {"gone": state[name]}
        save_file(others, file, metadata={"format": "pt"})
        with pytest.raises(ValueError, match=rf"{part} does not hold .*: 1 missing keys, such as "):
            load_model(broken)
        save_file({f"module.{key}": value for key, value in state.items()}, file, metadata={"format": "pt"})
        load_model(broken)
        shutil.rmtree(broken / part)
        with pytest.raises(ValueError, match=rf"{part}.*config\.json"):
            load_model(broken)
    shutil.rmtree((broken := shutil.copytree(model_folder, tmp_path / "b")) / "scheduler")
    with pytest.raises(ValueError, match=r"scheduler holds no scheduler"):
        load_model(broken)
