"""Frames + instruction + queries -> hidden states of the queries, for any transformers image-text-to-text model."""

import copy
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from veggie_pl.models.checkpoints import where_to_get
from veggie_pl.models.prompt import Layout, Prompt, select_queries


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters in the language model (LoRA, arXiv:2106.09685), by peft; at first they change nothing.

    Args:
        rank: Of each update.
        alpha: Updates are scaled by ``alpha / rank``.
        dropout: Of the adapters' input.
        targets: Names of the linear layers that get one.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class Mllm(nn.Module):
    """A causal multimodal LLM read at its query positions; nothing is decoded to text.

    Queries enter through a hook that replaces the embeddings of placeholder tokens, so the model's own code merges
    vision features, makes masks and positions. The language head never runs. Gradient reaches the queries through the
    model whether or not the model's own parameters learn.

    Frames enter as ``pixel_values_videos`` (b, f, 3, h, w) where the model's forward takes such (LLaVA-OneVision:
    pooled features, one newline token a clip), else as ``pixel_values`` (b*f, 3, h, w) with fixed-size vision towers
    (LLaVA, InternVL). How many tokens that makes is measured once on an empty clip.

    Args:
        folder: A transformers folder: config.json, tokenizer, preprocessor_config.json and, if ``pretrained``,
            safetensors.
        pretrained: Load the folder's weights; False starts from random ones.
        num_slots: Give text and queries the positions they have in a clip of this many frames, whatever the number of
            frames (see ``Prompt.layout``). None for models that were trained with consecutive positions.
        attention: Attention implementation of transformers: "sdpa", "eager" or another that the model knows.
        max_text_tokens: Longest instruction, in tokens.
        lora: Add adapters; ``save_pretrained`` merges them. ``Freeze`` leaves adapters inside a frozen part learnable.
        frozen_prefix: While the model is frozen, back-propagate through the query positions only, over keys and values
            of what stands before them: the same gradients for less memory and time. False keeps the graph of all.
    """

    def __init__(
        self,
        folder: str,
        pretrained: bool = True,
        num_slots: int | None = None,
        attention: str = "sdpa",
        max_text_tokens: int = 512,
        frozen_prefix: bool = True,
        lora: Lora | None = None,
    ) -> None:
        super().__init__()
        if not Path(folder, "config.json").is_file():
            raise ValueError(f"no MLLM at {folder!r}: no transformers folder with config.json; {where_to_get(folder)}")
        self.options = {"num_slots": num_slots, "attention": attention, "max_text_tokens": max_text_tokens}
        self.frozen_prefix = frozen_prefix
        self.num_slots = num_slots
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.image_processor: Any = AutoImageProcessor.from_pretrained(folder)
        load = AutoModelForImageTextToText
        self.model: Any = (
            load.from_pretrained(folder, attn_implementation=attention, dtype=torch.float32, use_safetensors=True)
            if pretrained
            else load.from_config(
                AutoConfig.from_pretrained(folder), attn_implementation=attention, dtype=torch.float32
            )
        )
        if lora is not None:
            targets = rf".*language_model.*\.({'|'.join(lora.targets)})"
            settings = LoraConfig(r=lora.rank, target_modules=targets, lora_alpha=lora.alpha, lora_dropout=lora.dropout)
            inject_adapter_in_model(settings, self.model)
        self.has_adapters = lora is not None
        config = self.model.config
        self.width = int(config.get_text_config().hidden_size)
        takes = inspect.signature(self.model.base_model.forward).parameters
        self._as_video = "pixel_values_videos" in takes and "video_grid_thw" not in takes
        if "image_grid_thw" in takes:
            raise ValueError(f"{type(self.model).__name__} needs patches with a grid, which this wrapper does not make")
        self.prompt = Prompt(
            self.tokenizer,
            config.video_token_id if self._as_video else config.image_token_id,
            "video" if self._as_video else "image",
            max_text_tokens,
        )
        size = config.vision_config.image_size  # InternVL gives height and width
        self._image_size = int(size if isinstance(size, int) else size[0])
        mean, std = (torch.tensor(getattr(self.image_processor, name)) for name in ("image_mean", "image_std"))
        self.image_mean: Tensor
        self.image_std: Tensor
        self.register_buffer("image_mean", mean[:, None, None], persistent=False)
        self.register_buffer("image_std", std[:, None, None], persistent=False)
        one, two = (self._count_vision_tokens(f) for f in (1, 2))
        self.tokens_per_frame = two - one
        self.extra_tokens = 2 * one - two

    def forward(
        self,
        source: Float[Tensor, "b f 3 h w"],
        instruction: list[str],
        queries: Float[Tensor, "b g q d"],
        frame_index: Int[Tensor, "b f"],
        references: Float[Tensor, "b r 3 h w"] | None = None,
    ) -> Float[Tensor, "b g q d"]:
        """Hidden states of the queries after one causal pass.

        Args:
            source: Frames in [-1, 1].
            instruction: One per sample.
            queries: What to ask: a group per frame, or one for the last frame.
            frame_index: Place of each frame in its clip, in [0, num_slots).
            references: Pictures in [-1, 1] that the instruction speaks of; they stand before the frames, and with
                ``num_slots`` the frames' places begin behind them.

        Raises:
            ValueError: If an instruction is empty or too long.
        """
        seen = source if references is None else torch.cat([references, source], 1)
        layout = self.prompt.layout(
            instruction,
            frame_index,
            queries.shape[2],
            self.tokens_per_frame,
            self.extra_tokens,
            self.num_slots,
            num_references=seen.shape[1] - source.shape[1],
            num_groups=queries.shape[1],
        )
        read = self._read_after_prefix if self._prefix_is_fixed(queries) else self._read_whole
        hidden: Tensor = read(layout, self.vision_inputs(seen), queries)
        return hidden[:, -layout.num_query_tokens :].reshape(queries.shape).to(queries.dtype)

    def _prefix_is_fixed(self, queries: Tensor) -> bool:
        """Whether gradient is wanted for the queries alone: nothing before them depends on what learns."""
        wanted = torch.is_grad_enabled() and queries.requires_grad
        return self.frozen_prefix and wanted and not any(p.requires_grad for p in self.model.parameters())

    def _read_whole(self, layout: Layout, vision: dict[str, Tensor], queries: Tensor) -> Tensor:
        where = select_queries(layout.ids, layout.num_query_tokens)[:, :, None]

        def fill(_: nn.Module, inputs: tuple[Tensor, ...], embedded: Tensor) -> Tensor:
            if inputs[0].shape != layout.ids.shape:  # a model may also embed single placeholder ids
                return embedded
            return embedded.masked_scatter(where, queries.to(embedded.dtype))

        hook = self.model.get_input_embeddings().register_forward_hook(fill)
        try:
            return self.model.base_model(  # type: ignore[no-any-return]
                input_ids=layout.ids,
                attention_mask=layout.attention_mask,
                position_ids=layout.position_ids,
                use_cache=False,
                **vision,
            ).last_hidden_state
        finally:
            hook.remove()

    def _read_after_prefix(self, layout: Layout, vision: dict[str, Tensor], queries: Tensor) -> Tensor:
        """The same in two passes: queries come last, so what is before them needs no graph, only keys and values."""
        end = layout.ids.shape[1] - layout.num_query_tokens
        positions = layout.position_ids
        with torch.no_grad():
            prefix = self.model.base_model(
                input_ids=layout.ids[:, :end],
                attention_mask=layout.attention_mask[:, :end],
                position_ids=None if positions is None else positions[:, :end],
                use_cache=True,
                **vision,
            )
        return self.model.base_model(  # type: ignore[no-any-return]
            inputs_embeds=queries.flatten(1, 2),
            attention_mask=layout.attention_mask,
            position_ids=None if positions is None else positions[:, end:],
            past_key_values=prefix.past_key_values,
            use_cache=True,
        ).last_hidden_state

    def embed_words(self, words: list[str]) -> Float[Tensor, "n d"]:
        """The input embedding of each word, or of each run of words: the mean of its tokens."""
        table = self.model.get_input_embeddings().weight
        ids = [self.tokenizer(word, add_special_tokens=False).input_ids for word in words]
        return torch.stack([table[one].mean(0) for one in ids])

    def save_pretrained(self, folder: str) -> None:
        """Write a transformers folder that ``Mllm(folder)`` and transformers alone can read; adapters are merged."""
        model = self.model
        if self.has_adapters:
            model = copy.deepcopy(model)
            for name, layer in [item for item in model.named_modules() if isinstance(item[1], LoraLayer)]:
                layer.merge()
                model.set_submodule(name, layer.get_base_layer())
        model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.image_processor.save_pretrained(folder)

    def vision_inputs(self, source: Float[Tensor, "b f 3 h w"]) -> dict[str, Tensor]:
        """Frames in [-1, 1] as the model's forward takes them: resized, normalised, under the name it knows."""
        frames = source.flatten(0, 1)
        size = (self._image_size, self._image_size)
        if frames.shape[-2:] != size:
            frames = F.interpolate(frames, size, mode="bicubic", antialias=True).clamp(-1, 1)
        frames = ((frames + 1) / 2 - self.image_mean) / self.image_std
        if self._as_video:
            return {"pixel_values_videos": frames.view(*source.shape[:2], *frames.shape[1:])}
        return {"pixel_values": frames}

    @torch.no_grad()
    def _count_vision_tokens(self, num_frames: int) -> int:
        size = self._image_size
        blank = self.vision_inputs(torch.zeros(1, num_frames, 3, size, size))
        see = self.model.base_model.get_video_features if self._as_video else self.model.base_model.get_image_features
        features = see(**blank, return_dict=True).pooler_output
        return sum(part.shape[:-1].numel() for part in features)
