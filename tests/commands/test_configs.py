"""Every shipped config: it parses, it runs, and what it resolves to is reviewed line by line."""

import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint
from support.checkpoints import SD_UNET, sd_unet, sd_vae

from benchmarks.ablations import configs, plan
from veggie_pl.callbacks import Freeze, InitFrom, WholeSteps
from veggie_pl.cli import main
from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.diffusion.correction import INSV2V
from veggie_pl.errors import UseError
from veggie_pl.files import CONF, TRAINING
from veggie_pl.model_folder import load_model
from veggie_pl.training.checkpoint_io import WholeFiles

ROOT = CONF.parent
GOLDEN = Path(__file__).parent.parent / "golden"
STAGES = {
    "stage1": ["--config", "conf/stage1.yaml"],
    "stage2": ["--config", "conf/stage2.yaml", "--init_from.folders", "null"],
}


def paper(stage: int) -> list[str]:
    """The documented command, as far as there is no data of that size."""
    files = [f"conf/stage{stage}.yaml", "conf/backbone/paper.yaml", *["conf/backbone/paper_stage2.yaml"][: stage - 1]]
    return [arg for file in files for arg in ("--config", file)]


@pytest.fixture(autouse=True)
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def build(args: list[str]) -> VeggieCLI:
    return VeggieCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING})


@pytest.mark.parametrize("stage", STAGES)
def test_resolved_config_is_the_reviewed_one(stage: str, request: pytest.FixtureRequest) -> None:
    cli = VeggieCLI(
        STAGES[stage], run=False, parser_kwargs={"default_config_files": TRAINING}, trainer_defaults={"logger": False}
    )
    resolved = yaml.safe_load(cli.parser.dump(cli.config, skip_none=True))
    resolved = {key: resolved[key] for key in ("model", "data", "freeze", "init_from") if key in resolved}
    text = yaml.safe_dump(resolved, sort_keys=True, width=120)
    path = GOLDEN / f"{stage}.yaml"
    if request.config.getoption("--rewrite-golden"):
        path.write_text(text)
    assert text == path.read_text(), "changed; `make golden` rewrites it, and its diff is to be reviewed"


def test_one_setting_of_a_part_is_changed_from_the_command_line() -> None:
    changed = build([*STAGES["stage1"], "--model.scheduler.init_args.prediction_type", "epsilon"])
    scheduler, shipped = changed.model.objective.scheduler, build(STAGES["stage1"]).model.objective.scheduler
    assert scheduler.config.prediction_type == "epsilon" != shipped.config.prediction_type
    assert type(scheduler) is type(shipped)
    assert scheduler.config.beta_end == shipped.config.beta_end


@pytest.mark.parametrize("stage", [1, 2])
def test_paper_size_names_the_first_checkpoint_that_is_missing(stage: int) -> None:
    with pytest.raises(ValueError, match=r"no MLLM at 'checkpoints/llava.*`hf download llava-hf/.*\(16 GB\)"):
        build(paper(stage))


@pytest.mark.slow
def test_paper_size_trains_both_stages_on_small_checkpoints(tmp_path: Path) -> None:
    """The paper's configs with everything narrow: LLaVA-OneVision, a Stable Diffusion pipeline, epsilon."""
    sd_unet().save_pretrained(tmp_path / "sd/unet")
    sd_vae().save_pretrained(tmp_path / "sd/vae")
    narrow = ["--model.mllm.init_args.folder", "weights/nano/mllm", "--model.queries.init_args.width", "192"]
    narrow += ["--model.aligner.init_args.width_in", "192", "--model.aligner.init_args.width_out", "24"]
    narrow += ["--model.viddm.init_args.unet_config", json.dumps(SD_UNET)]
    narrow += ["--model.viddm.init_args.temporal_config", json.dumps({"motion_num_attention_heads": 2})]
    narrow += ["--model.viddm.init_args.weights", str(tmp_path / "sd")]
    narrow += ["--model.vae.init_args.folder", str(tmp_path / "sd"), "--model.num_steps", "2"]
    narrow += ["--data.batch_size", "2", "--data.num_workers", "0", "--data.num_val", "1"]
    narrow += [
        "--trainer.max_steps",
        "2",
        "--trainer.val_check_interval",
        "2",
        "--trainer.enable_progress_bar",
        "false",
    ]
    before: list[str] = []
    for stage in (1, 2):
        place = tmp_path / f"stage{stage}"
        args = ["--trainer.logger.init_args.save_dir", str(tmp_path), "--trainer.logger.init_args.version", "paper"]
        main(["fit", *paper(stage), *narrow, *args, "--trainer.default_root_dir", str(place), *before])
        before = ["--init_from.folders", f"[{place}/paper/model]"]
    module = load_model(tmp_path / "stage2/paper/model")
    assert module.viddm.is_video
    assert type(module.vae).__name__ == "KlCodec"
    one = load_model(tmp_path / "stage1/paper/model").state_dict()
    two = module.state_dict()
    moved = (two["viddm.unet.conv_in.weight"] - one["viddm.unet.conv_in.weight"]).abs().max()
    assert 0 < moved < 1e-3  # stage 2 went on from stage 1, not from the checkpoint


