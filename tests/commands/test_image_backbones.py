"""SD3 and FLUX in place of the UNet: their configs are those that were published, parse, and train on small folders."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel
from support.image_transformers import KINDS, QUERIES, WIDTH, write_pipeline
from torch._subclasses.fake_tensor import FakeTensorMode

from veggie_pl.cli import main
from veggie_pl.commands.plan import PlanCLI
from veggie_pl.diffusion.flow import FlowMatching
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.scheduler_folder import read_scheduler
from veggie_pl.files import CONF, TRAINING
from veggie_pl.model_folder import load_model
from veggie_pl.planning.shapes import build

MODELS = CONF / "backbone/models"
PUBLISHED = {  # parameters of the transformer, without the table of places
    "sd3": ("stable-diffusion-3-medium-diffusers", SD3Transformer2DModel, 2.03e9),
    "flux": ("FLUX.1-dev", FluxTransformer2DModel, 11.9e9),
}


@pytest.fixture(autouse=True)
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONF.parent)


def shipped(name: str, part: str) -> dict[str, Any]:
    found = json.loads((MODELS / PUBLISHED[name][0] / part / "config.json").read_text())
    return {key: value for key, value in found.items() if not key.startswith("_")}


@pytest.mark.parametrize("name", PUBLISHED)
def test_shipped_configuration_has_the_published_number_of_parameters(name: str) -> None:
    _, kind, parameters = PUBLISHED[name]
    with torch.device("meta"):
        model = kind.from_config(shipped(name, "transformer"))
    assert sum(one.numel() for one in model.parameters()) == pytest.approx(parameters, rel=0.005)


@pytest.mark.parametrize("name", PUBLISHED)
def test_config_is_that_of_the_checkpoint_it_names(name: str) -> None:
    config = yaml.safe_load((CONF / f"backbone/{name}.yaml").read_text())["model"]
    folder = PUBLISHED[name][0]
    viddm, transformer = config["viddm"]["init_args"], shipped(name, "transformer")
    if viddm["source"] == "channels":
        assert viddm["extend_channels"]
        transformer["in_channels"] *= 2
    assert viddm["transformer_config"] == transformer
    assert Path(viddm["weights"]).name == Path(config["vae"]["init_args"]["folder"]).name == folder
    assert config["aligner"]["init_args"]["width_out"] == transformer["joint_attention_dim"]
    assert viddm["tokens_per_frame"] == config["queries"]["init_args"]["num_queries"]
    published: Any = read_scheduler(str(MODELS / folder))
    named = config["scheduler"]["init_args"]
    assert named == {key: published.config[key] for key in named}


@pytest.mark.parametrize("name", PUBLISHED)
def test_plan_builds_what_was_published_without_a_checkpoint(name: str) -> None:
    narrow = ["--model.mllm.init_args.folder", "weights/nano/mllm", "--model.queries.init_args.width", "192"]
    narrow += ["--model.aligner.init_args.width_in", "192"]
    files = ["--config", "conf/stage1.yaml", "--config", f"conf/backbone/{name}.yaml"]
    config = PlanCLI([*files, *narrow], run=False, parser_kwargs={"default_config_files": TRAINING}).config
    with FakeTensorMode(allow_non_fake_inputs=True):
        module = build(config, text_tokens=8, device="cpu")
    held = sum(one.numel() for one in module.viddm.transformer.parameters())
    assert held == pytest.approx(PUBLISHED[name][2], rel=0.005)
    assert module.vae.scale_source
    assert module.vae.channels == 16
    assert module.size == (512, 512)


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_config_trains_on_a_small_folder_and_edits(name: str, tmp_path: Path) -> None:
    """Everything narrow, in the public format; the parts that the config lets learn have moved."""
    folder, transformer = str(write_pipeline(name, tmp_path / "public")), dict(KINDS[name][1])
    source = yaml.safe_load((CONF / f"backbone/{name}.yaml").read_text())["model"]["viddm"]["init_args"]["source"]
    if source == "channels":
        transformer["in_channels"] *= 2
    settings = {
        "model.mllm.init_args.folder": "weights/nano/mllm",
        "model.queries.init_args.width": "192",
        "model.queries.init_args.num_queries": str(QUERIES),
        "model.aligner.init_args.width_in": "192",
        "model.aligner.init_args.width_out": str(WIDTH),
        "model.viddm.init_args.transformer_config": json.dumps(transformer),
        "model.viddm.init_args.latent_size": "[16, 16]",
        "model.viddm.init_args.tokens_per_frame": str(QUERIES),
        "model.viddm.init_args.weights": folder,
        "model.vae.init_args.folder": folder,
        "model.num_steps": "2",
        "model.flow": '{"weighting": "cosmap"}',
        "model.lr_warmup_steps": "0",
        "data.batch_size": "2",
        "data.num_workers": "0",
        "trainer.max_steps": "2",
        "trainer.enable_progress_bar": "false",
        "trainer.logger.init_args.save_dir": str(tmp_path),
        "trainer.logger.init_args.version": "tiny",
        "trainer.default_root_dir": str(tmp_path / "run"),
    }
    files = ["--config", "conf/stage1.yaml", "--config", f"conf/backbone/{name}.yaml"]
    main(["fit", *files, *(arg for key, value in settings.items() for arg in (f"--{key}", value))])

    module = load_model(tmp_path / "stage1/tiny/model")
    assert isinstance(module.objective.process, FlowMatching)
    assert module.objective.flow is not None
    assert module.objective.flow.weighting == "cosmap"
    assert module.vae.scale_source
    before = KINDS[name][0](
        **{**module.viddm.config, "transformer_config": transformer, "weights": folder, "extend_channels": True}
    )
    moved = {
        key for key, value in module.viddm.state_dict().items() if (value - before.state_dict()[key]).abs().max() > 0
    }
    whole = any(key.startswith("transformer.transformer_blocks") for key in moved)
    assert whole == (name == "sd3")  # FLUX is frozen
    assert "pooled.vector" in moved
    clip = torch.zeros(1, 1, 3, *module.size)
    edited = module.edit(clip, ["remove it"], Guidance(task=2.0, source=1.5), [("edit", 0)])
    assert edited.shape == clip.shape
    assert edited.isfinite().all()
