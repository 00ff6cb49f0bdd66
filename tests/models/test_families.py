"""Every MLLM family through the one wrapper: its own tokens, preprocessing and positions, and the frozen prefix."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from unittest.mock import patch

import pytest
import torch
from PIL import Image
from support.families import FAMILIES, PIXELS, llava
from torch import Tensor
from transformers import (
    AutoModelForImageTextToText,
    CLIPConfig,
    InternVLProcessor,
    LlavaOnevisionProcessor,
    LlavaProcessor,
    Qwen2_5_VLProcessor,
    Qwen2Config,
    Qwen3VLProcessor,
    SmolVLMProcessor,
)

from veggie_pl.batch import ClipNames
from veggie_pl.models import BlindMllm, DiscreteMllm, Mllm
from veggie_pl.models.lora import Lora
from veggie_pl.models.reading import can_read_after_prefix

TEXTS = ["remove it", "highlight the large blue star with red masks"]
MROPE = ["qwen2_5_vl", "qwen3_vl"]
every_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    made = {}
    for family, make in FAMILIES.items():
        torch.manual_seed(0)
        made[family] = make(tmp_path_factory.mktemp(family))
    return made


def pixels(batch: int, frames: int, height: int, width: int | None = None) -> Tensor:
    """Pictures of 8 bits in [-1, 1], so that PIL can hold them; smooth, as pictures are."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(batch * frames, 3, 8, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width or height), mode="bilinear")
    return ((smooth * 255).round() / 127.5 - 1).view(batch, frames, *smooth.shape[1:])


