"""Video pipelines of diffusers from their folders: frozen, loaded once, and out of memory for one item only."""

import hashlib
import json
from collections.abc import Callable, Collection
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image

from veggie_pl.errors import UseError, one_line
from veggie_pl.experts.frozen import find_device
from veggie_pl.synthesis.protocols import Frames, ItemError, Picture

Offload = Literal["none", "parts", "layers"]
Dtype = Literal["float32", "bfloat16", "float16"]
_PARTS = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
_BLOCK = 2**22  # bytes read at a time


class PipelineFolder:
    """A pipeline of diffusers that nothing changes any more; it is loaded when it is first asked for.

    Args:
        folder: As diffusers saves it, with model_index.json and safetensors.
        classes: Of pipelines that work.
        what: What it is to be, for messages: "an image-to-video pipeline".
        dtype: Of the weights; tiny parts that diffusers keeps in float32 stay so.
        device: "auto" is a GPU where there is one.
        offload: Keep the model in main memory and move to the GPU what is at work: "parts" such as the text encoder,
            or single "layers", which takes the least memory and the most time.

    Raises:
        UseError: If the folder holds no pipeline of these classes, or what it needs is not there.
    """

    def __init__(
        self,
        folder: str,
        classes: Collection[str],
        what: str,
        dtype: Dtype = "bfloat16",
        device: str = "auto",
        offload: Offload = "none",
    ) -> None:
        self.folder, self.what, self.dtype, self.offload = folder, what, dtype, offload
        self.device = find_device(device)
        index = Path(folder, "model_index.json")
        if not index.is_file():
            raise UseError(f"no {what.split(' ', 1)[-1]} at {folder!r}: no diffusers folder with model_index.json")
        try:
            self.name = str(json.loads(index.read_text())["_class_name"])
        except (ValueError, KeyError, TypeError) as problem:
            raise UseError(f"{index} is no JSON of a pipeline: {one_line(problem)}") from problem
        if self.name.startswith("Wan") and find_spec("ftfy") is None:
            raise UseError(f"a {self.name} cleans its prompts with ftfy: `pip install 'veggie_pl[synthesis]'`")
        if self.name not in classes:
            raise UseError(
                f"{folder!r} holds a {self.name}, which is not {what} that works here; "
                f"the classes that do are {', '.join(classes)}"
            )

    @cached_property
    def digest(self) -> str:
        """Of all that is read from the folder: configs, vocabularies and weights; about a second for a gigabyte."""
        digest, root = hashlib.blake2b(digest_size=16), Path(self.folder)
        for path in sorted({path for pattern in _PARTS for path in root.rglob(pattern)}):
            digest.update(f"{path.relative_to(root).as_posix()} {path.stat().st_size}".encode())
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        return digest.hexdigest()

    @cached_property
    def pipeline(self) -> Any:
        """The pipeline.

        Raises:
            UseError: If it cannot be loaded.
        """
        kind = getattr(import_module("diffusers"), self.name)
        options = {"local_files_only": True, "use_safetensors": True, "dtype": getattr(torch, self.dtype)}
        try:
            found = kind.from_pretrained(self.folder, **options)
        except (OSError, ValueError, RuntimeError, ImportError, TypeError) as problem:
            raise UseError(f"{self.folder} cannot be read as {self.what}: {one_line(problem)}") from problem
        found.set_progress_bar_config(disable=True)
        if self.device.type == "cpu" or self.offload == "none":
            return found.to(self.device)
        start = {"parts": found.enable_model_cpu_offload, "layers": found.enable_sequential_cpu_offload}
        start[self.offload](device=self.device)
        return found

    def frames(self, make: Callable[[Any], Any], height: int, width: int) -> Frames:
        """Make frames of one item.

        Args:
            make: From the pipeline to frames in [0, 1].
            height: That frames are scaled to, in pixels.
            width: The same.

        Raises:
            ItemError: If memory does not suffice for it, or the model gives no finite numbers.
        """
        try:
            made = np.asarray(make(self.pipeline), np.float32)
        except RuntimeError as problem:
            if not is_out_of_memory(problem):
                raise
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            raise ItemError(f"out of memory in {self.name}: {one_line(problem)[:200]}") from problem
        return as_bytes(made, height, width)


def is_out_of_memory(problem: RuntimeError) -> bool:
    """Tell whether torch ran out of memory, on a GPU or on the CPU, whose allocator only says so."""
    return isinstance(problem, torch.OutOfMemoryError) or "allocate memory" in str(problem)


def as_bytes(frames: Float[np.ndarray, "f h w 3"], height: int, width: int) -> UInt8[np.ndarray, "f h2 w2 3"]:
    """Scale frames in [0, 1] to bytes of a size.

    Raises:
        ItemError: If a number is not finite.
    """
    if not np.isfinite(frames).all():
        raise ItemError("the model gave frames that are no finite numbers")
    found = np.rint(frames.clip(0, 1) * 255).astype(np.uint8)
    if found.shape[1:3] == (height, width):
        return np.asarray(found)
    smaller = height * width < found.shape[1] * found.shape[2]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.stack([np.asarray(cv2.resize(frame, (width, height), interpolation=method)) for frame in found])


def fitted(picture: Picture, size: tuple[int, int]) -> Image.Image:
    """Scale a picture to height and width, as pipelines take it."""
    height, width = size
    return Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)


def working_size(height: int, width: int, multiple: int, area: int | None) -> tuple[int, int]:
    """Choose height and width for a model: multiples, near the picture's shape, and not more than an area.

    Args:
        height: Of the picture, in pixels.
        width: The same.
        multiple: Of both sides.
        area: In pixels, at most; None keeps the picture's.
    """
    scale = 1.0 if area is None else min(1.0, (area / (height * width)) ** 0.5)
    return tuple(max(multiple, round(side * scale / multiple) * multiple) for side in (height, width))  # type: ignore[return-value]


def whole_length(num_frames: int, factor: int) -> int:
    """Return the number of frames, at least as many, that a model with latents of ``factor`` frames makes: 1 + k n."""
    return 1 + -(-(num_frames - 1) // factor) * factor
