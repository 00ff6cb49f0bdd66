"""Injection: the layers of the schedule take over the source's features, and no others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from support.pipelines import i2vgen
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.models.injection import Injection

ATTENTIVE = [(1, 1), (1, 2), *((block, place) for block in (2, 3) for place in range(3))]  # 4 to 11 of the decoder
WATCHED = (".to_q", ".to_k", ".conv2")


@pytest.fixture(scope="module")
def unet() -> Any:
    torch.manual_seed(0)
    return i2vgen().unet.eval()


def batch(rows: int = 3) -> dict[str, Tensor]:
    """Arguments of the denoiser, other ones in every row; the first two tell it nothing apart but the latents."""
    rng = torch.Generator().manual_seed(0)
    drawn = {"sample": (4, 2, 8, 8), "encoder_hidden_states": (5, 32), "image_embeddings": (1, 32)}
    drawn |= {"image_latents": (4, 2, 8, 8)}
    made = {name: torch.randn(rows, *shape, generator=rng) for name, shape in drawn.items()}
    return made | {"fps": torch.full((rows,), 8)}


def copied(unet: Any, injection: Injection, step: int, steps: int) -> set[str]:
    """Names of layers whose output is the same in all rows of the batch."""
    seen = set()

    def watch(name: str) -> Any:
        def note(layer: nn.Module, given: object, made: Tensor) -> None:
            first, *others = made.chunk(3)
            if all(torch.equal(first, other) for other in others):
                seen.add(name)

        return note

    with torch.no_grad(), injection.at(unet, step, steps, 3), watching(unet, watch):
        unet(timestep=torch.tensor(500), **batch())
    return seen


@contextmanager
def watching(unet: Any, watch: Any) -> Iterator[None]:
    """Look at what layers give, after all that was done to it."""
    named = [(name, layer) for name, layer in unet.named_modules() if name.endswith(WATCHED)]
    hooks = [layer.register_forward_hook(watch(name)) for name, layer in named]
    yield
    for hook in hooks:
        hook.remove()


def names(*parts: str) -> set[str]:
    found = {
        f"up_blocks.{block}.{part}.{place}.transformer_blocks.0.attn1.{made}"
        for block, place in ATTENTIVE
        for part in parts
        for made in ("to_q", "to_k")
        if part != "resnets"
    }
    return found | ({"up_blocks.1.resnets.1.conv2"} if "resnets" in parts else set())


@pytest.mark.parametrize(
    ("step", "parts"),
    [
        (0, ("attentions", "temp_attentions", "resnets")),
        (1, ("attentions", "temp_attentions", "resnets")),
        (2, ("temp_attentions",)),
        (4, ("temp_attentions",)),
        (5, ()),
        (9, ()),
    ],
)
def test_layers_are_copied_by_the_published_schedule(unet: Any, step: int, parts: tuple[str, ...]) -> None:
    assert copied(unet, Injection(), step, 10) == names(*parts)


def test_share_of_zero_copies_nothing_and_one_copies_to_the_end(unet: Any) -> None:
    assert copied(unet, Injection(0.0, 0.0, 0.0), 0, 10) == set()
    assert copied(unet, Injection(1.0, 0.0, 0.0, (5,)), 9, 10) == {
        f"up_blocks.1.attentions.2.transformer_blocks.0.attn1.{made}" for made in ("to_q", "to_k")
    }


def test_row_of_the_source_is_not_touched_and_nothing_stays(unet: Any) -> None:
    given = batch()
    with torch.no_grad():
        plain = unet(timestep=torch.tensor(500), **given, return_dict=False)[0]
        with Injection(1.0, 1.0, 1.0).at(unet, 0, 1, 3):
            injected = unet(timestep=torch.tensor(500), **given, return_dict=False)[0]
        again = unet(timestep=torch.tensor(500), **given, return_dict=False)[0]
    assert torch.equal(plain[0], injected[0])
    assert all(not torch.allclose(plain[row], injected[row], atol=1e-3) for row in (1, 2))
    assert torch.equal(plain, again)


def test_rows_like_the_source_stay_like_it(unet: Any) -> None:
    alike = {name: values[:1].expand(3, *values.shape[1:]) for name, values in batch().items()}
    with torch.no_grad(), Injection(1.0, 1.0, 1.0).at(unet, 0, 1, 3):
        source, *others = unet(timestep=torch.tensor(500), **alike, return_dict=False)[0]
    for other in others:
        torch.testing.assert_close(other, source, atol=1e-5, rtol=0)


def test_blocks_and_shares_out_of_range_are_refused(unet: Any) -> None:
    assert len(Injection().layers(unet)) == 8 * 2 * 2 + 1
    with pytest.raises(UseError, match=r"attention_blocks \[2, 12\] are not in this model; its own are \[3, 4, .*11\]"):
        Injection(attention_blocks=(2, 3, 12)).layers(unet)
    with pytest.raises(UseError, match=r"feature_blocks \[12\] are not"):
        Injection(feature_blocks=(12,)).layers(unet)
    with pytest.raises(UseError, match=r"temporal is a share of the steps, from 0 to 1, got 1\.5"):
        Injection(temporal=1.5)


def image_unet(layers: int) -> Any:
    """Like Stable Diffusion's, or as ours: attention not at the highest resolution, fewer layers."""
    torch.manual_seed(0)
    attentive = layers == 1
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D")
        if attentive
        else ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")
        if attentive
        else ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        block_out_channels=(8,) * (3 if attentive else 4),
        layers_per_block=layers,
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def test_published_blocks_are_found_in_an_image_model_and_in_a_small_one() -> None:
    published = Injection(0.5, 0.0, 0.8)
    stable_diffusion = image_unet(2)
    assert published.fitted(stable_diffusion) == published
    assert len(published.layers(stable_diffusion)) == 8 * 2 + 1
    small = image_unet(1)
    fitted = published.fitted(small)
    assert (fitted.attention_blocks, fitted.feature_blocks) == ((3,), (3,))  # the second layer of the second block
    assert fitted.layers(small)[-1][1] is small.up_blocks[1].resnets[1].conv2
    flatten = Injection(0.8, 0.0, 0.8, (4, 5, 6, 7, 8, 9), (3, 4, 6)).fitted(small)
    assert (flatten.attention_blocks, flatten.feature_blocks) == ((3,), (2, 3, 4))


def test_image_model_takes_over_what_the_source_has() -> None:
    unet = image_unet(1).eval()
    rng = torch.Generator().manual_seed(1)
    noisy, words = torch.randn(4, 4, 8, 8, generator=rng), torch.randn(4, 3, 16, generator=rng)
    seen: dict[str, Tensor] = {}
    layer = unet.up_blocks[1].attentions[1].transformer_blocks[0].attn1.to_k
    with torch.no_grad(), Injection(1.0, 0.0, 0.0).fitted(unet).at(unet, 0, 1, 2):
        hook = layer.register_forward_hook(lambda layer, given, made: seen.update(key=made))
        unet(noisy, torch.tensor(5), words)
        hook.remove()
    assert torch.equal(seen["key"][:2], seen["key"][2:])  # two frames of the source, then two of the edit
    assert not torch.equal(seen["key"][0], seen["key"][1])
