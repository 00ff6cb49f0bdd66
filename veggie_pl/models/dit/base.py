"""What all diffusion transformers of diffusers share as denoisers: source, task tokens, weights, what is predicted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Bool, Float, Num
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.models.dit.adapters import DenoiserLora, put_in, without_adapters
from veggie_pl.models.dit.beside import BesidePrompt, Padding
from veggie_pl.models.dit.frames import Grouping, per_latent_frame
from veggie_pl.models.dit.references import References, behind
from veggie_pl.models.dit.weights import Dtype, built, codec_of, computed_in, fill, stored_transformer, widened
from veggie_pl.models.stored import Stored

Latents = Float[Tensor, "b f c h w"]
Given = Float[Tensor, "b f c_in h w"]
Told = Float[Tensor, "b lf lq d"]
Timesteps = Num[Tensor, "b *f"]  # of each clip, or of each of its frames
Source = Literal["channels", "added", "context"]
NUM_TIMESTEPS = 1000  # of noise level 1, as the time embeddings were trained
LEAST_SIGMA = 0.05  # by which latents are divided


class TransformerDenoiser(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A transformer of diffusers, unchanged, that is brought source latents and each frame's own task tokens.

    A subclass names the library's class and its patch embedding, and says how to call it: ``patch``, ``width``,
    ``laid_out``, ``run`` and ``use_frames``.

    Args:
        transformer_config: Configuration of the library's class; with source on channels, ``in_channels`` is twice
            the codec's.
        latent_size: Height and width in latent cells that it is built for.
        tokens_per_frame: Task tokens of a latent frame: the queries of a frame, with ``grouping`` "concat" times the
            frames of a latent frame, with "one" and "pool" as they are.
        weights: A transformer folder of diffusers, or a pipeline folder that has one; None starts at random.
        extend_channels: Take ``weights`` of a text-to-video model, which knows no source, and add zeros for it.
        source: "channels": beside the noisy latents (Lucy-Edit, CogVideoX-I2V). "added": through a second,
            zero-initialised patch embedding, whose output is added to the model's own (Kiwi-Edit); the transformer
            stays a text-to-video model. "context": through blocks beside the model's (VACE). None is the class's own.
            With weights of a text-to-video model, each is at first that model, whatever the source.
        context: "per_frame": a latent frame attends to its own task tokens; "shared": to those of all frames.
        grouping: How a latent frame that stands for several frames gets their tokens, see ``per_latent_frame``.
        scale_source: Multiply the source by the noise level, 1 at noise alone (Kiwi-Edit).
        gives: What the transformer's output is. "slope", as published; "latents", from which the slope follows: easier
            to learn from nothing, for there is less to tell of them than of noise (JiT, arXiv:2511.13720).
        add_source: Predict the slope of the change alone, so that copying is free. Only with a codec whose source and
            target share one scale.
        gradient_checkpointing: Compute block by block again in the backward pass.
        lora: Add adapters; ``save_pretrained`` merges them. ``Freeze`` leaves adapters inside a frozen part learnable.
        tokens_join: "replace": task tokens are all the text there is; "beside": see ``BesidePrompt``.
        prompt: States of the empty prompt for "beside", see there.
        prompt_rows: See there.
        adapters: Trained adapters in place of new ones: a file of diffusers' format, or its folder.
        dtype: Of the blocks' matrices, see ``built``: "bfloat16" halves the memory of a frozen model. They are then
            computed in bfloat16, too; adapters and all that learns are float32.
        references: Who sees reference pictures: the MLLM alone, or with "latents" also the transformer, as clean frames
            behind the clip (UniVideo, arXiv:2510.08377); for those that know clean frames.

    Raises:
        UseError: If a checkpoint is not there or does not fit the configuration, or the class has no such source.
    """

    library: ClassVar[str]  # the class of diffusers
    embedding: ClassVar[str]  # its patch embedding, whose second dimension is channels
    sources: ClassVar[tuple[Source, ...]] = ("channels", "added")
    knows_slopes: ClassVar[bool] = True  # published for rectified flow
    knows_clean: ClassVar[bool] = False  # a frame can have a timestep of its own
    padding: ClassVar[Padding] = "zeros"  # of the empty prompt

    is_video = True  # an image is a clip of one frame
    reads_frames = False  # a latent frame may stand for several
    pooled_width = 0

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        transformer_config: dict[str, Any],
        latent_size: Sequence[int],
        tokens_per_frame: int,
        weights: str | None = None,
        extend_channels: bool = False,
        source: Source | None = None,
        context: Literal["per_frame", "shared"] = "per_frame",
        grouping: Grouping = "concat",
        scale_source: bool = False,
        gives: Literal["slope", "latents"] = "slope",
        add_source: bool = False,
        gradient_checkpointing: bool = False,
        lora: DenoiserLora | None = None,
        tokens_join: Literal["replace", "beside"] = "replace",
        prompt: str | None = None,
        prompt_rows: int = 512,
        adapters: str | None = None,
        dtype: Dtype = "float32",
        references: References = "mllm",
    ) -> None:
        super().__init__()
        self.source: Source = source or self.sources[0]
        if self.source not in self.sources:
            name = type(self).__name__
            raise UseError(f"{name} takes no source by {self.source!r}; the choices are {', '.join(self.sources)}")
        if (add_source or gives != "slope") and not self.knows_slopes:
            raise UseError(f"{type(self).__name__} predicts no slope: leave out add_source, and gives at 'slope'")
        self.sees_references = references == "latents"
        if self.sees_references and not self.knows_clean:
            raise UseError(f"{self.library} has one timestep for a clip: leave references at 'mllm'")
        self.transformer: Any = built(self.library, transformer_config, weights is not None, dtype)
        self.check_layout()
        if add_source:  # the untrained model then copies the source exactly
            nn.init.zeros_(self.transformer.proj_out.weight)
            nn.init.zeros_(self.transformer.proj_out.bias)
        self.codec_of_weights = None if weights is None else codec_of(weights, self.library)
        if weights is not None:
            fill(self.transformer, self.read(weights, extend_channels), weights)
        # what was read is in the weights now
        self.register_to_config(weights=None, extend_channels=False, source=self.source, lora=None, adapters=None)
        if prompt is not None and tokens_join != "beside":
            raise UseError("prompt goes with tokens_join: beside")
        self.beside = BesidePrompt(self.width, prompt_rows, prompt, self.padding) if tokens_join == "beside" else None
        if prompt is not None:
            self.register_to_config(prompt=None)
        self.source_embedding: Any = None
        if self.source == "added":
            self.source_embedding = deepcopy(self.transformer.get_submodule(self.embedding))
            nn.init.zeros_(self.source_embedding.weight)
            self.source_embedding.bias = None  # no source adds nothing, learnt or not
        self.tokens_per_frame, self.grouping, self.scale_source = tokens_per_frame, grouping, scale_source
        self.gives, self.add_source = gives, add_source
        if context == "per_frame":
            if self.patch[0] > 1:
                raise UseError(f"{self.library}'s patches are of {self.patch[0]} latent frames: set context to shared")
            self.use_frames(tokens_per_frame if self.beside is None else prompt_rows)
        put_in(self.transformer, lora, adapters)
        if gradient_checkpointing:
            self.checkpoint_gradients()

    def save_pretrained(self, folder: str | Path, **options: Any) -> None:
        """Write a folder of diffusers, adapters added into the weights."""
        super(TransformerDenoiser, without_adapters(self)).save_pretrained(folder, **options)

    @property
    def patch(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of a patch."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        """Width of task tokens: that of the text encoder's states, which they stand for."""
        raise NotImplementedError

    def laid_out(self, latents: Given) -> Tensor:
        """Lay latents out as the patch embedding takes them."""
        raise NotImplementedError

    def run(self, latents: Given, source: Latents, timestep: Timesteps, told: Told) -> Latents:
        """Run the transformer.

        Args:
            latents: Noisy latents, and the source beside them if it is on channels.
            source: For those that take it as context.
            timestep: Of each clip, or of each frame for those that know clean ones.
            told: Task tokens of each latent frame.
        """
        raise NotImplementedError

    def use_frames(self, tokens_per_frame: int) -> None:
        """Let each latent frame attend to its own tokens only, of which there are as many."""
        raise NotImplementedError

    @property
    def channels(self) -> int:
        """Channels of the noisy latents; the source has as many."""
        taken = int(self.transformer.config.in_channels)
        return taken // 2 if self.source == "channels" else taken

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width in latent cells."""
        height, width = self.config.latent_size
        return int(height), int(width)

    def num_tokens(self, num_frames: int, height: int, width: int) -> int:
        """Count patches: of the whole clip, or of a frame where each is on its own."""
        along, down, across = self.patch
        return (num_frames // along if self.is_video else 1) * (height // down) * (width // across)

    def layer_kind(self, name: str) -> Literal["spatial", "temporal"]:
        """Tell that no layer looks along time alone: attention is over space and time at once."""
        return "spatial"

    def checkpoint_gradients(self) -> None:
        """Compute blocks again in the backward pass."""
        self.transformer.enable_gradient_checkpointing()

    def check_layout(self) -> None:
        """Look whether the transformer's channels are noise and source.

        Raises:
            UseError: If they are not.
        """
        config = self.transformer.config
        made = int(config.out_channels or config.in_channels)
        wanted = 2 * made if self.source == "channels" else made
        if config.in_channels != wanted:
            raise UseError(
                f"{self.library} makes {made} channels, so that with source {self.source!r} its in_channels are "
                f"{wanted}; the configuration says {config.in_channels}"
            )

    def forward(
        self,
        noisy: Latents,
        source: Latents,
        timestep: Num[Tensor, " b"],
        tokens: Float[Tensor, "b q_f q d"],
        clean: Bool[Tensor, "b f"] | None = None,
        references: Float[Tensor, "b_r r c h w"] | None = None,
    ) -> Latents:
        """Predict what the noise process asks for, in most cases the slope from latents to noise.

        Args:
            noisy: Noisy latents.
            source: Source latents.
            timestep: Of each clip.
            tokens: Task tokens of each frame.
            clean: Latent frames that ``noisy`` holds without noise, such as a given first one: the timestep of their
                cells is 0 (Wan2.2 TI2V, LTX). What is predicted for them means nothing.
            references: Latents of reference pictures, a frame each; of as many clips, or of guidance's one.

        Raises:
            UseError: If height or width is no multiple of the patch, there are other tokens than it was built for, or
                the model knows no clean frames.
        """
        _, frames, _, height, width = noisy.shape
        along, down, across = self.patch
        if frames % along or height % down or width % across:
            raise UseError(
                f"{self.library}'s patches are {along} x {down} x {across} latent cells; {frames} x {height} x {width} "
                "is no multiple of them"
            )
        told = per_latent_frame(tokens, frames, self.grouping)
        if frames == 1 and self.grouping == "concat" and not self.tokens_per_frame % told.shape[2]:
            told = told.repeat(1, 1, self.tokens_per_frame // told.shape[2], 1)  # as a clip's first frame has them
        if told.shape[2] != self.tokens_per_frame:
            raise UseError(
                f"a latent frame has {told.shape[2]} task tokens, tokens_per_frame is {self.tokens_per_frame}"
            )
        told = told if self.beside is None else self.beside(told)
        if references is not None:
            noisy, source, told, clean = behind(references, noisy, source, told, clean)
        if clean is not None:
            if not self.knows_clean:
                raise UseError(f"{self.library} has one timestep for a clip: none of its frames can be given clean")
            timestep = torch.where(clean, torch.zeros_like(timestep)[:, None], timestep[:, None])
        sigma = (timestep.to(noisy.device, torch.float32) / NUM_TIMESTEPS).reshape(len(noisy), -1, 1, 1, 1)
        shown = source * sigma if self.scale_source else source
        given = torch.cat([noisy, shown], 2) if self.source == "channels" else noisy
        precision = nullcontext() if self.config.dtype == "float32" else computed_in(self.transformer, noisy.device)
        with precision, self._added(shown):
            out = self.run(given, shown, timestep, told).to(noisy.dtype)
        if self.gives == "latents":
            out = (noisy - out) / sigma.clamp(min=LEAST_SIGMA)
        out = out - source if self.add_source else out
        return out if references is None else out[:, :frames]

    @contextmanager
    def _added(self, source: Latents) -> Iterator[None]:
        """Add the source's embedding to that of the noisy latents; the hook lives for one forward, so copies can."""
        if self.source_embedding is None:
            yield
            return
        embedded: Tensor = self.source_embedding(self.laid_out(source))
        hook = self.transformer.get_submodule(self.embedding).register_forward_hook(
            lambda module, given, out: out + embedded
        )
        try:
            yield
        finally:
            hook.remove()

    def read(self, path: str, extend: bool) -> dict[str, Stored]:
        """List a transformer's weights, its patch embedding brought to the channels that are needed.

        Raises:
            UseError: If there is no such folder, it is of another class, or has half as many channels and ``extend``
                is not asked for.
        """
        state = stored_transformer(path, self.library)
        embedding = self.transformer.get_submodule(self.embedding).weight
        of_source, wanted = self.source == "channels", int(self.transformer.config.in_channels)
        return widened(state, path, f"{self.embedding}.weight", embedding.shape[1], wanted, of_source, extend)