@pytest.mark.parametrize("stage", STAGES)
def test_stage_says_what_is_frozen(stage: str) -> None:
    cli = build(STAGES[stage])
    freeze = next(c for c in cli.trainer.callbacks if isinstance(c, Freeze))
    frozen = freeze.frozen
    assert "vae" in frozen
    assert ("mllm" in frozen) == (stage == "stage1")
    freeze.setup(cli.trainer, cli.model, "fit")
    learns = {name for name, part in cli.model.named_children() if any(p.requires_grad for p in part.parameters())}
    assert learns == {"queries", "aligner", "viddm"} | ({"mllm"} if stage == "stage2" else set())


def test_stage_two_is_a_video_model_from_stage_one() -> None:
    config = yaml.safe_load((CONF / "stage2.yaml").read_text())
    assert "runs/stage1/*/model" in config["init_from"]["folders"]
    cli = build(STAGES["stage2"])
    assert cli.model.viddm.is_video
    assert any(isinstance(c, InitFrom) for c in cli.trainer.callbacks)


def test_a_clip_starts_from_nothing_but_noise() -> None:
    """Over eight frames even 7 % of the answer, what is left at the last timestep of the usual betas, gives it away."""
    assert build(STAGES["stage2"]).model.objective.scheduler.alphas_cumprod[-1] == 0


def test_runs_keep_a_checkpoint_to_resume_from() -> None:
    trainer = build(STAGES["stage1"]).trainer
    checkpoint = next(c for c in trainer.callbacks if isinstance(c, ModelCheckpoint))
    assert checkpoint.save_last
    assert isinstance(trainer.strategy.checkpoint_io, WholeFiles)
    assert any(isinstance(c, WholeSteps) for c in trainer.callbacks)
    assert checkpoint._every_n_train_steps <= 500


MLLMS = {"words": "DiscreteMllm", "blind": "BlindMllm", "seen_blind": "BlindMllm"}
STREAMS = {"editing", "grounding", "reasoning"}


def check_ablation(path: Path, cli: VeggieCLI) -> None:
    """The run is the variant that its folder names."""
    model, variant, config = cli.model, path.parent.name, cli.config.fit
    assert type(model.mllm).__name__ == MLLMS.get(variant, "Mllm")
    assert model.queries.per_clip == (variant == "one_group")
    assert model.viddm.is_video == (path.stem == "stage2")
    streams = set(cli.datamodule.mixture.streams)
    seen = STREAMS | {"seen_editing", "seen_grounding"}
    left = {"no_editing": {"grounding", "reasoning"}, "no_grounding": {"editing"}, "seen": seen, "seen_blind": seen}
    assert streams == left.get(variant, STREAMS)
    records = [weighted.stream.records for weighted in cli.datamodule.mixture.streams.values()]
    assert all(one.grammar is not None for one in records)  # all hear the same wordings
    assert config.model.optimizer.class_path == "veggie_pl.training.muon.Muon"
    assert ("mllm" in config.freeze.frozen) == (path.stem == "stage1" or variant in ("frozen_mllm", "lora"))
    assert model.mllm.has_adapters == (variant == "lora" and path.stem == "stage2")
    written = [yaml.safe_load(one.read_text()) for one in (CONF / f"{path.stem}.yaml", path)]
    batch_size = [one["data"]["batch_size"] for one in written if "batch_size" in one.get("data", {})][-1]
    assert batch_size * (8 if model.viddm.is_video else 1) == 32  # frames a step


def ablation(path: Path) -> list[str]:
    files = configs(path.parent.name, path.stem)
    return [arg for file in files for arg in ("--config", str(file.relative_to(ROOT)))]


def baseline(path: Path) -> list[str]:
    files = (f"conf/{path.stem}.yaml", str(path.relative_to(ROOT)))
    return [arg for file in files for arg in ("--config", file)]


