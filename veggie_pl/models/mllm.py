"""Frames + instruction + queries -> hidden states of the queries, for any transformers image-text-to-text model."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from veggie_pl.batch import ClipNames
from veggie_pl.errors import UseError
from veggie_pl.models.cache import settings_of
from veggie_pl.models.checkpoints import where_to_get
from veggie_pl.models.features import FeatureCache
from veggie_pl.models.lora import Lora, add_adapters, load_adapters, merged, save_adapters
from veggie_pl.models.mllm_weights import read_mllm
from veggie_pl.models.prefix import Decoder, FrozenPrefix
from veggie_pl.models.prompt import Layout, Prompt
from veggie_pl.models.reading import can_read_after_prefix, read_after_prefix, read_whole
from veggie_pl.models.stored import Stored, empty_mllm
from veggie_pl.models.vision import Family, family_of

__all__ = ["Lora", "Mllm"]


class Mllm(nn.Module):
    """A causal multimodal LLM read at its query positions; nothing is decoded to text.

    Queries enter through a hook that replaces the embeddings of placeholder tokens, so the model's own code merges
    vision features, makes masks and positions. The language head never runs. Gradient reaches the queries through the
    model whether or not the model's own parameters learn.

    How frames enter, and which model types work, is in ``vision.py``.

    Args:
        folder: A transformers folder: config.json, tokenizer, preprocessor_config.json and, if ``pretrained``,
            safetensors.
        pretrained: Load the folder's weights; False starts from random ones.
        num_slots: Give text and queries the positions they have in a clip of this many frames, whatever the number of
            frames (see ``Prompt.layout``). None for models that were trained with consecutive positions.
        attention: Attention implementation of transformers: "sdpa", "eager" or another that the model knows.
        max_text_tokens: Longest instruction, in tokens.
        lora: Add adapters; ``save_pretrained`` merges them. ``Freeze`` leaves adapters inside a frozen part learnable.
        adapters: peft folder of trained adapters to put in; not together with ``lora``.
        frozen_prefix: While the model is frozen, back-propagate through the query positions only, over keys and values
            of what stands before them: the same gradients for less memory and arithmetic. False keeps the graph of all,
            and so do models whose cache holds less than that (``can_read_after_prefix``). "auto" does what is faster
            for a batch's shape: the layers are run twice, which a GPU with few tokens waits for (``prefix_pays``).
        gradient_checkpointing: Where the graph of all is kept, keep the input of each layer only and run it again in
            the backward pass, also while the model is frozen and adapters learn. Less memory, a third more time.
            "selective" keeps attention and all but the widest products: some more memory for less time.
        cache: Folder that keeps what a frozen vision tower made of each clip that training reads, by its name
            (``TensorCache``); `python -m veggie_pl cache` fills it ahead. 11 MB for 8 frames in 16 bits at 7B. None
            keeps nothing.
        dtype: Of the weights: "bfloat16" halves the memory of a frozen model. Adapters are float32; weights that learn
            have to be, too.

    Raises:
        UseError: If the folder holds no MLLM of a type that works, or not all of its weights, or ``num_slots`` cannot
            go with it.
    """

    def __init__(
        self,
        folder: str,
        pretrained: bool = True,
        num_slots: int | None = None,
        attention: str = "sdpa",
        max_text_tokens: int = 512,
        frozen_prefix: FrozenPrefix = "auto",
        lora: Lora | None = None,
        adapters: str | None = None,
        gradient_checkpointing: bool | Literal["selective"] = False,
        dtype: Literal["float32", "bfloat16"] = "float32",
        cache: str | None = None,
    ) -> None:
        super().__init__()
        if not Path(folder, "config.json").is_file():
            raise UseError(f"no MLLM at {folder!r}: no transformers folder with config.json; {where_to_get(folder)}")
        family = family_of(json.loads(Path(folder, "config.json").read_text()).get("model_type"), folder)
        if num_slots is not None and not family.vision.counted_positions:
            raise UseError(
                f"num_slots is {num_slots}, but the model in {folder!r} derives positions of its own, with three axes, "
                "from the frames' grid: leave num_slots out"
            )
        self.options = {"num_slots": num_slots, "attention": attention, "max_text_tokens": max_text_tokens}
        if dtype != "float32":
            self.options["dtype"] = dtype
        self.num_slots, self.dtype, self.gradient_checkpointing = num_slots, dtype, gradient_checkpointing
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        if (template := Path(folder, "chat_template.json")).is_file():  # the processor's own, in its older place
            self.tokenizer.chat_template = json.loads(template.read_text())["chat_template"]
        self.image_processor: Any = AutoImageProcessor.from_pretrained(folder)
        options = {"attn_implementation": attention, "dtype": getattr(torch, dtype)}
        self.pending: dict[str, Stored] | None = None  # weights that are read later, see ``deferred_weights``
        if not pretrained:
            self.model: Any = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder), **options)
        elif lora is None and adapters is None and (empty := empty_mllm(folder, **options)) is not None:
            self.model, self.pending = empty[0], {f"model.{name}": one for name, one in empty[1].items()}
        else:
            self.model = read_mllm(folder, **options)
        if lora is not None and adapters is not None:
            raise UseError(f"lora makes new adapters and {adapters!r} holds trained ones: give one of the two")
        if lora is not None:
            add_adapters(self.model, lora)
        elif adapters is not None:
            load_adapters(self.model, adapters)
        self.folder, self.has_adapters = folder, lora is not None or adapters is not None
        self.origin = folder if pretrained else None  # which holds the weights, until they are changed
        self.frozen_prefix: FrozenPrefix = frozen_prefix if can_read_after_prefix(self.model) else False
        self.decoder_costs = Decoder.of(self.model)
        self.width = int(self.model.config.get_text_config().hidden_size)
        counted = self.model
        if self.pending is not None:  # a twin that has shapes alone, buffers too
            with torch.device("meta"):
                counted = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder), **options)
        self.vision = family.vision(counted.base_model, self.image_processor)
        self.features = None if cache is None else self._make_features(cache, attention)
        self.prompt = self._make_prompt(family, max_text_tokens)

    def _make_features(self, folder: str, attention: str) -> FeatureCache:
        seeing = {name: value for name, value in self.model.config.to_dict().items() if name != "text_config"}
        settings = settings_of({**seeing, "attention": attention}, self.image_processor.to_dict())
        return FeatureCache(folder, self.model.base_model, self.vision.part, settings)

    def _make_prompt(self, family: Family, max_text_tokens: int) -> Prompt:
        tokenizer, config, part = self.tokenizer, self.model.config, family.vision.part
        token_id = config.video_token_id if part == "video" else config.image_token_id

        def ids(tokens: tuple[tuple[str, str], ...]) -> list[int]:
            names = [getattr(tokenizer, attribute, None) or text for attribute, text in tokens]
            if unknown := [name for name in names if name not in tokenizer.get_vocab()]:
                raise UseError(f"the tokenizer of a {config.model_type} model lacks {unknown[0]!r}")
            return [tokenizer.convert_tokens_to_ids(name) for name in names]

        return Prompt(tokenizer, token_id, part, max_text_tokens, (ids(family.before), ids(family.after)))

    @property
    def tokens_per_frame(self) -> int:
        """Vision tokens of a frame, for models whose frames all have the same size."""
        if not self.vision.counted_positions:
            raise UseError("the number of tokens follows the frames' size: ask vision.tokens_per_frame(height, width)")
        side = self.vision.side
        return self.vision.tokens_per_frame(side, side)

    @property
    def extra_tokens(self) -> int:
        """Vision tokens of a clip as a whole."""
        return self.vision.extra_tokens

    def forward(
        self,
        source: Float[Tensor, "b f 3 h w"],
        instruction: list[str],
        queries: Float[Tensor, "b g q d"],
        frame_index: Int[Tensor, "b f"],
        references: Float[Tensor, "b r 3 h w"] | None = None,
        names: Sequence[ClipNames] = (),
    ) -> Float[Tensor, "b g q d"]:
        """Hidden states of the queries after one causal pass.

        Args:
            source: Frames in [-1, 1].
            instruction: One per sample.
            queries: What to ask: a group per frame, or for every so many, or one for the last frame.
            frame_index: Place of each frame in its clip, in [0, num_slots).
            references: Pictures in [-1, 1] that the instruction speaks of; they stand before the frames, and with
                ``num_slots`` the frames' places begin behind them.
            names: Of the clips, where there are no references; without them no cache is asked.

        Raises:
            UseError: If an instruction is empty or too long, or weights of 16 bits are to learn.
        """
        seen = source if references is None else torch.cat([references, source], 1)
        inputs: dict[str, Any] = self.vision_inputs(seen)
        layout = self.prompt.layout(
            instruction,
            frame_index,
            queries.shape[2],
            self.vision.tokens_per_frame(*seen.shape[-2:]),
            self.extra_tokens,
            self.num_slots,
            num_references=seen.shape[1] - source.shape[1],
            num_groups=queries.shape[1],
        )
        positions = self.vision.positions(self.model.base_model, layout.ids, layout.attention_mask, inputs)
        if positions is not None:
            layout = replace(layout, position_ids=positions)
        if self.features is not None and self.features.usable:
            inputs = self.features(inputs, seen, names)
        part = self.vision.part if self.vision.only_embeds else None
        if self._prefix_is_fixed(queries) and self._prefix_pays(layout):
            hidden = read_after_prefix(self.model, layout, inputs, queries, part)
        else:
            hidden = read_whole(self.model, layout, inputs, queries, self.gradient_checkpointing, part)
        return hidden[:, -layout.num_query_tokens :].reshape(queries.shape).to(queries.dtype)

    def _prefix_is_fixed(self, queries: Tensor) -> bool:
        """Tell whether gradient is wanted for the queries alone: nothing before them depends on what learns."""
        if not torch.is_grad_enabled():
            return False
        learning = [p.dtype for p in self.model.parameters() if p.requires_grad]
        if self.dtype != "float32" and getattr(torch, self.dtype) in learning:
            raise UseError(f"weights of {self.dtype} lose small steps: freeze the MLLM, or set its dtype to float32")
        return bool(self.frozen_prefix) and queries.requires_grad and not learning

    def _prefix_pays(self, layout: Layout) -> bool:
        """Tell whether a frozen prefix is read on its own: as asked for, or as this shape of a batch is faster.

        Where layers would be checkpointed it always is: they run twice either way.
        """
        if self.frozen_prefix != "auto" or self.gradient_checkpointing:
            return True
        (batch, length), asked = layout.ids.shape, layout.num_query_tokens
        return self.decoder_costs.prefix_pays(batch, length - asked, asked, layout.ids.device.type)

    def embed_words(self, words: list[str]) -> Float[Tensor, "n d"]:
        """Return the input embedding of each word, or of each run of words: the mean of its tokens."""
        table = self.model.get_input_embeddings().weight
        if self.pending is not None:
            names = {id(parameter): name for name, parameter in self.named_parameters()}
            table = self.pending[names[id(table)]].read().to(table.dtype)
        ids = [self.tokenizer(word, add_special_tokens=False).input_ids for word in words]
        return torch.stack([table[one].mean(0) for one in ids])

    def save_pretrained(self, folder: str) -> None:
        """Write a transformers folder that ``Mllm(folder)`` and transformers alone can read; adapters are merged."""
        (merged(self.model) if self.has_adapters else self.model).save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.image_processor.save_pretrained(folder)

    def save_adapters(self, folder: str) -> None:
        """Write the adapters alone as a peft folder, for the transformers folder that this model was read from."""
        save_adapters(self.model, folder)

    def vision_inputs(self, source: Float[Tensor, "b f 3 h w"]) -> dict[str, Tensor]:
        """Frames in [-1, 1] as the model's forward takes them."""
        return self.vision.inputs(source, self.model.dtype)