def as_pil(source: Tensor) -> list[Image.Image]:
    frames = ((source.flatten(0, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
    return [Image.fromarray(frame.numpy()) for frame in frames]


def queries_for(mllm: Mllm, batch: int, groups: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, groups, 4, mllm.width, generator=generator)


def places(batch: int, frames: int) -> Tensor:
    return torch.arange(frames).expand(batch, -1)


def own_inputs(mllm: Mllm, family: str, source: Tensor) -> dict[str, Any]:
    """The family's own image processor on PIL images, one sample."""
    processor, images = mllm.image_processor, as_pil(source)
    if family == "llava_onevision":  # its video processor needs torchvision; frame by frame it does what this does
        made = torch.cat([processor(image, return_tensors="pt").pixel_values[:, 0] for image in images])
        return {"pixel_values_videos": made[None]}
    if family == "smolvlm":
        made = processor([images], do_image_splitting=False, return_row_col_info=True, return_tensors="pt")
        return {"pixel_values": made.pixel_values, "rows": made["rows"], "cols": made["cols"]}
    made = processor(images, return_tensors="pt")
    return {name: made[name] for name in ("pixel_values", "image_grid_thw", "num_patches") if name in made}


def own_text(mllm: Mllm, family: str, instruction: str, made: dict[str, Any], frames: int) -> str:
    """The chat template's text, its placeholders replaced by the processor class's own method.

    The classes themselves cannot be built without torchvision, but for LLaVA's.
    """
    tokenizer = mllm.tokenizer
    kinds = ["video"] if family == "llava_onevision" else ["image"] * frames
    content = [*({"type": kind} for kind in kinds), {"type": "text", "text": instruction}]
    message = [{"role": "user", "content": content}]
    text = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    grid = SimpleNamespace(image_token="<|image_pad|>", image_processor=mllm.image_processor)
    smol = {"image_token": "<image>", "fake_image_token": "<fake_token_around_image>"}
    processors: dict[str, tuple[Any, Any]] = {
        "qwen2_5_vl": (Qwen2_5_VLProcessor, grid),
        "qwen3_vl": (Qwen3VLProcessor, grid),
        "smolvlm": (SmolVLMProcessor, SimpleNamespace(**smol, global_image_token="<global-img>", image_seq_len=4)),
        "internvl": (
            InternVLProcessor,
            SimpleNamespace(
                start_image_token="<img>", end_image_token="</img>", image_token="<IMG_CONTEXT>", image_seq_length=4
            ),
        ),
        "llava": (LlavaProcessor, LlavaProcessor(mllm.image_processor, tokenizer, 8, "default", None, "<image>", 1)),
        "llava_onevision": (LlavaOnevisionProcessor, SimpleNamespace(num_image_tokens=16, video_token="<video>")),
    }
    kind, own = processors[family]
    placeholder = tokenizer.convert_ids_to_tokens(mllm.prompt.vision_token_id)
    replace = kind.replace_video_token if family == "llava_onevision" else kind.replace_image_token
    head, *rest = text.split(placeholder)
    for index, part in enumerate(rest):
        head += replace(own, made, index) + part
    return head


@every_family
def test_prompt_is_what_the_familys_processor_lays_out(folders: dict[str, str], family: str) -> None:
    mllm = Mllm(folders[family])
    side = PIXELS.get(family, 32)
    source = pixels(1, 3, side, 2 * side if family in MROPE else side)
    text = own_text(mllm, family, TEXTS[1], own_inputs(mllm, family, source), 3)
    count = mllm.vision.tokens_per_frame(*source.shape[-2:])
    layout = mllm.prompt.layout(TEXTS[1:], places(1, 3), 4, count, mllm.extra_tokens, None)
    expected = mllm.tokenizer(text, add_special_tokens=False).input_ids
    assert layout.ids[0, :-12].tolist() == expected
    assert expected.count(mllm.prompt.vision_token_id) == 3 * count + mllm.extra_tokens


@every_family
def test_frames_become_what_the_familys_image_processor_makes(folders: dict[str, str], family: str) -> None:
    mllm = Mllm(folders[family])
    side = PIXELS.get(family, 32)
    for height, tolerance in ((side, 1e-5), (3 * side // 2 + 3, 0.04)):  # PIL rounds what it resizes to 8 bits
        source = pixels(1, 3, height)
        made, expected = mllm.vision_inputs(source), own_inputs(mllm, family, source)
        assert made.keys() <= expected.keys()
        for name, value in made.items():
            assert value.shape == expected[name].shape
            assert (value - expected[name]).abs().max() < tolerance, (name, height)


@pytest.mark.parametrize(("height", "width"), [(56, 112), (500, 300), (20, 20)])
def test_grids_follow_the_frames_within_the_processors_bounds(folders: dict[str, str], height: int, width: int) -> None:
    mllm = Mllm(folders["qwen2_5_vl"])
    source = pixels(1, 1, height, width)
    made, expected = mllm.vision_inputs(source), own_inputs(mllm, "qwen2_5_vl", source)
    assert torch.equal(made["image_grid_thw"], expected["image_grid_thw"])
    assert (made["pixel_values"] - expected["pixel_values"]).abs().max() < 0.06
    assert mllm.vision.tokens_per_frame(height, width) == made["image_grid_thw"].prod() // 4
    with pytest.raises(ValueError, match=r"ask vision\.tokens_per_frame"):
        _ = mllm.tokens_per_frame


@every_family
def test_the_plain_path_of_transformers_gives_the_same(folders: dict[str, str], family: str) -> None:
    mllm = Mllm(folders[family]).eval()
    source = pixels(1, 3, PIXELS.get(family, 32))
    made = own_inputs(mllm, family, source)
    ids = mllm.tokenizer(own_text(mllm, family, TEXTS[1], made, 3), add_special_tokens=False).input_ids
    ids = torch.tensor([ids + [mllm.prompt.filler_id] * 12])  # queries that are words: what follows is plain
    plain: Any = AutoModelForImageTextToText.from_pretrained(folders[family]).eval()
    more = {"mm_token_type_ids": (ids == mllm.prompt.vision_token_id).int()} if family in MROPE else {}
    inputs = {name: value for name, value in made.items() if name not in ("rows", "cols", "num_patches")}
    queries = mllm.model.get_input_embeddings()(ids[:, -12:]).view(1, 3, 4, -1)
    with torch.no_grad():
        expected = plain.base_model(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs, **more)
        hidden = mllm(source, TEXTS[1:], queries, places(1, 3))
    assert torch.allclose(hidden.flatten(1, 2), expected.last_hidden_state[:, -12:], atol=1e-4)


@every_family
def test_padding_and_neighbours_change_nothing(folders: dict[str, str], family: str) -> None:
    mllm = Mllm(folders[family]).eval()
    source, queries = pixels(2, 3, PIXELS.get(family, 32)), queries_for(mllm, 2)
    with torch.no_grad():
        both = mllm(source, TEXTS, queries, places(2, 3))
        alone = [mllm(source[i : i + 1], TEXTS[i : i + 1], queries[i : i + 1], places(1, 3)) for i in range(2)]
        changed = source.clone()
        changed[0, 1] = -changed[0, 1]
        other = mllm(changed, TEXTS, queries, places(2, 3))
    assert torch.allclose(both, torch.cat(alone), atol=1e-4)
    assert torch.allclose(other[1], both[1], atol=1e-4)
    assert not torch.allclose(other[0], both[0], atol=1e-2)


@pytest.mark.parametrize("family", MROPE)
def test_rotary_positions_are_the_models_own(folders: dict[str, str], family: str) -> None:
    mllm = Mllm(folders[family]).requires_grad_(False)
    side = PIXELS[family]
    source, queries = pixels(2, 2, side, 2 * side), queries_for(mllm, 2, 2)
    seen = []
    decoder = mllm.model.get_decoder()
    decoder.register_forward_pre_hook(lambda *_: seen.append(_[2]["position_ids"]), with_kwargs=True)
    with torch.no_grad():
        mllm(source, TEXTS, queries, places(2, 2))
    mllm(source, TEXTS, queries.requires_grad_(), places(2, 2))
    whole, prefix, last = seen
    assert torch.equal(whole, torch.cat([prefix, last], 2))
    # What transformers derives for each sample alone, without padding and from the processor's own grid.
    for row, text in enumerate(TEXTS):
        made = own_inputs(mllm, family, source[row : row + 1])
        ids = mllm.tokenizer(own_text(mllm, family, text, made, 2), add_special_tokens=False).input_ids
        ids = torch.tensor([ids + [mllm.prompt.filler_id] * 8])
        kinds = (ids == mllm.prompt.vision_token_id).int()
        expected, _ = mllm.model.base_model.get_rope_index(ids, kinds, image_grid_thw=made["image_grid_thw"])
        padding = whole.shape[2] - ids.shape[1]
        end = int(kinds[0].nonzero().max()) + 2  # frames and <|vision_end|> stand before the padding
        assert torch.equal(whole[:, row, :end], expected[:, 0, :end])
        assert torch.equal(whole[:, row, end + padding :], expected[:, 0, end:])
    assert not torch.equal(whole[1], whole[2])  # heights and widths differ


@pytest.mark.parametrize("family", MROPE)
def test_slots_cannot_go_with_three_axes(folders: dict[str, str], family: str) -> None:
    with pytest.raises(ValueError, match=r"num_slots is 8, .*three axes"):
        Mllm(folders[family], num_slots=8)


def test_deepstack_features_reach_their_layers_in_both_passes(folders: dict[str, str]) -> None:
    mllm = Mllm(folders["qwen3_vl"]).requires_grad_(False)
    source, queries = pixels(1, 2, 64), queries_for(mllm, 1, 2).requires_grad_()
    decoder = mllm.model.get_decoder()
    real, found = decoder._deepstack_process, []

    def process(hidden: Tensor, where: Tensor, features: Tensor) -> Tensor:
        found.append((hidden.shape[1], int(where.sum()), features))
        return real(hidden, where, features)

    with patch.object(decoder, "_deepstack_process", process):
        outputs = []
        for frozen_prefix in (True, False):
            mllm.frozen_prefix = frozen_prefix
            outputs.append(mllm(source, TEXTS[:1], queries, places(1, 2)))
    assert torch.allclose(*outputs, atol=1e-5)
    lengths, counts, features = zip(*found, strict=True)
    assert len(found) == 4  # two layers in the prefix and two in the whole pass, none for queries alone
    assert lengths[0] == lengths[2] - 8
    assert set(counts) == {8}
    assert torch.equal(features[0], features[2])
    assert torch.equal(features[1], features[3])
    assert not torch.allclose(features[0], features[1])
    with patch.object(decoder, "_deepstack_process", lambda hidden, *_: hidden):
        assert not torch.allclose(mllm(source, TEXTS[:1], queries, places(1, 2)), outputs[0], atol=1e-3)


def read_both_ways(mllm: Mllm, source: Tensor, groups: int) -> list[tuple[Tensor, Tensor]]:
    found = []
    for frozen_prefix in (True, False):
        mllm.frozen_prefix = frozen_prefix
        queries = queries_for(mllm, 2, groups).to(source.dtype).requires_grad_()
        hidden = mllm(source, TEXTS, queries, places(2, 3))
        weight = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(2)).to(hidden)
        (weight * hidden).sum().backward()
        assert queries.grad is not None
        found.append((hidden.detach(), queries.grad))
    return found


@every_family
@pytest.mark.parametrize("groups", [3, 1])  # a group per frame; one per clip
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_frozen_prefix_gives_the_outputs_and_query_gradients_of_the_whole_pass(
    folders: dict[str, str], family: str, groups: int, dtype: torch.dtype, tolerance: float
) -> None:
    mllm = Mllm(folders[family]).to(dtype).requires_grad_(False)
    assert mllm.frozen_prefix
    passes: list[bool] = []
    mllm.model.base_model.register_forward_pre_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    frozen, whole = read_both_ways(mllm, pixels(2, 3, PIXELS.get(family, 32)).to(dtype), groups)
    assert passes == [False, True, True]
    for one, other in zip(frozen, whole, strict=True):
        assert (one - other).norm() / other.norm() < tolerance


def test_a_model_whose_cache_holds_a_window_is_read_whole(folders: dict[str, str], tmp_path: Path) -> None:
    torch.manual_seed(0)
    window = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}
    mllm = Mllm(llava(tmp_path, model_type="qwen2", **window)).requires_grad_(False)
    assert mllm.model.config.text_config.layer_types == ["full_attention"] + ["sliding_attention"] * 2
    assert not mllm.frozen_prefix
    passes: list[bool] = []
    mllm.model.base_model.register_forward_pre_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    queries = queries_for(mllm, 2).requires_grad_()
    mllm(pixels(2, 3, 32), TEXTS, queries, places(2, 3)).sum().backward()
    assert passes == [True]
    assert queries.grad is not None
    model = Mllm(folders["llava"]).model
    assert can_read_after_prefix(model)
    with patch.object(type(model), "_is_stateful", True):  # as of models with a recurrent state
        assert not can_read_after_prefix(model)


def run(mllm: Mllm, family: str) -> tuple[list[Tensor], int]:
    """Gradients of queries and of all that learns, and how often a decoder layer ran."""
    calls: list[int] = []
    layer = mllm.model.get_decoder().layers[1].mlp
    hook = layer.register_forward_pre_hook(lambda *_: calls.append(1))
    queries = queries_for(mllm, 2).requires_grad_()
    mllm(pixels(2, 3, PIXELS.get(family, 32)), TEXTS, queries, places(2, 3)).square().sum().backward()
    hook.remove()
    learning = [p for p in mllm.parameters() if p.requires_grad]
    grads = [queries.grad, *(p.grad for p in learning)]
    mllm.zero_grad()
    return [grad for grad in grads if grad is not None], len(calls)


@every_family
@pytest.mark.parametrize(("adapters", "how"), [(True, True), (False, True), (True, "selective")])
def test_gradient_checkpointing_changes_memory_alone(
    folders: dict[str, str], family: str, adapters: bool, how: bool | Literal["selective"]
) -> None:
    mllm = Mllm(folders[family], lora=Lora(rank=2) if adapters else None, gradient_checkpointing=how)
    if adapters:  # a frozen MLLM is in eval mode, where transformers' own switch does nothing
        mllm.requires_grad_(False).eval()
        for name, parameter in mllm.named_parameters():
            if "lora_" in name:
                parameter.requires_grad_(True)
                torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(len(name)))
    else:
        mllm.train()
    checkpointed, calls = run(mllm, family)
    mllm.gradient_checkpointing = False
    plain, plain_calls = run(mllm, family)
    assert (calls, plain_calls) == (2, 1)
    assert len(plain) == len(checkpointed) > (6 if adapters else 20)
    assert all(torch.allclose(one, other, rtol=1e-4, atol=1e-5) for one, other in zip(plain, checkpointed, strict=True))


@pytest.mark.parametrize("family", ["qwen3_vl", "smolvlm"])
def test_frozen_prefix_keeps_its_cache_beside_checkpointing(folders: dict[str, str], family: str) -> None:
    plain, both = (Mllm(folders[family], gradient_checkpointing=on).requires_grad_(False) for on in (False, True))
    both.train()  # where transformers drops the cache of checkpointed layers
    both.model.activation_checkpointing_enable()
    (expected, _), (found, calls) = run(plain, family), run(both, family)
    assert calls == 2  # prefix and queries, nothing run again
    assert torch.allclose(found[0], expected[0], atol=1e-5)


@every_family
def test_frozen_weights_of_sixteen_bits_stay_close(folders: dict[str, str], family: str) -> None:
    full, half = Mllm(folders[family]), Mllm(folders[family], dtype="bfloat16", lora=Lora(rank=2))
    kinds = {name: p.dtype for name, p in half.named_parameters()}
    assert {kind for name, kind in kinds.items() if "lora_" not in name} == {torch.bfloat16}
    assert {kind for name, kind in kinds.items() if "lora_" in name} == {torch.float32}
    source, queries = pixels(2, 3, PIXELS.get(family, 32)), queries_for(full, 2).requires_grad_()
    with torch.no_grad():
        expected = full(source, TEXTS, queries, places(2, 3))
        found = half(source, TEXTS, queries, places(2, 3))
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    assert (found - expected).norm() / expected.norm() < 0.1
    half.requires_grad_(True)
    with pytest.raises(ValueError, match="weights of bfloat16 lose small steps: freeze the MLLM"):
        half(source, TEXTS, queries, places(2, 3))
    half.requires_grad_(False)
    half(source, TEXTS, queries, places(2, 3)).sum().backward()
    assert queries.grad is not None
    assert queries.grad.isfinite().all()


@every_family
def test_adapters_sit_in_the_language_model_alone_and_are_merged_when_stored(
    folders: dict[str, str], family: str, tmp_path: Path
) -> None:
    plain, mllm = Mllm(folders[family]).eval(), Mllm(folders[family], lora=Lora(rank=2)).eval()
    decoder = {id(parameter) for parameter in mllm.model.get_decoder().parameters()}
    adapters = {name: p for name, p in mllm.named_parameters() if "lora_" in name}
    assert len(adapters) == 3 * 7 * 2  # layers, linear maps, A and B
    assert all(id(parameter) in decoder for parameter in adapters.values())
    source, queries = pixels(2, 3, PIXELS.get(family, 32)), queries_for(mllm, 2)

    @torch.no_grad()
    def ask(model: Mllm) -> Tensor:
        hidden: Tensor = model(source, TEXTS, queries, places(2, 3))
        return hidden

    assert torch.equal(ask(plain), ask(mllm))
    for name, parameter in adapters.items():
        torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(len(name)))
    mllm.save_pretrained(str(tmp_path))
    again = Mllm(str(tmp_path)).eval()
    assert again.state_dict().keys() == plain.state_dict().keys()
    assert torch.allclose(ask(again), ask(mllm), atol=1e-3)
    assert not torch.allclose(ask(plain), ask(mllm), atol=0.05)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "smolvlm"])
