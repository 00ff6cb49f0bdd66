"""Weights of a model folder tensor by tensor: a run starts from them without a second model in memory."""

from pathlib import Path
from typing import Any

from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import PARTS, mllm_folder, read_index, read_mllm_wrapper
from veggie_pl.models import Mllm
from veggie_pl.models.stored import Stored, stored_mllm
from veggie_pl.models.weight_files import find_weights, unwrapped


def stored_weights(folder: Path, module: VeggieModel) -> dict[str, Stored]:
    """List the weights of a model folder under the names that a module of its kind has for them.

    The MLLM is not read where the module's own comes from the same folder.

    Raises:
        UseError: If it is no model folder, or files are missing or torn.
    """
    index = read_index(folder)
    found: dict[str, Stored] = {}
    for name in PARTS[1:-1]:  # all but MLLM and scheduler
        prefix = "vae.vae." if name == "vae" and index["vae"] != "PixelCodec" else f"{name}."  # a library's own folder
        slices = find_weights(folder / name, "diffusion_pytorch_model").slices()
        bare = unwrapped(slices) or {key: key for key in slices}
        found |= {f"{prefix}{bare[key]}": Stored.of_slice(one) for key, one in slices.items()}
    return found | {f"mllm.{key}": one for key, one in _of_mllm(folder, index, module.mllm).items()}


def _of_mllm(folder: Path, index: dict[str, Any], mllm: Mllm) -> dict[str, Stored]:
    place = mllm_folder(folder, index)
    if "adapters" not in index["mllm"]:
        if mllm.origin is not None and Path(mllm.origin).resolve() == place.resolve():
            own = {key.replace(".base_layer.", "."): t for key, t in mllm.state_dict().items() if "lora_" not in key}
            return mllm.pending or {key: Stored.of_tensor(tensor) for key, tensor in own.items()}
        if (stored := stored_mllm(mllm.model, place)) is not None:
            return {f"model.{key}": one for key, one in stored.items()}
    # Adapters, wrapped names, another MLLM, layers made of several tensors: by transformers' own loading, as a whole.
    return {key: Stored.of_tensor(tensor) for key, tensor in read_mllm_wrapper(folder, index).state_dict().items()}