def check_baseline(path: Path, cli: VeggieCLI) -> None:
    """The run is the method that its folder names, on the frames of the stage."""
    model, method = cli.model, path.parent.name
    assert type(model.mllm).__name__ == {"insv2v": "BlindMllm", "lgvi": "Mllm"}[method]
    assert model.viddm.is_video == (path.stem == "stage2")
    assert model.viddm.in_blocks == (path.stem == "stage2" and method == "lgvi")
    skills = {skill for stream in cli.datamodule.mixture.streams.values() for skill in stream.stream.records.skills}
    assert (len(skills) == 1) == (method == "lgvi")
    assert (model.guidance["removal"] == INSV2V) == (method == "insv2v")
    stage, own = (yaml.safe_load(one.read_text()) for one in (CONF / f"{path.stem}.yaml", path))
    assert not {"max_steps", "batch_size"} & {*own["trainer"], *own.get("data", {})}  # equal compute
    folders = own.get("init_from", {}).get("folders", [])
    assert all(folder.startswith(f"runs/baseline/{method}/") for folder in folders)
    assert bool(folders) == ("init_from" in stage)


def strategy(name: str) -> list[str]:
    one = ["--trainer.devices", "1", "--trainer.accelerator", "cpu"]
    return ["--config", "conf/stage1.yaml", "--config", f"conf/strategy/{name}.yaml", *one]


RUNS = {f"{path.parent.name}-{path.stem}": ablation(path) for path in sorted((CONF / "ablation").glob("*/*.yaml"))}
BASELINES = {f"baseline-{p.parent.name}-{p.stem}": p for p in sorted((CONF / "baseline").glob("*/*.yaml"))}
RUNS |= {name: baseline(path) for name, path in BASELINES.items()}
RUNS |= {name: strategy(name) for name in ("ddp", "fsdp2")}
RUNS |= {
    f"nano_dit-{stage}": ["--config", f"conf/{stage}.yaml", "--config", "conf/backbone/nano_dit.yaml"]
    for stage in ("stage1", "stage2")
}
RUNS |= {
    f"gpu-{stage}": ["--config", f"conf/{stage}.yaml", "--config", f"conf/gpu/{stage}.yaml"]
    for stage in ("stage1", "stage2")
}
ELSEWHERE = {  # by the tests of what they are for; DeepSpeed needs CUDA
    "backbone/paper.yaml": "test_paper_size_trains_both_stages_on_small_checkpoints",
    "backbone/paper_stage2.yaml": "test_paper_size_trains_both_stages_on_small_checkpoints",
    "backbone/flux.yaml": "test_config_trains_on_a_small_folder_and_edits",
    "backbone/ltx.yaml": "test_both_stages_train_on_small_folders",
    "backbone/sd3.yaml": "test_config_trains_on_a_small_folder_and_edits",
    "backbone/wan13.yaml": "test_both_stages_train_on_small_folders",
    "backbone/wan5.yaml": "test_both_stages_train_on_small_folders",
    "bench/veg.yaml": "test_bench_of_real_videos_is_edited_and_scored",
    "data/own.yaml": "test_data_config_trains",
    "data/paper.yaml": "test_data_config_trains",
    "data/paper_stage2.yaml": "test_data_config_trains",
    "data/paper_17.yaml": "test_clips_of_17_frames_are_the_same_mixture",
    "data/shapes_17.yaml": "test_both_stages_train_on_small_folders",
    "eval.yaml": "test_both_stages_the_test_and_an_edit_run_as_written",
    "stage0.yaml": "test_mllm_is_replaced_by_a_whole_one_or_not_at_all",
    "strategy/deepspeed.yaml": "test_strategies_parse_and_say_how_to_start_them",
}
ALWAYS = {"base.yaml", "backbone/nano.yaml", "data/shapes.yaml"}  # read before all others


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_config_runs_for_two_steps(name: str, tmp_path: Path) -> None:
    short = ["--trainer.max_steps", "2", "--trainer.limit_val_batches", "0", "--trainer.logger", "false"]
    short += ["--data.batch_size", "2", "--data.num_workers", "0", "--init_from.folders", "null"]
    args = ["fit", *RUNS[name], *short, "--trainer.default_root_dir", str(tmp_path)]
    if name == "gpu-stage1" and not torch.cuda.is_available():
        with pytest.raises(UseError, match="CudaGraphs needs a CUDA GPU"):
            VeggieCLI(args, parser_kwargs={"fit": {"default_config_files": TRAINING}})
        return
    cli = VeggieCLI(args, parser_kwargs={"fit": {"default_config_files": TRAINING}})
    (kept,) = tmp_path.rglob("last.ckpt")
    assert torch.load(kept, weights_only=True)["global_step"] == 2
    if (path := CONF / "ablation" / f"{name.replace('-', '/')}.yaml").is_file():
        check_ablation(path, cli)
    if name in BASELINES:
        check_baseline(BASELINES[name], cli)