def test_bridges_work_with_other_families(folders: dict[str, str], family: str) -> None:
    source, side = pixels(1, 3, PIXELS.get(family, 32)), PIXELS.get(family, 32)
    words, blind = DiscreteMllm(folders[family]), BlindMllm(folders[family])
    queries = queries_for(words, 1)
    table = words.model.get_input_embeddings().weight
    said = words(source, TEXTS[:1], queries, places(1, 3)).flatten(0, 2)
    assert all((table == word).all(1).any() for word in said)
    with torch.no_grad():  # for SmolVLM gray frames are zeros, which the model itself would drop
        gray = blind(source, TEXTS[:1], queries, places(1, 3))
        assert torch.equal(gray, blind(-source, TEXTS[:1], queries, places(1, 3)))
        assert torch.equal(
            gray, Mllm(folders[family])(torch.zeros(1, 3, 3, side, side), TEXTS[:1], queries, places(1, 3))
        )


def test_an_even_gray_frame_among_others_is_seen(folders: dict[str, str]) -> None:
    mllm = Mllm(folders["smolvlm"]).eval()
    source = pixels(1, 3, 32)
    source[0, 1] = 0
    shifted = source.clone()
    shifted[0, 1] = 1e-3
    queries = queries_for(mllm, 1)
    with torch.no_grad():
        gray, near = (mllm(clip, TEXTS[:1], queries, places(1, 3)) for clip in (source, shifted))
    assert torch.allclose(gray, near, atol=0.05)


