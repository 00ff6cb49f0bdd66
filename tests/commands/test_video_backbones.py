"""The configs of video backbones: published sizes, and both stages in full on small random folders."""

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
import yaml
from support.parts import NANO_MLLM
from support.video_models import LTX_VAE, WAN, WAN21_VAE, WAN22_VAE, write_vae

from veggie_pl.cli import main
from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.errors import UseError
from veggie_pl.files import CONF, TRAINING
from veggie_pl.model_folder import load_model
from veggie_pl.models import WanDenoiser
from veggie_pl.models.dit.adapters import without_adapters

CONFIG = "--model.viddm.init_args.transformer_config"
MODELS = CONF / "backbone/models"
LTX = {
    "in_channels": 8,
    "out_channels": 8,
    "num_attention_heads": 2,
    "attention_head_dim": 8,
    "cross_attention_dim": 16,
    "num_layers": 1,
    "caption_channels": 24,
}
WAN_T2V = {**WAN, "in_channels": 16}
# Published folder, billions of parameters, codec and transformer of the small ones, pixels.
BACKBONES: dict[str, tuple[str, float, dict[str, Any], dict[str, Any], int]] = {
    "wan13": ("Wan2.1-T2V-1.3B-Diffusers", 1.42, WAN21_VAE, WAN_T2V, 16),
    "wan5": ("Wan2.2-TI2V-5B-Diffusers", 5.0, WAN22_VAE, {**WAN_T2V, "in_channels": 48, "out_channels": 48}, 32),
    "ltx": ("LTX-Video", 1.92, LTX_VAE, LTX, 32),
}


@pytest.fixture(autouse=True)
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONF.parent)


def init_args(name: str) -> dict[str, Any]:
    model = yaml.safe_load((CONF / f"backbone/{name}.yaml").read_text())["model"]
    return {part: model[part]["init_args"] for part in ("queries", "viddm", "vae")}


@pytest.mark.parametrize("name", BACKBONES)
def test_shipped_configurations_have_the_published_size(name: str) -> None:
    folder, billions, *_ = BACKBONES[name]
    config = json.loads((MODELS / folder / "transformer/config.json").read_text())
    with torch.device("meta"):
        model = getattr(diffusers, config["_class_name"]).from_config(config)
    assert sum(p.numel() for p in model.parameters()) / 1e9 == pytest.approx(billions, rel=0.005)
    parts = init_args(name)
    ours = parts["viddm"]["transformer_config"]
    assert ours["in_channels"] == 2 * config["in_channels"]  # the source beside the noise
    assert {**model.config, **ours, "in_channels": config["in_channels"]} == dict(model.config)
    vae = json.loads((MODELS / folder / "vae/config.json").read_text())
    with torch.device("meta"):
        codec: Any = getattr(diffusers, vae["_class_name"]).from_config(vae)
    every = 8 if name == "ltx" else 4
    assert parts["viddm"]["tokens_per_frame"] == every * parts["queries"]["num_queries"]
    assert parts["queries"]["max_frames"] % every == 1
    assert (codec.config.get("z_dim") or codec.config.latent_channels) == config["in_channels"]
    for part, key in (("viddm", "weights"), ("vae", "folder")):
        assert parts[part][key] == f"checkpoints/{folder}"


@pytest.mark.parametrize("name", BACKBONES)
def test_what_is_missing_is_named_with_the_command_that_fetches_it(name: str) -> None:
    args = ["--config", "conf/stage1.yaml", "--config", f"conf/backbone/{name}.yaml"]
    args += ["--model.mllm.init_args.folder", str(NANO_MLLM)]
    with pytest.raises(UseError, match=rf"hf download \S+/{BACKBONES[name][0]} --local-dir checkpoints/"):
        VeggieCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING})


def clips(path: Path, frames: int, size: int) -> list[str]:
    """Write data of one stage: small clips in place of those that its command names."""
    text = (CONF / "data/shapes_17.yaml").read_text()
    path.write_text(text.replace("num_frames: 17", f"num_frames: {frames}").replace("size: 256", f"size: {size}"))
    return ["--config", str(path)]


