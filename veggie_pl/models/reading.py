"""Two ways through an MLLM with the same result: with the graph of all, or over keys and values of what is frozen."""

import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.modeling_layers import GradientCheckpointingLayer

from veggie_pl.models.again import selectively
from veggie_pl.models.prefix import prefix_cache
from veggie_pl.models.prompt import Layout, select_queries

# Placeholders and what stands for them: one value a thread, where attributes and hooks of a model are all threads'.
_ASKED: ContextVar[tuple[Tensor, Tensor] | None] = ContextVar("asked", default=None)
_HOOKING = threading.Lock()
Again = bool | Literal["selective"]
_NAMED_MASKS = ("qwen2", "qwen3", "qwen2_5_vl_text")  # language models that take a mask by the name of a layer's kind


def read_whole(
    model: Any,
    layout: Layout,
    inputs: dict[str, Any],
    queries: Float[Tensor, "b g q d"],
    checkpointed: Again = False,
    part: str | None = None,
) -> Float[Tensor, "b n d"]:
    """Read all in one pass; queries enter through a hook that replaces the embeddings of their placeholders.

    Threads may read at the same time where no gradient is wanted: what one asks, the others' hooks do not see.

    Args:
        model: With its language head, which does not run.
        layout: Ids, mask and positions.
        inputs: Frames, as the forward takes them.
        queries: Embeddings of the last block.
        checkpointed: Keep each layer's input only and run the layer again in the backward pass; or keep what is dear
            to compute as well. Matters where gradient is wanted.
        part: "video" or "image", of models whose features only have to be put in the place of placeholders; for others,
            None, the model's own forward does it.
    """
    _hook(model.get_input_embeddings())
    asked = _ASKED.set((select_queries(layout.ids, layout.num_query_tokens)[:, :, None], queries))
    try:
        # Layers look at their flags in training only, so that the flags can be left alone elsewhere.
        with checkpointing(model, checkpointed) if torch.is_grad_enabled() else nullcontext():
            hidden: Tensor = model.base_model(
                **_embedded(model, layout, layout.ids, inputs, part),
                attention_mask=_mask_of_all(model, layout),
                position_ids=layout.position_ids,
                use_cache=False,
            ).last_hidden_state
        return hidden
    finally:
        _ASKED.reset(asked)


def _hook(embedding: nn.Module) -> None:
    """Let queries enter here, from now on."""
    with _HOOKING:
        if _put_in not in embedding._forward_hooks.values():
            embedding.register_forward_hook(_put_in)


def _put_in(_: nn.Module, inputs: tuple[Tensor, ...], embedded: Tensor) -> Tensor:
    """Replace the embeddings of placeholders by what this thread's call asks."""
    asked = _ASKED.get()
    if asked is None or inputs[0].shape != asked[0].shape[:2]:  # a model may also embed single placeholder ids
        return embedded
    where, queries = asked
    return embedded.masked_scatter(where, queries.to(embedded.dtype))