def test_checkpoints_of_other_kinds_are_refused(tmp_path: Path) -> None:
    for config in (Qwen2Config(), CLIPConfig()):
        config.save_pretrained(tmp_path)
        with pytest.raises(ValueError, match=rf"type '{config.model_type}'.*types that work are internvl, llava,"):
            Mllm(str(tmp_path))


def copied(folder: str, to: Path, but: str, text: str | None = None) -> str:
    """A copy of a folder with one file left out, or written anew."""
    to.mkdir()
    for path in Path(folder).iterdir():
        if path.name != but:
            (to / path.name).write_bytes(path.read_bytes())
    if text is not None:
        (to / but).write_text(text)
    return str(to)


def test_a_missing_token_is_an_error(folders: dict[str, str]) -> None:
    kind = type(Mllm(folders["internvl"]).tokenizer)
    with (
        patch.object(kind, "get_vocab", lambda _: {}),
        pytest.raises(ValueError, match="tokenizer of a internvl model lacks '<img>'"),
    ):
        Mllm(folders["internvl"])


def test_a_missing_or_unfit_chat_template_is_an_error(folders: dict[str, str], tmp_path: Path) -> None:
    without = copied(folders["llava"], tmp_path / "without", "chat_template.jinja")
    with pytest.raises(ValueError, match="no chat template"):
        Mllm(without)
    template = Path(folders["llava"], "chat_template.jinja").read_text()
    Path(without, "chat_template.json").write_text(json.dumps({"chat_template": template}))  # its older place
    assert Mllm(without).prompt.block == Mllm(folders["llava"]).prompt.block
    template = Path(folders["qwen2_5_vl"], "chat_template.jinja").read_text()
    assert "{% if add_vision_id %}" in template
    counting = template.replace("{% if add_vision_id %}", "{% if true %}")  # Picture 1: .. Picture 2: ..
    with pytest.raises(ValueError, match="one after the other"):
        Mllm(copied(folders["qwen2_5_vl"], tmp_path / "counting", "chat_template.jinja", counting))