def narrowed(name: str, place: Path) -> list[str]:
    """Everything narrow, from folders in the public format."""
    _, _, vae, transformer, _ = BACKBONES[name]
    parts = init_args(name)
    kind = "AutoencoderKLLTXVideo" if name == "ltx" else "AutoencoderKLWan"
    write_vae(place, kind, vae)
    library = "LTXVideoTransformer3DModel" if name == "ltx" else "WanTransformer3DModel"
    torch.manual_seed(0)
    getattr(diffusers, library).from_config(transformer).save_pretrained(place / "transformer")
    source = {**transformer, "in_channels": 2 * transformer["in_channels"]}
    wide = parts["queries"]["num_queries"], parts["viddm"]["tokens_per_frame"]
    args = {
        "model.mllm.init_args.folder": str(NANO_MLLM),
        "model.queries.init_args.width": 192,
        "model.queries.init_args.num_queries": 2,
        "model.aligner.init_args.width_in": 192,
        "model.aligner.init_args.width_out": 24,
        CONFIG.removeprefix("--"): json.dumps(source),
        "model.viddm.init_args.latent_size": "[2, 2]",
        "model.viddm.init_args.tokens_per_frame": 2 * wide[1] // wide[0],
        "model.viddm.init_args.lora.rank": 2,
        "model.viddm.init_args.weights": str(place),
        "model.vae.init_args.folder": str(place),
        "model.num_steps": 1,
        "model.lr_warmup_steps": 0,
        "data.batch_size": 2,
        "data.num_workers": 0,
        "data.num_val": 0,
        "trainer.max_steps": 2,
        "trainer.enable_progress_bar": "false",
        "trainer.logger.init_args.save_dir": str(place),
        "trainer.logger.init_args.version": "small",
    }
    return [word for key, value in args.items() for word in (f"--{key}", str(value))]


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_both_stages_train_on_small_folders(name: str, tmp_path: Path) -> None:
    small, size = narrowed(name, tmp_path), BACKBONES[name][-1]
    before: list[str] = []
    for stage, frames in ((1, 1), (2, 9)):
        files = ["--config", f"conf/stage{stage}.yaml", "--config", f"conf/backbone/{name}.yaml"]
        data = clips(tmp_path / f"data{stage}.yaml", frames, size)
        place = ["--trainer.default_root_dir", str(tmp_path / f"stage{stage}")]
        main(["fit", *files, *data, *small, *place, *before])
        before = ["--init_from.folders", f"[{tmp_path}/stage{stage}/small/model]"]
    one, two = (load_model(tmp_path / f"stage{stage}/small/model").viddm for stage in (1, 2))
    state = two.state_dict()
    moved = {key for key, value in one.state_dict().items() if not torch.equal(value, state[key])}
    embedding = "proj_in" if name == "ltx" else "patch_embedding"
    assert any("attn1" in key for key in moved)  # by the adapters
    assert f"transformer.{embedding}.weight" in moved
    assert not any("time" in key for key in moved)  # frozen, and the same in both: stage 2 went on from stage 1
    folder = tmp_path / "diffusers"
    model = str(tmp_path / "stage2/small/model")
    main(["export", "--from", model, "--output", str(tmp_path / "again"), "--diffusers", str(folder)])
    library = type(two.transformer).from_pretrained(folder / "transformer")
    assert all(torch.equal(value, state[f"transformer.{key}"]) for key, value in library.state_dict().items())
    if name == "wan13":
        goes_on_from_what_pipelines_load(tmp_path, source=json.loads(small[1 + small.index(CONFIG)]), merged=state)


def goes_on_from_what_pipelines_load(place: Path, source: dict[str, Any], merged: dict[str, torch.Tensor]) -> None:
    """Export the run's checkpoint with its adapters apart, and read both again."""
    (checkpoint,) = place.glob("stage2/**/last.ckpt")
    parts = str(place / "parts")
    separate = ["--diffusers", parts, "--diffusers_adapters", "separate"]
    main(["export", "--checkpoint", str(checkpoint), "--output", str(place / "third"), *separate])
    again = WanDenoiser(source, (2, 2), 8, weights=parts, adapters=parts, dtype="bfloat16")
    found = without_adapters(again).state_dict()
    assert found.keys() == merged.keys()
    assert all(torch.allclose(value, merged[key], rtol=0, atol=1e-7) for key, value in found.items())
