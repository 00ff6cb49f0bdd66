"""Names of a denoiser's parts mean the same on every backbone, and each parameter is in one."""

from typing import Any

import diffusers
import pytest
import torch
from support.parts import TEMPORAL, UNET
from support.video_models import WAN
from torch import nn

from veggie_pl.models import VidDM
from veggie_pl.models.parts import PARTS, denoiser_parts

LTX = {"in_channels": 8, "out_channels": 8, "num_attention_heads": 2, "attention_head_dim": 4, "num_layers": 1}
LTX |= {"cross_attention_dim": 8, "caption_channels": 12}
JOINT = {"num_layers": 1, "num_attention_heads": 2, "in_channels": 4, "pooled_projection_dim": 8}
LIBRARY: dict[str, dict[str, Any]] = {
    "WanTransformer3DModel": WAN,
    "WanVACETransformer3DModel": {**WAN, "in_channels": 16, "vace_layers": [0], "vace_in_channels": 96},
    "LTXVideoTransformer3DModel": LTX,
    "CogVideoXTransformer3DModel": {"num_attention_heads": 2, "attention_head_dim": 8, "text_embed_dim": 12}
    | {"time_embed_dim": 4, "num_layers": 1, "sample_width": 8, "sample_height": 8, "sample_frames": 9},
    "SD3Transformer2DModel": {**JOINT, "attention_head_dim": 8, "joint_attention_dim": 12, "caption_projection_dim": 16}
    | {"sample_size": 8, "dual_attention_layers": [0], "num_layers": 2},
    "FluxTransformer2DModel": {**JOINT, "num_single_layers": 1, "attention_head_dim": 16, "joint_attention_dim": 12}
    | {"axes_dims_rope": [4, 4, 8]},
}


class Plain(nn.Module):
    """A transformer of diffusers as denoisers hold it, with an embedding of the source beside it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.transformer = getattr(diffusers, kind)(**LIBRARY[kind])
        self.source_embedding = nn.Linear(2, 2)

    def layer_kind(self, name: str) -> str:
        return "spatial"


def backbone(name: str) -> Any:
    if name in LIBRARY:
        return Plain(name)
    return VidDM(UNET, TEMPORAL, video=name == "video UNet")


@pytest.mark.parametrize("name", ["image UNet", "video UNet", *LIBRARY])
def test_parts_are_disjoint_and_cover_all_parameters(name: str) -> None:
    model = backbone(name)
    parts = denoiser_parts(model)
    own = {part: found for part, found in parts.items() if part.startswith("denoiser.") and part != "denoiser.all"}
    ids = [id(parameter) for part in own.values() for parameter in part.parameters]
    everything = [id(parameter) for parameter in model.parameters()]
    assert sorted(ids) == sorted(everything) == sorted(id(one) for one in parts["denoiser.all"].parameters)
    for found in own.values():  # a layer that is put to sleep with a part holds nothing of another
        held = {id(parameter) for parameter in found.parameters}
        assert {id(p) for layer in found.layers for p in layer.parameters()} <= held
    assert {part.removeprefix("denoiser.") for part in own} <= set(PARTS)
    always = {
        "denoiser.self_attention",
        "denoiser.feed_forward",
        "denoiser.patch",
        "denoiser.embedding",
        "denoiser.output",
    }
    assert always <= own.keys()
    assert ("denoiser.other" in own) == ("UNet" in name)
    assert ("denoiser.temporal" in own) == (name == "video UNet")
    assert ("denoiser.cross_attention" in own) == ("CogVideoX" not in name)  # which has one attention for both


def test_names_mean_what_they_say() -> None:
    model = backbone("WanTransformer3DModel")
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    parts = denoiser_parts(model)
    found = {part: {names[id(one)] for one in parts[f"denoiser.{part}"].parameters} for part in PARTS[1:-1]}
    assert found["patch"] == {"transformer.patch_embedding.weight", "transformer.patch_embedding.bias"}
    assert all(".attn1." in name for name in found["self_attention"])
    assert all(".attn2." in name for name in found["cross_attention"])
    assert found["source"] == {"source_embedding.weight", "source_embedding.bias"}
    assert "transformer.scale_shift_table" in found["norm"]
    model = backbone("SD3Transformer2DModel")
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    second = {names[id(one)] for one in denoiser_parts(model)["denoiser.self_attention"].parameters}
    assert any(".attn2." in name for name in second)  # of the picture alone
    assert not any("add_k_proj" in name for name in second)
    assert isinstance(denoiser_parts(model)["denoiser.all"].parameters[0], torch.nn.Parameter)
