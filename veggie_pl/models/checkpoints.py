"""Weights of public checkpoints, in the layouts people have them in: folders of diffusers, or one file."""

import json
import logging
from pathlib import Path
from typing import Any

import diffusers  # its classes are asked for where they are needed: each brings modules that editing does without
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.file_names import matching
from veggie_pl.models.weight_files import check_finite, compare, describe_misfit, find_weights, unwrapped

log = logging.getLogger(__name__)

# What the configs of this project name, by the last part of the path: where it comes from, and its size.
SOURCES = {
    "llava-onevision-qwen2-7b-ov-hf": ("llava-hf/llava-onevision-qwen2-7b-ov-hf", "16 GB"),
    "instruct-pix2pix": ("timbrooks/instruct-pix2pix", "4 GB without the text encoder and safety checker"),
    "stable-diffusion-3-medium-diffusers": (
        "stabilityai/stable-diffusion-3-medium-diffusers --include 'transformer/*' 'vae/*' 'scheduler/*'",
        "4.3 GB, once its license is accepted",
    ),
    "FLUX.1-dev": (
        "black-forest-labs/FLUX.1-dev --include 'transformer/*' 'vae/*' 'scheduler/*'",
        "24 GB, once its license is accepted",
    ),
    "animatediff-motion-adapter-v1-5-2": ("guoyww/animatediff-motion-adapter-v1-5-2", "1.8 GB"),
    "Wan2.1-T2V-1.3B-Diffusers": ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "the folders transformer and vae are enough"),
    "Wan2.2-TI2V-5B-Diffusers": ("Wan-AI/Wan2.2-TI2V-5B-Diffusers", "the folders transformer and vae are enough"),
    "LTX-Video": ("Lightricks/LTX-Video", "the folders transformer and vae are enough"),
}
_PICKLES = (".ckpt", ".pt", ".pth", ".bin")


def read_unet(path: str, config: dict[str, Any]) -> dict[str, Tensor]:
    """State dict of an image UNet under diffusers' names.

    Args:
        path: A UNet folder of diffusers, a pipeline folder that has one as ``unet``, or one ``.safetensors`` file with
            the keys of the original Stable Diffusion code.
        config: ``UNet2DConditionModel`` configuration of the checkpoint.

    Raises:
        UseError: If there is no such checkpoint, or it is a pickle.
    """
    found = _find(path, "unet")
    if found.is_dir():
        return read_part(diffusers.UNet2DConditionModel, found).state_dict()  # type: ignore[no-any-return]
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    return _from_file(found, convert_ldm_unet_checkpoint, config, "model.diffusion_model.")


def read_vae(path: str, config: dict[str, Any]) -> Any:
    """Return an ``AutoencoderKL`` from the same places; ``config`` is that of a single file, folders have their own."""
    found = _find(path, "vae")
    if found.is_dir():
        model: Any = read_part(diffusers.AutoencoderKL, found)
    else:
        from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

        model = diffusers.AutoencoderKL.from_config(config)
        load_strictly(model, _from_file(found, convert_ldm_vae_checkpoint, config, "first_stage_model."), path)
    return model


def read_motion_adapter(path: str) -> Any:
    """Return an AnimateDiff ``MotionAdapter`` (arXiv:2307.04725) from a folder of diffusers.

    Raises:
        UseError: If there is none, or it is a pickle.
    """
    found = _find(path, "motion_adapter")
    if found.is_file():
        raise UseError(f"{path} is one file; a motion adapter is read from a folder of diffusers")
    return read_part(diffusers.MotionAdapter, found)


def load_strictly(model: nn.Module, state: dict[str, Tensor], path: str) -> None:
    """Load weights that have to fit exactly; what wrappers put before their names is taken off if all fit then.

    Raises:
        UseError: If keys are missing or left over, shapes differ, or values are not finite; the message counts and
            names them.
    """
    own = model.state_dict()
    if (wrong := compare(state, own)) and (names := unwrapped(state)):
        bare = {new: state[name] for name, new in names.items()}
        state, wrong = (bare, "") if not compare(bare, own) else (state, wrong)
    if wrong:
        raise UseError(f"{path} does not fit the config: it lacks weights or has others: {wrong}")
    check_finite(state, path)
    model.load_state_dict(state)


def where_to_get(path: str) -> str:
    """Tell how to come by what the configs of this project name."""
    if (known := SOURCES.get(Path(path).name)) is None:
        return "name a folder or file that is there"
    return f"`hf download {known[0]} --local-dir {path}` fetches it ({known[1]})"


