"""The module of a config as shapes alone: the real classes and the real training step, no weights, no files."""

import json
from collections.abc import Sequence
from pathlib import Path
from pydoc import locate
from typing import Any

import torch
from jaxtyping import Float, Int
from jsonargparse import Namespace, namespace_to_dict
from torch import Tensor, nn
from torch._subclasses.fake_tensor import unset_fake_temporarily
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText
from transformers.initialization import no_init_weights

from veggie_pl.batch import Batch, ClipNames, Example, Skill
from veggie_pl.callbacks import Freeze
from veggie_pl.errors import UseError
from veggie_pl.file_names import in_order
from veggie_pl.models import KlCodec, Mllm
from veggie_pl.models.checkpoints import where_to_get
from veggie_pl.models.dit.adapters import DenoiserLora
from veggie_pl.models.lora import Lora, add_adapters
from veggie_pl.models.prefix import Decoder, FrozenPrefix
from veggie_pl.models.reading import Again, can_read_after_prefix, checkpointing
from veggie_pl.models.video_codec import VideoCodec
from veggie_pl.models.vision import family_of
from veggie_pl.module import VeggieModule

SHIPPED = Path(__file__).resolve().parent.parent.parent / "conf/backbone/models"  # config.json of public checkpoints


class ShapesModule(VeggieModule):
    """Its forward is the training step, so that all that happens in it happens in submodules."""

    def forward(self, batch: Batch) -> Tensor:
        """Compute the loss."""
        return self.per_sample_loss(batch, "fit").mean()


class ShapesMllm(Mllm):
    """An MLLM known by its config.json alone, which does the same work as ``Mllm`` on embeddings without data.

    Args:
        folder: As of ``Mllm``; where it is not there, the config.json of that name that is shipped.
        text_tokens: Of instruction and chat template together.
        options: The other arguments of ``Mllm``.
        device: "cuda" or "cpu": what a frozen prefix pays on, where that is asked for as "auto".

    Raises:
        UseError: If neither is there.
    """

    def __init__(self, folder: str, text_tokens: int, options: dict[str, Any], device: str) -> None:
        nn.Module.__init__(self)  # there is no tokenizer to read
        found = Path(folder) if Path(folder, "config.json").is_file() else SHIPPED / Path(folder).name
        if not (found / "config.json").is_file():
            known = ", ".join(path.name for path in in_order(SHIPPED) if (path / "config.json").is_file())
            raise UseError(
                f"no config.json at {folder!r}, and none shipped (there are: {known}); {where_to_get(folder)}"
            )
        config = AutoConfig.from_pretrained(found)
        self.dtype = options.get("dtype") or "float32"
        with no_init_weights():
            self.model: Any = AutoModelForImageTextToText.from_config(
                config, attn_implementation=options.get("attention") or "sdpa", dtype=getattr(torch, self.dtype)
            )
        self.model.tie_weights()  # which is part of the initialisation that was left out
        if options.get("lora"):
            add_adapters(self.model, Lora(**options["lora"]))
        self.vision = family_of(config.model_type, folder).vision(
            self.model.base_model, AutoImageProcessor.from_pretrained(found)
        )
        self.width = int(config.get_text_config().hidden_size)
        self.text_tokens, self.num_slots = text_tokens, options.get("num_slots")
        self.checkpointed: Again = options.get("gradient_checkpointing") or False
        wanted: FrozenPrefix = options.get("frozen_prefix", "auto")
        self.frozen_prefix = wanted if can_read_after_prefix(self.model) else False
        self.decoder, self.device_kind = Decoder.of(self.model), device

    def forward(
        self,
        source: Float[Tensor, "b f 3 h w"],
        instruction: list[str],
        queries: Float[Tensor, "b g q d"],
        frame_index: Int[Tensor, "b f"],
        references: Tensor | None = None,
        names: Sequence[ClipNames] = (),
    ) -> Float[Tensor, "b g q d"]:
        """Run as ``Mllm.forward``: over keys and values of the prefix while the model is frozen, else over all."""
        base, asked = self.model.base_model, queries.flatten(1, 2).to(self.model.dtype)
        before = self._before(source)
        if self._reads_prefix(before, asked):
            with checkpointing(self.model, False):
                with torch.no_grad():
                    prefix = base(inputs_embeds=before, use_cache=True)
                hidden = base(inputs_embeds=asked, past_key_values=prefix.past_key_values, use_cache=True)
        else:
            with checkpointing(self.model, self.checkpointed):
                hidden = base(inputs_embeds=torch.cat([before, asked], 1), use_cache=False)
        read: Tensor = hidden.last_hidden_state[:, -asked.shape[1] :]
        return read.reshape(queries.shape).to(queries.dtype)

    def _reads_prefix(self, before: Tensor, asked: Tensor) -> bool:
        if any(p.requires_grad for p in self.parameters()):
            return False
        if self.frozen_prefix != "auto" or self.checkpointed:
            return bool(self.frozen_prefix)
        return self.decoder.prefix_pays(len(before), before.shape[1], asked.shape[1], self.device_kind)

    def _before(self, source: Tensor) -> Tensor:
        """Embed frames and text."""
        base = self.model.base_model
        see = base.get_video_features if self.vision.part == "video" else base.get_image_features
        seen = see(**self.vision_inputs(source), return_dict=True).pooler_output
        seen = torch.cat([part.flatten(0, -2) for part in seen]).view(len(source), -1, self.width)
        ids = torch.zeros(len(source), self.text_tokens, dtype=torch.long)
        return torch.cat([seen, self.model.get_input_embeddings()(ids)], 1)