def test_every_config_is_run_by_a_test() -> None:
    run = {arg.removeprefix("conf/") for args in (*RUNS.values(), *STAGES.values()) for arg in args if "conf/" in arg}
    trained = {str(path.relative_to(CONF)) for path in CONF.rglob("*.yaml") if path.parent.name != "synthesis"}
    assert trained == run | ELSEWHERE.keys() | ALWAYS  # those of synthesis train nothing: tests/synthesis
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for name in set(ELSEWHERE.values()):
        assert f"def {name}(" in tests, name


@pytest.mark.parametrize("stage", ["stage1", "stage2"])
def test_steps_for_a_gpu_see_as_much(stage: str) -> None:
    """As many samples as on two cores, in larger steps."""
    own, large = (yaml.safe_load((CONF / folder / f"{stage}.yaml").read_text()) for folder in (".", "gpu"))
    assert (
        own["trainer"]["max_steps"] * own["data"]["batch_size"]
        == large["trainer"]["max_steps"] * large["data"]["batch_size"]
    )
    assert large["data"]["batch_size"] > own["data"]["batch_size"]


def test_ablations_see_equal_frames() -> None:
    frames = {}
    for folder in (folder for folder in (CONF / "ablation").iterdir() if folder.is_dir()):
        configs = [CONF / "ablation" / whose / f"{stage}.yaml" for whose, stage in plan(folder.name)]
        steps = [yaml.safe_load(path.read_text())["trainer"]["max_steps"] for path in configs]
        frames[folder.name] = 32 * sum(steps)
    assert set(frames.values()) == {64000}, frames


@pytest.mark.slow
@pytest.mark.smoke
def test_both_stages_the_test_and_an_edit_run_as_written(tmp_path: Path) -> None:
    """The user's own commands, cut short."""
    short = ["--data.batch_size", "2", "--data.num_val", "1", "--trainer.val_check_interval", "2"]
    short += ["--trainer.max_steps", "2", "--data.num_workers", "0", "--trainer.enable_progress_bar", "false"]

    def logs(name: str) -> list[str]:
        place = ["--trainer.logger.init_args.save_dir", str(tmp_path), "--trainer.default_root_dir", str(tmp_path)]
        return [*place, "--trainer.logger.init_args.name", name]

    main(["fit", "--config", "conf/stage1.yaml", *short, *logs("one")])
    one = tmp_path / "one/version_0"
    init = ["--init_from.folders", f"[{one}/model]"]
    main(["fit", "--config", "conf/stage2.yaml", *short, *logs("two"), *init])
    two = tmp_path / "two/version_0"
    again = ["--ckpt_path", str(two / "checkpoints/last.ckpt")]
    main(["fit", "--config", "conf/stage2.yaml", *short, *logs("two"), *init, "--trainer.max_steps", "3", *again])
    assert torch.load(tmp_path / "two/version_1/checkpoints/last.ckpt", weights_only=True)["global_step"] == 3

    main(["export", "--checkpoint", str(two / "checkpoints/last.ckpt"), "-o", str(tmp_path / "exported")])
    scored = ["--evaluate.output", str(tmp_path / "report"), "--data.num_test", "2", "--data.num_workers", "0"]
    quiet = ["--trainer.enable_progress_bar", "false", "--trainer.logger", "false"]
    main(["test", "--model.folder", str(tmp_path / "exported"), *scored, *quiet])
    assert (tmp_path / "report/report.md").read_text().count("|") > 100
    against = ["--evaluate.against", str(tmp_path / "report/report.json")]
    main(
        [
            "test",
            "--model.folder",
            str(two / "model"),
            "--evaluate.output",
            str(tmp_path / "after"),
            *scored[2:],
            *quiet,
            *against,
        ]
    )
    assert "before" in (tmp_path / "after/report.md").read_text()

    clips = ["--clips", str(tmp_path / "clips"), "--num_samples", "2", "-o", str(tmp_path / "sheet.png")]
    main(["preview", "--config", "conf/stage2.yaml", *clips])
    main(["predict", str(tmp_path / "clips"), "-o", str(tmp_path / "edits"), "--model", str(tmp_path / "exported")])
    assert len(list((tmp_path / "edits").glob("*.mp4"))) == 2


@pytest.mark.parametrize("path", sorted((ROOT / "conf/strategy").glob("*.yaml")), ids=lambda path: path.stem)
def test_strategies_parse_and_say_how_to_start_them(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["fit", "--config", str(ROOT / "conf/stage2.yaml"), "--config", str(path), "--print_config"])
    assert not done.value.code
    merged = yaml.safe_load(capsys.readouterr().out)
    assert merged["trainer"]["strategy"]["class_path"].startswith("lightning.pytorch.strategies.")
    command = re.search(r"# Run +torchrun --standalone --nproc_per_node 8 -m (.*)", path.read_text())
    assert command is not None
    assert f"conf/strategy/{path.name}" in command[1]