def _find(path: str, part: str) -> Path:
    """Return the folder of a part, or the one file that holds it."""
    place = Path(path)
    if place.suffix in _PICKLES and (place.is_file() or not place.exists()):
        raise UseError(
            f"{path} is a pickle, which can run code when it is read; convert it first: "
            '`python -c "import sys, torch; from safetensors.torch import save_file; d = torch.load(sys.argv[1], '
            "weights_only=True); save_file({k: v.contiguous() for k, v in d.get('state_dict', d).items() "
            "if hasattr(v, 'shape')}, sys.argv[2])\" "
            f"{path} {place.with_suffix('.safetensors')}`"
        )
    if place.is_file():
        return place
    for folder in (place / part, place):
        if (folder / "config.json").is_file():
            if not any(matching(folder, "*.safetensors")):
                raise UseError(f"{folder} has a config.json but no .safetensors; pickles (.bin) are not read")
            return folder
    state = "is no folder of diffusers: it has no config.json" if place.exists() else "is not there"
    raise UseError(f"{path} {state}; {where_to_get(path)}")


def _from_file(path: Path, convert: Any, config: dict[str, Any], prefix: str) -> dict[str, Tensor]:
    """Return the state dict under diffusers' names; whatever has the prefix has to have one."""
    try:
        state = load_file(path)
        if names := unwrapped(state):
            state = {new: state[name] for name, new in names.items()}
        given = {name.removeprefix(prefix) for name in state if name.startswith(prefix)}
        converted: dict[str, Tensor] = convert(state, config)
    except (SafetensorError, OSError, KeyError, IndexError) as problem:
        raise UseError(f"{path} is no checkpoint of the original Stable Diffusion code: {problem!r}") from problem
    if len(given) > len(converted):
        raise UseError(
            f"{path} does not fit the config: of {len(given)} weights under {prefix} diffusers knows {len(converted)}"
        )
    return converted


def check_kind(folder: Path, name: str) -> None:
    """Look whether a folder of diffusers holds a model of the class of this name, as its config.json says.

    Raises:
        UseError: If it does not, or there is no config.json.
    """
    if not (folder / "config.json").is_file():
        raise UseError(f"{folder} holds no {name}: it has no config.json; {where_to_get(str(folder))}")
    try:
        kind = json.loads((folder / "config.json").read_text()).get("_class_name", name)
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise UseError(f"{folder / 'config.json'} is no JSON: {problem}") from problem
    if kind != name:
        raise UseError(f"{folder} holds a {kind}, not a {name}")


def read_part(cls: Any, folder: Path) -> Any:
    """Return a model of diffusers from its folder, by diffusers' own loading, which renames old keys.

    What it would only warn of is an error; a variant such as fp16 is read where there is nothing else; what wrappers
    put before all names is taken off.

    Raises:
        UseError: If the folder holds no model of this class, or not all of its weights, or others.
    """
    check_kind(folder, cls.__name__)
    found = find_weights(folder, "diffusion_pytorch_model")
    slices = found.slices()
    if names := unwrapped(slices):
        model = cls.from_config(cls.load_config(str(folder))).eval()
        state = {new: slices[name][...] for name, new in names.items()}
        if not compare(state, model.state_dict()):
            log.info("%s: its keys are those of a wrapped model, such as %s: unwrapped", folder, next(iter(names)))
            load_strictly(model, state, str(folder))
            return model
    if cls._keep_in_fp32_modules is not None:  # diffusers' loader then needs accelerate; these classes have no old keys
        model = cls.from_config(cls.load_config(str(folder))).eval()
        load_strictly(model, {name: value[...] for name, value in found.slices().items()}, str(folder))
        return model
    # diffusers' loader runs without accelerate only when told not to save memory
    options = {"low_cpu_mem_usage": False, "use_safetensors": True, "variant": found.variant}
    try:
        model, report = cls.from_pretrained(
            str(folder), output_loading_info=True, ignore_mismatched_sizes=True, **options
        )
    except (SafetensorError, OSError, RuntimeError) as problem:
        said = " ".join(str(problem).split())
        raise UseError(f"{folder} cannot be read as a {cls.__name__}: {said}") from problem
    wrong = describe_misfit(report["missing_keys"], report["unexpected_keys"], report["mismatched_keys"])
    if wrong:
        raise UseError(f"{folder} does not hold what its config.json says: {wrong}")
    check_finite(model.state_dict(), folder)
    return model
