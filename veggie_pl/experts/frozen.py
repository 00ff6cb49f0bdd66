"""Outside models from their transformers folders: with all of their weights or not at all, frozen, in float32."""

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoImageProcessor, AutoTokenizer, PreTrainedTokenizerFast

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.models.weight_files import check_finite, describe_misfit, find_weights
from veggie_pl.tensor_digest import digest_of
from veggie_pl.video.clip import to_uint8

_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")
# What tokenizers, processors and templates are read from; README and licence are not part of a model.
_SETTINGS = ("*.json", "*.jinja", "*.txt", "*.model")


class Frozen:
    """A model of transformers that nothing changes any more.

    Args:
        auto: Class of transformers that loads it, such as ``AutoModel``.
        folder: config.json, safetensors and what tokenizer and image processor need.
        what: What it is to be, for messages: "a detector".
        types: Model types that work.
        device: "auto" is a GPU where there is one.
        optional: Pattern of weights that do not matter here: they may lack, or be there beyond need.
        dtype: Of the weights; models too large for float32 may be read in "bfloat16".
        options: Of the class's ``from_pretrained``.

    Raises:
        UseError: If the folder is not there, holds a model of another type, or weights are missing, left over, of
            other shapes or not finite, or there is no such device.
    """

    def __init__(
        self,
        auto: Any,
        folder: str,
        what: str,
        types: Collection[str],
        device: str = "auto",
        optional: str = r"(?!)",
        dtype: str = "float32",
        **options: Any,
    ) -> None:
        self.folder, self.what = folder, what
        self.device = find_device(device)
        self.kind = model_type(folder, what, types)
        found = find_weights(Path(folder), "model")
        options |= {"use_safetensors": True, "variant": found.variant, "local_files_only": True}
        options |= {"output_loading_info": True, "ignore_mismatched_sizes": True}  # we say more of them
        found.slices()  # torn files, while there is a name to tell
        try:
            model, report = auto.from_pretrained(folder, dtype=getattr(torch, dtype), **options)
        except (SafetensorError, OSError, RuntimeError, ValueError) as problem:
            raise UseError(f"{folder} cannot be read as {what}: {' '.join(str(problem).split())}") from problem
        # buffers that older versions of transformers stored
        unimportant = re.compile(rf"{optional}|position_ids$")
        missing, unexpected = (
            [key for key in report[kind] if not unimportant.search(key)] for kind in ("missing_keys", "unexpected_keys")
        )
        if wrong := describe_misfit(missing, unexpected, report["mismatched_keys"]):
            raise UseError(f"{folder} does not hold what its config.json says: {wrong}")
        self.model: Any = model.eval().requires_grad_(False).to(self.device)
        check_finite(self.model.state_dict(), folder)

    def tokenizer(self) -> Any:
        """Return the folder's tokenizer, by tokenizer.json alone where its class needs what is not installed.

        Raises:
            UseError: If it cannot be read.
        """
        if not any(Path(self.folder, name).is_file() for name in _VOCABULARIES):  # transformers would make an empty one
            raise UseError(f"{self.folder} has no Tokenizer for {self.what}: no {' or '.join(_VOCABULARIES)}")
        try:
            return self._part(AutoTokenizer)
        except UseError as problem:
            if not isinstance(problem.__cause__, ImportError) or not Path(self.folder, _VOCABULARIES[0]).is_file():
                raise
            return self._part(PreTrainedTokenizerFast)

    def image_processor(self) -> Any:
        """Return the folder's image processor as it works on PIL and numpy, the same everywhere.

        Raises:
            UseError: If it cannot be read.
        """
        return self._part(AutoImageProcessor, backend="pil")

    def _part(self, auto: Any, **options: Any) -> Any:
        try:
            return auto.from_pretrained(self.folder, local_files_only=True, **options)
        except (OSError, ValueError, ImportError, KeyError, TypeError) as problem:
            part = auto.__name__.removeprefix("Auto")
            raise UseError(
                f"{self.folder} has no {part} for {self.what}: {' '.join(str(problem).split())}"
            ) from problem

    def digest(self, owner: object, **settings: Any) -> str:
        """Name an expert that is this model, see ``digest_of_folder``."""
        return digest_of_folder(owner, self.folder, self.model, **settings)


def digest_of_folder(owner: object, folder: str, model: nn.Module, **settings: Any) -> str:
    """Name an expert by class, settings, weights, and files of its folder that are no weights; 32 letters.

    Args:
        owner: The expert.
        folder: Of tokenizer, processor and configs.
        model: With the weights.
        settings: What else its answers depend on; never the device nor how frames are chunked.
    """
    text = json.dumps([type(owner).__qualname__, settings], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted({path.name for pattern in _SETTINGS for path in Path(folder).glob(pattern)}):
        if not name.endswith(".index.json"):  # of weights, however they are cut up
            digest.update(name.encode())
            digest.update(Path(folder, name).read_bytes())
    digest.update(digest_of(model.state_dict()))
    return digest.hexdigest()


def model_type(folder: str, what: str, types: Collection[str]) -> str:
    """Read what kind of model a folder holds.

    Raises:
        UseError: If it holds none, or none of these types.
    """
    config = Path(folder, "config.json")
    if not config.is_file():
        raise UseError(f"no {what.split(' ', 1)[-1]} at {folder!r}: no transformers folder with config.json")
    try:
        kind = json.loads(config.read_text()).get("model_type")
    except (ValueError, AttributeError) as problem:
        raise UseError(f"{config} is no JSON of a model: {problem}") from problem
    if kind not in types:
        raise UseError(
            f"{folder!r} holds a model of type {kind!r}, which is not {what} that works here; "
            f"the types that do are {', '.join(types)}"
        )
    return str(kind)


def find_device(name: str) -> torch.device:
    """Return the device that runs an expert.

    Raises:
        UseError: If torch knows or finds no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as problem:  # by its kind of build
        raise UseError(f"no device {name!r} here for experts; the choices are auto, cpu and cuda") from problem
    return torch.device(name)


def pictures(frames: Clip) -> list[NDArray[np.uint8]]:
    """Return frames as image processors take them: (h, w, 3), 0 to 255."""
    return [*to_uint8(frames.detach()).permute(0, 2, 3, 1).cpu().numpy()]


def chunks(frames: Clip, size: int) -> Iterator[Float[Tensor, "n 3 h w"]]:
    """Cut a clip into pieces that go through a model together.

    Raises:
        UseError: If the size is not at least 1.
    """
    if size < 1:
        raise UseError(f"the chunk is the number of frames that go through a model together, at least 1, got {size}")
    yield from torch.split(frames, size)


def unit(vectors: Tensor) -> Tensor:
    """Scale vectors to length 1 in float32, on the CPU; a zero vector stays one."""
    return torch.nn.functional.normalize(vectors.float().cpu(), dim=-1)