def test_a_users_text_cannot_stand_for_a_frame(folders: dict[str, str], tmp_path: Path) -> None:
    tokens = json.loads(Path(folders["llava"], "tokenizer.json").read_text())
    for token in tokens["added_tokens"]:
        token["special"] = False
    folder = copied(folders["llava"], tmp_path / "plain", "tokenizer.json", json.dumps(tokens))
    config = json.loads(Path(folder, "tokenizer_config.json").read_text())
    config.pop("extra_special_tokens", None)
    Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
    for mllm in (Mllm(folders["llava"]), Mllm(folder)):
        with pytest.raises(ValueError, match="'<image>', which has a meaning of its own"):
            mllm.prompt.text_ids("remove the <image>")


@every_family
def test_cached_features_change_nothing_and_the_tower_is_not_asked_twice(
    folders: dict[str, str], family: str, tmp_path: Path
) -> None:
    plain = Mllm(folders[family]).requires_grad_(False).eval()
    cached = Mllm(folders[family], cache=str(tmp_path)).requires_grad_(False).eval()
    one = pixels(1, 3, 56)
    source = torch.cat([one, -one, one.flip(1)])
    asked: list[str] = []
    see = "get_video_features" if plain.vision.part == "video" else "get_image_features"
    for rows in ([0, 1], [1, 2], [2, 0]):  # a clip comes again beside a new one
        names = [ClipNames(f"clip {row}", "unused") for row in rows]
        texts, queries = [TEXTS[row % 2] for row in rows], queries_for(plain, 2).requires_grad_()
        expected = plain(source[rows], texts, queries, places(2, 3))
        original = getattr(cached.model.base_model, see)
        with patch.object(cached.model.base_model, see, side_effect=original) as spy:
            found = cached(source[rows], texts, queries, places(2, 3), names=names)
        asked += ["seen"] * spy.call_count
        assert torch.allclose(found, expected, atol=1e-5)
        gradients = [torch.autograd.grad(out.square().sum(), queries)[0] for out in (found, expected)]
        assert torch.allclose(*gradients, atol=1e-4)
    assert len(asked) == 3
    kept = len(list(tmp_path.rglob("*.safetensors")))
    cached.model.requires_grad_(True)
    cached(source[:1], TEXTS[:1], queries_for(cached, 1), places(1, 3), names=[ClipNames("new", "unused")])
    assert len(list(tmp_path.rglob("*.safetensors"))) == kept == 3  # a tower that learns is not cached
