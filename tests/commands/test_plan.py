"""`plan`: what it counts is what the real module does."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from jsonargparse import Namespace
from support.parts import NANO_MLLM
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from veggie_pl.cli import main
from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.commands.plan import PlanCLI
from veggie_pl.files import TRAINING
from veggie_pl.models import Mllm, PlacedWanDenoiser
from veggie_pl.models.dit.adapter_files import save_adapters
from veggie_pl.models.dit.adapters import DenoiserLora
from veggie_pl.planning.advice import advise
from veggie_pl.planning.counting import COST_ROWS, frames_of, parameters_of, parts_of, state_bytes
from veggie_pl.planning.devices import GPUS, Device, Rates
from veggie_pl.planning.predict import Prediction, predict
from veggie_pl.planning.shapes import build
from veggie_pl.training.precision import FULL, MIXED, VARIABLE

ROOT = Path(__file__).resolve().parent.parent.parent
A100 = GPUS["a100-80"]
# The nano classes with fewer layers: counting takes time by the operation, whatever its size.
PICO = "conf/ablation/pico.yaml"
SMALL = ["--data.batch_size", "2"]
PREFIX = ["--model.mllm.init_args.frozen_prefix", "true"]  # which a GPU would not take for so small a model


@cache
def parsed(*args: str) -> Namespace:
    found: Namespace = PlanCLI([*args], run=False, parser_kwargs={"default_config_files": TRAINING}).config
    return found


def config(*args: str) -> Namespace:
    return parsed(*args).clone()


@cache
def plan(*args: str, device: Device = A100, **options: int) -> Prediction:
    return predict(config(*args), device, **options)


def pico(stage: int) -> list[str]:
    return ["--config", f"conf/stage{stage}.yaml", "--config", PICO]


def paper(stage: int) -> list[str]:
    files = [f"conf/stage{stage}.yaml", "conf/backbone/paper.yaml", *["conf/backbone/paper_stage2.yaml"][: stage - 1]]
    return [word for file in files for word in ("--config", file)]


@pytest.mark.parametrize("stage", [1, 2])
def test_counts_what_the_real_module_does(stage: int) -> None:
    args = [*pico(stage), *SMALL, "--trainer.precision", "32-true", *PREFIX]
    cli = VeggieCLI([*args, "--trainer.logger", "false"], run=False, parser_kwargs={"default_config_files": TRAINING})
    module = cli.model
    next(c for c in cli.trainer.callbacks if type(c).__name__ == "Freeze").apply(module)
    cli.datamodule.trainer = cli.trainer
    cli.datamodule.setup("fit")
    batch = next(iter(cli.datamodule.train_dataloader()))
    batch.examples = [one._replace(instruction="remove the red circle") for one in batch.examples]
    with FlopCounterMode(display=False) as counter:
        module.per_sample_loss(batch, "fit").mean().backward()
    mllm = module.mllm
    layout = mllm.prompt.layout(
        batch.instruction, torch.arange(batch.source.shape[1]).expand(2, -1), 14, mllm.tokens_per_frame, 1, 8
    )
    seen = mllm.tokens_per_frame * batch.source.shape[1] + mllm.extra_tokens
    text = layout.ids.shape[1] - layout.num_query_tokens - seen
    found = plan(*args, text_tokens=text)
    assert found.flops * 2 == pytest.approx(counter.get_total_flops(), rel=1e-9)
    for name in COST_ROWS:
        own = [p for key, p in module.named_parameters() if parts_of(module)(key) == name]
        assert found.parts[name].parameters == sum(p.numel() for p in own), name
        assert found.parts[name].learning == sum(p.numel() for p in own if p.requires_grad), name


def test_a_prefix_is_read_on_its_own_where_that_pays_on_the_device() -> None:
    whole = plan(*pico(1), *SMALL, "--model.mllm.init_args.frozen_prefix", "false")
    assert plan(*pico(1), *SMALL).flops == whole.flops  # launching its layers twice takes longer than computing


def test_a_frozen_mllm_costs_less_than_its_whole_graph() -> None:
    ours = plan(*pico(1), *SMALL, *PREFIX)
    whole = plan(*pico(1), *SMALL, "--model.mllm.init_args.frozen_prefix", "false")
    assert ours.flops < whole.flops
    assert ours.memory["activations"] < whole.memory["activations"]
    learning = plan(*pico(1), *SMALL, "--freeze.frozen", "[vae]")
    assert whole.flops < learning.flops


def test_grows_with_the_batch_and_with_frames() -> None:
    one, two = (plan(*pico(2), *size) for size in (SMALL, ()))  # 2 clips, 4 clips
    held = [found.memory["activations"] + found.memory["gradients"] for found in (one, two)]
    assert 1.7 < held[1] / held[0] <= 2
    assert two.flops == pytest.approx(one.flops)  # of a sample
    short = plan(*pico(2), num_frames=4)
    assert short.flops < 0.6 * plan(*pico(2)).flops
    micro = plan(*pico(1), *SMALL, "--trainer.accumulate_grad_batches", "3")
    assert micro.samples == 6


def test_checkpointing_holds_less_and_computes_more() -> None:
    plain = plan(*pico(2))
    less = plan(*pico(2), "--model.viddm.init_args.gradient_checkpointing", "true")
    assert less.peak < plain.peak
    spatial = less.parts["diffusion, spatial"].flops / plain.parts["diffusion, spatial"].flops
    assert 1.2 < spatial <= 4 / 3 + 1e-6
    assert less.parts["diffusion, temporal"].flops >= plain.parts["diffusion, temporal"].flops


def test_memory_adds_up_by_hand() -> None:
    found = plan(*pico(1), *SMALL)
    learning = sum(part.learning for part in found.parts.values())
    assert found.memory["gradients"] == found.memory["average of the weights"] == 4 * learning
    assert found.memory["optimizer"] == 8 * learning  # AdamW: two moments in float32
    assert found.memory["weights"] == pytest.approx(4 * sum(p.parameters for p in found.parts.values()), rel=1e-3)


def test_a_video_transformer_is_counted_with_the_frames_of_its_data() -> None:
    files = ["conf/stage1.yaml", "conf/backbone/wan13.yaml"]
    fewer = [
        "--model.viddm.init_args.transformer_config.num_layers",
        "2",
    ]  # of 30: counting takes time by the operation
    image = plan(*(word for file in files for word in ("--config", file)), *fewer)
    assert image.num_frames == 1
    assert image.parts["codec"].parameters == 126_892_531  # WanCodec's, of the config.json that is shipped
    files[0] = "conf/stage2.yaml"
    clips = config(*(word for file in [*files, "conf/data/shapes_17.yaml"] for word in ("--config", file)))
    assert frames_of(clips, most=17) == 17
    assert frames_of(clips, most=9) == 9
    files = [*files, "conf/data/paper_17.yaml"]
    assert frames_of(config(*(word for file in files for word in ("--config", file))), most=17) == 17


def test_trained_adapters_are_counted_as_new_ones_of_their_rank_are(tmp_path: Path) -> None:
    files = ["--config", "conf/stage1.yaml", "--config", "conf/backbone/nano_dit.yaml"]
    viddm = "--model.viddm.init_args"
    files += [f"{viddm}.transformer_config.num_layers", "1", "--freeze.frozen", "[vae, mllm, viddm]"]
    lora = [f"{viddm}.lora.rank", "4"]
    counted = []
    for options in (lora, [f"{viddm}.adapters", str(tmp_path)]):
        asked = config(*files, *options)
        if options is lora:
            made = PlacedWanDenoiser(**{**vars(asked.model.viddm.init_args), "lora": DenoiserLora(4)})
            save_adapters(made.transformer, tmp_path)
        with FakeTensorMode(allow_non_fake_inputs=True):
            counted.append(parameters_of(build(asked, 40, "cuda")))
    assert counted[0] == counted[1]


def test_state_of_optimizers_is_measured() -> None:
    def optimizer(name: str, **args: float) -> Namespace:
        return Namespace(class_path=f"torch.optim.{name}", init_args=Namespace(**args))

    assert state_bytes(optimizer("AdamW", lr=0.1)) == 8
    assert state_bytes(optimizer("SGD", lr=0.1)) == 0
    assert state_bytes(optimizer("SGD", lr=0.1, momentum=0.9)) == 4
    with pytest.raises(ValueError, match=r"no class 'torch.optim.Nothing'"):
        state_bytes(optimizer("Nothing"))


def test_slower_devices_take_longer() -> None:
    rates = Rates(kernel=0.0)  # what a kernel and its launch take is the same on all
    fast, slow = (plan(*pico(1), *SMALL, device=Device(1e9, flops, flops / 100, rates=rates)) for flops in (1e12, 1e11))
    assert slow.seconds == pytest.approx(10 * fast.seconds)


def test_precision_is_that_of_the_device_unless_the_config_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, FULL)  # of this machine, which does not matter
    given = config(*pico(1), *SMALL)
    gpu, full = plan(*pico(1), *SMALL), predict(given, replace(A100, precision=FULL))
    assert gpu.memory != full.memory
    for name, expected in ((MIXED, gpu), (FULL, full)):
        given.trainer.precision = name
        assert predict(given, A100).memory == expected.memory


PUBLISHED = {"vision tower + language model": 8030, "diffusion, spatial": 859.5, "codec": 83.65}  # M, on their cards


def compare_sizes(millions: dict[str, float]) -> None:
    millions["vision tower + language model"] = millions["vision tower"] + millions["language model"]
    for name, size in PUBLISHED.items():
        assert millions[name] == pytest.approx(size, rel=0.001), name


def test_stage_1_of_paper_size_is_as_large_as_published() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True):
        held = parameters_of(build(config(*paper(1)), 40, "cuda"))
    compare_sizes({name: size / 1e6 for name, (size, _) in held.items()})
    assert [name for name, (_, learning) in held.items() if learning] == ["queries", "aligner", "diffusion, spatial"]


@pytest.mark.slow
def test_stage_2_of_paper_size_fits_with_adapters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", *paper(2), "--gpu", "a100-80", "--output", str(tmp_path / "plan.json")])
    found = json.loads((tmp_path / "plan.json").read_text())
    compare_sizes({name: part["parameters"] / 1e6 for name, part in found["parts"].items()})
    assert not found["fits"]
    assert found["advice"][-1]["fits"]
    peaks = [found["peak"], *(one["peak"] for one in found["advice"])]
    assert peaks == sorted(peaks, reverse=True)
    assert "lora" in found["advice"][0]["setting"]
    assert found["rates"] == "measured on h100, scaled for a100-80 by its data sheet"
    out = " ".join(capsys.readouterr().out.split())
    assert "peak" in out
    assert found["rates"] in out


def test_advice_holds_when_it_is_followed() -> None:
    start = config(*pico(2))
    bare = replace(A100, reserved=0.0)
    small = replace(bare, memory=0.6 * predict(start, bare).peak)
    now = predict(start, small)
    assert now.peak > small.memory
    given = advise(start, now, small, None, 40)
    assert [one.fits for one in given[:-1]] == [False] * (len(given) - 1)
    settings = given[0].setting.split()
    followed = plan(*pico(2), *settings, device=small)
    assert followed.peak == pytest.approx(given[0].peak)


def test_what_cannot_be_planned_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"rtx4090.*h100"):
        main(["plan", "--config", "conf/stage1.yaml", "--gpu", "tpu"])
    with pytest.raises(SystemExit, match=r"no config\.json at 'checkpoints/nothing'.*llava-onevision-qwen2-7b-ov-hf"):
        main(["plan", "--config", "conf/stage1.yaml", "--model.mllm.init_args.folder", "checkpoints/nothing"])


def test_shipped_configurations_are_of_the_families_that_work() -> None:
    for folder in (ROOT / "conf/backbone/models").iterdir():
        if not (folder / "config.json").is_file():  # a pipeline of diffusers
            continue
        kind = json.loads((folder / "config.json").read_text())["model_type"]
        assert kind == json.loads((NANO_MLLM / "config.json").read_text())["model_type"]
    assert Mllm  # the class they are for


def test_parts_are_said_before_they_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []

    def tell(what: str, done: float, total: float | None) -> None:
        said.append(what)

    # As many text tokens as no other test has: what was counted before is not counted again.
    given = config(*pico(1), *SMALL)
    found = predict(given, A100, text_tokens=41, on_built=lambda held: said.append(str(held)), tell=tell)
    again = predict(given, A100, text_tokens=41, tell=lambda *_: pytest.fail("counted twice"))
    assert again == found
    sizes = {name: (part.parameters, part.learning) for name, part in found.parts.items()}
    assert said[0] == str(sizes)
    assert {f"operations counted, now of {name}" for name in ("language model", "diffusion, spatial")} <= {*said[1:]}
    with caplog.at_level("INFO", "veggie_pl"):
        main(["plan", *pico(1), *SMALL])
    (line,) = [record.message for record in caplog.records if record.message.startswith("counting")]
    assert re.fullmatch(
        r"counting a training step of: vision tower [\d.]+ M, frozen; .*diffusion, spatial [\d.]+ M", line
    )