def read_after_prefix(
    model: Any, layout: Layout, inputs: dict[str, Any], queries: Float[Tensor, "b g q d"], part: str | None = None
) -> Float[Tensor, "b n d"]:
    """Read the same in two passes: queries come last, so what is before them needs no graph, only keys and values.

    Hidden states of the queries alone come back.
    """
    end = layout.ids.shape[1] - layout.num_query_tokens
    positions, cache = layout.position_ids, prefix_cache()
    of_prefix, of_queries = _masks_of_both(model, layout, end)
    with checkpointing(model, False):
        with torch.no_grad():
            model.base_model(
                **_embedded(model, layout, layout.ids[:, :end], inputs, part),
                attention_mask=of_prefix,
                position_ids=None if positions is None else positions[..., :end],
                past_key_values=cache,
                use_cache=True,
            )
        hidden: Tensor = model.base_model(
            inputs_embeds=queries.flatten(1, 2).to(model.get_input_embeddings().weight.dtype),
            attention_mask=of_queries,
            position_ids=None if positions is None else positions[..., end:],
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
    return hidden


def _masks_of_both(model: Any, layout: Layout, end: int) -> tuple[Tensor | None, Tensor]:
    """Masks as transformers would make them, which asks the device whether anything is padded and waits for the answer.

    Both are cut out of one; without padding the prefix needs none.
    """
    mask = layout.attention_mask
    if not _is_fused(model):
        return mask[:, :end], mask
    if layout.is_padded:
        whole = _causal(mask)
        return whole[:, :, :end, :end], whole[:, :, end:]
    asked, length = layout.num_query_tokens, mask.shape[1]
    return None, torch.ones(1, 1, asked, length, dtype=torch.bool, device=mask.device).tril(end)


def _mask_of_all(model: Any, layout: Layout) -> Tensor | dict[str, None] | None:
    """Do the same where nothing is cached: there, no mask would be taken for several texts in a row."""
    text = model.config.get_text_config()
    if not _is_fused(model) or {*(getattr(text, "layer_types", None) or ())} - {"full_attention"}:
        return layout.attention_mask
    if layout.is_padded:
        return _causal(layout.attention_mask)
    if layout.position_ids.ndim == 3:  # which tell nothing of texts in a row
        return None
    return {"full_attention": None} if text.model_type in _NAMED_MASKS else layout.attention_mask


def _is_fused(model: Any) -> bool:
    return bool(model.config.get_text_config()._attn_implementation == "sdpa")


def _causal(mask: Int[Tensor, "b n"]) -> Bool[Tensor, "b 1 n n"]:
    """Tell which token sees which: those before it and itself, if they are no padding."""
    length = mask.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool, device=mask.device).tril()
    return earlier & mask.bool()[:, None, None]


def _embedded(
    model: Any, layout: Layout, ids: Int[Tensor, "b n"], inputs: dict[str, Any], part: str | None
) -> dict[str, Any]:
    """Do what the model's own forward begins with, but for counting placeholders on the device and waiting for it.

    The prompt has counted them.
    """
    if part is None:
        return {"input_ids": ids, **inputs}
    base = model.base_model
    embedded: Tensor = model.get_input_embeddings()(ids)
    made = inputs.get("mm_encoder_outputs", {}).get(part)
    if made is None:
        see = base.get_video_features if part == "video" else base.get_image_features
        made = see(**inputs, return_dict=True)
    features = made.pooler_output
    flat = features if isinstance(features, Tensor) else torch.cat([*features])
    placeholders = (ids == layout.vision_token_id)[:, :, None]
    return {"inputs_embeds": embedded.masked_scatter(placeholders, flat.to(embedded.dtype))}


def can_read_after_prefix(model: Any) -> bool:
    """Tell whether keys and values are all that a later token needs of an earlier one.

    Not so where layers keep a window of them, a recurrent state or something compressed: transformers makes another
    kind of cache for those.
    """
    takes = inspect.signature(model.base_model.forward).parameters
    if model._is_stateful or not {"past_key_values", "inputs_embeds"} <= takes.keys():
        return False
    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)


@contextmanager
def checkpointing(model: Any, on: Again) -> Iterator[None]:
    """Set whether layers are run again in the backward pass, for the time of a forward pass.

    transformers decides by the layer's ``training`` flag, and drops the cache where it is on. But a frozen MLLM is in
    eval mode, with adapters or queries that learn, and a prefix needs its cache: so the flags are set here, of the
    layers and not of the dropout inside them.
    """
    switches = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    layers = [module for module in switches if isinstance(module, GradientCheckpointingLayer)]
    before = [(module.training, module.gradient_checkpointing) for module in switches]
    try:
        for module in switches:
            module.gradient_checkpointing = False  # a model's own flag would drop the cache as well
        run_again = selectively if on == "selective" else partial(checkpoint, use_reentrant=False)
        for layer in layers if on else ():
            layer.gradient_checkpointing = layer.training = True
            layer._gradient_checkpointing_func = run_again
        yield
    finally:
        for module, (training, switch) in zip(switches, before, strict=True):
            module.training, module.gradient_checkpointing = training, switch