def build(config: Namespace, text_tokens: int, device: str) -> ShapesModule:
    """Build the module of a config, its tensors fake; call it under ``FakeTensorMode``.

    Raises:
        UseError: If there is no configuration of the MLLM.
    """
    model = namespace_to_dict(config.model)
    mllm = dict(model["mllm"]["init_args"])
    denoiser = class_of(model["viddm"]["class_path"])
    read = {"weights", "motion_adapter", "pooled_start", "prompt"}
    viddm = {name: value for name, value in model["viddm"]["init_args"].items() if name not in read}
    if viddm.get("lora"):
        viddm["lora"] = DenoiserLora(**viddm["lora"])
    vae, options = class_of(model["vae"]["class_path"]), model["vae"]["init_args"]
    names = (
        "lr_factors",
        "timestep_power",
        "timestep_density",
        "drop_task",
        "drop_source",
        "drop_both",
        "skill_weights",
        "seed",
    )
    with unset_fake_temporarily():
        scheduler = class_of(model["scheduler"]["class_path"])(**model["scheduler"]["init_args"])
        # On the meta device first: inflation and adapters move modules about, which fake tensors do not take.
        with torch.device("meta"):
            parts = {
                "mllm": ShapesMllm(mllm.pop("folder"), text_tokens, mllm, device),
                "queries": class_of(model["queries"]["class_path"])(**model["queries"]["init_args"]),
                "aligner": class_of(model["aligner"]["class_path"])(**model["aligner"]["init_args"]),
                "viddm": denoiser(**viddm),
                "vae": vae(None, _config_of_vae(options)) if issubclass(vae, (KlCodec, VideoCodec)) else vae(**options),
            }
        module = ShapesModule(**parts, scheduler=scheduler, **{name: model[name] for name in names})
    _make_fake(module)
    Freeze(config.freeze.frozen).apply(module)
    return module


def _config_of_vae(options: dict[str, Any]) -> dict[str, Any] | None:
    """Return the config.json of a codec: its folder's, or that of the checkpoint's name that is shipped, or its own."""
    folder = Path(options["folder"])
    for place in (folder / "vae", folder, SHIPPED / folder.name / "vae"):
        if (place / "config.json").is_file():
            return dict(json.loads((place / "config.json").read_text()))
    config: dict[str, Any] | None = options.get("config")
    return config


def _make_fake(module: nn.Module) -> None:
    """Put fake tensors in the place of those on the meta device; shared ones stay shared."""
    made: dict[int, Tensor] = {}
    for part in module.modules():
        for place in (part._parameters, part._buffers):
            for name, tensor in place.items():
                if tensor is not None:
                    fake = torch.empty_like(tensor, device="cpu")
                    fake = nn.Parameter(fake, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else fake
                    place[name] = made.setdefault(id(tensor), fake)  # type: ignore[assignment]


def batch_of(module: VeggieModule, size: int, num_frames: int) -> Batch:
    """Make a batch without data."""
    height, width = module.size
    shape = (size, num_frames, 3, height, width)
    return Batch(
        source=torch.zeros(shape),
        target=torch.zeros(shape),
        mask=torch.zeros(size, num_frames, height, width, dtype=torch.bool),
        examples=[Example("", Skill.ADDITION, "", fill="red")] * size,
        index=torch.arange(size),
    )


def class_of(path: str) -> Any:
    """Import a class by its dotted name.

    Raises:
        UseError: If there is none.
    """
    if (found := locate(path)) is None:
        raise UseError(f"no class {path!r}: is its package installed?")
    return found
