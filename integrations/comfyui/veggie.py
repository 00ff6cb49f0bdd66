"""VEGGIE as nodes of ComfyUI: put or link this file into ComfyUI's `custom_nodes`, and `workflow.json` onto its canvas.

veggie_pl has to be installed in ComfyUI's Python (`pip install -e CHECKOUT`). Nothing of ComfyUI is imported but its
progress bar and its stop button, where they are there; pictures are its IMAGE tensors, (f, h, w, 3) in [0, 1].
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from veggie_pl.data.instructions.request import find_request
from veggie_pl.inference.pipeline import VeggiePipeline
from veggie_pl.inference.which_model import find_model
from veggie_pl.masks.unpaint import unpaint

MODEL = "VEGGIE_MODEL"


@lru_cache(maxsize=1)
def _pipeline(folder: str) -> VeggiePipeline:
    """Keep one model in memory, whatever the number of nodes."""
    pipe = VeggiePipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe.to("cuda" if torch.cuda.is_available() else "cpu")


class VeggieModelLoader:
    """A model folder, as `fit` and `export` leave it, read once."""

    DESCRIPTION = "Reads a model folder of veggie_pl."
    CATEGORY = "veggie"
    FUNCTION = "load"
    RETURN_TYPES = (MODEL,)
    RETURN_NAMES = ("model",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """A path; relative ones are looked for in ComfyUI's folder and in the checkout of veggie_pl."""
        tip = "a folder with veggie.json; weights/nano/model is the shipped one"
        return {"required": {"folder": ("STRING", {"default": "weights/nano/model", "tooltip": tip})}}

    def load(self, folder: str) -> tuple[VeggiePipeline]:
        """Read it.

        Raises:
            UseError: If there is none.
        """
        return (_pipeline(str(find_model([folder], naming="folder", any_length=True).resolve())),)


class VeggieEdit:
    """Frames + instruction -> edited frames, and the mask where the instruction asks for a fill."""

    DESCRIPTION = "Edits a clip as instructed, or points at something in it, with VEGGIE (arXiv:2503.14350)."
    CATEGORY = "veggie"
    FUNCTION = "edit"
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("images", "mask")
    OUTPUT_TOOLTIPS = ("the edited clip", "what was filled: 1 inside; all 0 where the instruction asks for no fill")
    OWN: ClassVar = "0 is the model's own"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """As of `python -m veggie_pl edit`."""
        words = {"default": "highlight the green circle with red masks", "multiline": True}
        scale = {"default": 0.0, "min": 0.0, "max": 20.0, "step": 0.1}
        return {
            "required": {
                "model": (MODEL,),
                "images": ("IMAGE", {"tooltip": "a clip of any length and size, or one picture"}),
                "instruction": ("STRING", words),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**53 - 1, "control_after_generate": True}),
                "steps": ("INT", {"default": 0, "min": 0, "max": 1000, "tooltip": f"sampling steps; {cls.OWN}"}),
                "guidance_task": ("FLOAT", {**scale, "tooltip": f"how hard to follow; 1 is off, {cls.OWN}"}),
                "guidance_source": ("FLOAT", {**scale, "tooltip": f"how close to stay; 1 is off, {cls.OWN}"}),
            },
            "optional": {"references": ("IMAGE", {"tooltip": "pictures that the instruction speaks of"})},
        }

    def edit(
        self,
        model: VeggiePipeline,
        images: Tensor,
        instruction: str,
        seed: int,
        steps: int,
        guidance_task: float,
        guidance_source: float,
        references: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Edit.

        Returns:
            Edited frames (f, h, w, 3) in [0, 1], rounded to 8 bits as a file would be, and masks (f, h, w), 0 or 1.

        Raises:
            UseError: If the instruction is empty or too long, or guidance is asked for that the model was not trained
                for.
        """
        edited: Any = model(
            _to_bytes(images),
            instruction,
            num_inference_steps=steps or None,
            guidance_scale=guidance_task or None,
            image_guidance_scale=guidance_source or None,
            generator=torch.Generator().manual_seed(seed),
            references=[] if references is None else model.numpy_to_pil(_to_bytes(references) / 255.0),
            output_type="pt",
            callback_on_step_end=_watch(steps or model.module.num_steps),
        ).frames[0]
        fills = find_request(instruction, model.module.guidance).fills
        source = images[..., :3].permute(0, 3, 1, 2).float()
        mask = unpaint(edited * 2 - 1, source * 2 - 1, fills[0]).float() if len(fills) == 1 else edited[:, 0] * 0
        return (edited.permute(0, 2, 3, 1) * 255).round() / 255, mask


def _to_bytes(images: Tensor) -> Any:
    """Round (f, h, w, c) in [0, 1] to bytes (f, h, w, 3); a fourth channel, the alpha, is left out."""
    return (images[..., :3].float().cpu() * 255).round().clamp(0, 255).to(torch.uint8).numpy()


def _watch(num_steps: int) -> Callable[..., None] | None:
    """Show each step of each window in ComfyUI's progress bar, and stop when its button says so."""
    try:
        from comfy.model_management import throw_exception_if_processing_interrupted as stop_if_asked
        from comfy.utils import ProgressBar
    except ImportError:
        return None
    bars: list[Any] = []

    def on_step(pipe: VeggiePipeline, step: int, timestep: Any, state: dict[str, Any]) -> None:
        stop_if_asked()
        if step == 0:
            bars[:] = [ProgressBar(num_steps)]
        bars[0].update(1)

    return on_step


NODE_CLASS_MAPPINGS = {"VeggieModelLoader": VeggieModelLoader, "VeggieEdit": VeggieEdit}
NODE_DISPLAY_NAME_MAPPINGS = {"VeggieModelLoader": "VEGGIE: load model", "VeggieEdit": "VEGGIE: edit video"}
