"""A trained VEGGIE on disk: one folder, safetensors and JSON only, each part readable by the library it comes from."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeVar

import diffusers
import torch
from safetensors.torch import load_file, save_file

from veggie_pl.diffusion.flow import FlowSettings
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.errors import UseError
from veggie_pl.files import name_of_old, restore, whole_folder
from veggie_pl.model import VeggieModel
from veggie_pl.models import Aligner, BlindMllm, DiscreteMllm, KlCodec, Mllm, PixelCodec, TaskQueries, VidDM
from veggie_pl.models.checkpoints import read_part
from veggie_pl.models.dit import (
    CogVideoXDenoiser,
    FluxDenoiser,
    LtxDenoiser,
    PlacedWanDenoiser,
    Sd3Denoiser,
    WanDenoiser,
    WanVaceDenoiser,
)
from veggie_pl.models.video_codec import VIDEO_CODECS
from veggie_pl.models.weight_files import check_finite
from veggie_pl.outputs import Role, check_folder, refuse_inside
from veggie_pl.tensor_digest import digest_of
from veggie_pl.training.left_out import frozen_keys
from veggie_pl.training.record import TrainingRecord, read_record

M = TypeVar("M", bound=VeggieModel)
INDEX = "veggie.json"
PIPELINE_INDEX = "model_index.json"  # by which diffusers knows a pipeline; what we read is INDEX
FORMAT = 1
PARTS = ("mllm", "queries", "aligner", "viddm", "vae", "scheduler")
_INDEXED = ("mllm", "vae", "scheduler", "guidance", "trained_with", "num_steps", "seed")  # what an index has to say
_LIBRARYS: dict[str, Any] = {"KlCodec": KlCodec, **VIDEO_CODECS}  # their folder is the library's own
_CODECS: dict[str, Any] = {**_LIBRARYS, "PixelCodec": PixelCodec}
_DENOISERS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(VidDM, CogVideoXDenoiser, FluxDenoiser, LtxDenoiser, Sd3Denoiser),
        *(PlacedWanDenoiser, WanDenoiser, WanVaceDenoiser),
    )
}
_MLLMS: dict[str, Any] = {"Mllm": Mllm, "DiscreteMllm": DiscreteMllm, "BlindMllm": BlindMllm}


def save_model(
    module: VeggieModel,
    folder: Path,
    half: bool = False,
    mllm: Path | None = None,
    adapters: Literal["merged", "separate"] = "merged",
    leave_out: bool = False,
) -> None:
    """Write a model folder; an older one of that name is replaced only when the new one is whole.

    Args:
        module: What to write.
        folder: Where to.
        half: Store weights as float16, half the size; they are read back as float32.
        mllm: Do not write the MLLM but name this transformers folder, which holds the same weights.
        adapters: The MLLM's, if it has some: added into its weights, or a peft folder of their own beside the name of
            the folder that the MLLM was read from.
        leave_out: As if ``mllm`` named the folder that the MLLM was read from, if it has been frozen since, without
            adapters.

    Raises:
        UseError: If the named MLLM holds other weights, there are no adapters to keep separate, or the folder is
            there and holds something else.
    """
    check_model_place(folder, [] if mllm is None else [("MLLM", mllm)])
    if adapters == "separate":
        if not module.mllm.has_adapters:
            raise UseError("the MLLM has no adapters that could be stored separately")
        mllm = Path(module.mllm.folder) if mllm is None else mllm
    if mllm is not None:
        refuse_inside([("MLLM", mllm)], folder)
        _check_same(mllm, module.mllm, adapters)
    elif leave_out and not module.mllm.has_adapters and frozen_keys(module, "mllm") and module.mllm.origin:
        mllm = Path(module.mllm.origin)
    with whole_folder(folder) as building:
        _write(module, building, half, mllm, adapters, folder)


def check_model_place(folder: Path, reads: Iterable[Role] = ()) -> None:
    """Look whether a model folder can be written here, before anything is built for it.

    Args:
        folder: Where to.
        reads: What it is made from.

    Raises:
        UseError: If the folder is there and holds something else or what it is made from, or cannot be written.
    """
    restore(name_of_old(folder))
    if folder.exists() and not (folder / INDEX).is_file() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise UseError(f"{folder} exists and is no model folder: name another, or remove it first")
    check_folder(folder.resolve().parent)
    refuse_inside(reads, folder)


def _write(module: VeggieModel, building: Path, half: bool, mllm: Path | None, adapters: str, folder: Path) -> None:
    for name in PARTS[:-1] if mllm is None else PARTS[1:-1]:
        getattr(module, name).save_pretrained(str(building / name))
    if adapters == "separate":
        module.mllm.save_adapters(str(building / "adapters"))
    for path in building.glob("*/*.safetensors") if half else ():
        tensors = {
            name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in load_file(path).items()
        }
        check_finite(tensors, f"as float16, {path.parent.name}")
        save_file(tensors, path, metadata={"format": "pt"})
    module.objective.scheduler.save_pretrained(str(building / "scheduler"))
    for path in building.glob("*/config.json"):  # diffusers notes where a part was read from: a path of this machine
        config = json.loads(path.read_text())
        config.pop("_name_or_path", None)
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    own = {
        "class": type(module.mllm).__name__,
        "folder": "mllm" if mllm is None else os.path.relpath(mllm, folder),
        **({} if mllm is None else {"named": str(mllm), "digest": _digest(module.mllm)}),
        **({"adapters": "adapters"} if adapters == "separate" else {}),
        **module.mllm.options,
    }
    for name, index in ((INDEX, _describe(module, own)), (PIPELINE_INDEX, _describe_pipeline(module))):
        (building / name).write_text(json.dumps(index, indent=2) + "\n")


def _describe(module: VeggieModel, mllm: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "mllm": mllm,
        "vae": type(module.vae).__name__,
        **({"vae_options": options} if (options := getattr(module.vae, "options", None)) else {}),
        "viddm": type(module.viddm).__name__,
        "scheduler": type(module.objective.scheduler).__name__,
        "guidance": {str(name): [scale.task, scale.source] for name, scale in module.guidance.items()},
        "trained_with": module.objective.drop_rates,
        "num_steps": module.num_steps,
        "seed": module.seed,
        **({} if module.objective.flow is None else {"flow": asdict(module.objective.flow)}),
        "training": None if module.record is None else module.record.as_json(),
    }


def _describe_pipeline(module: VeggieModel) -> dict[str, Any]:
    classes = {name: ["veggie_pl.models", type(getattr(module, name)).__name__] for name in PARTS[:-1]}
    scheduler = ["diffusers", type(module.objective.scheduler).__name__]
    return (
        {"_class_name": "VeggiePipeline", "_diffusers_version": diffusers.__version__}
        | classes
        | {PARTS[-1]: scheduler}
    )


def load_model(folder: Path, build: type[M] = VeggieModel) -> M:  # type: ignore[assignment]
    """Build the module that a model folder holds, in eval mode.

    Args:
        folder: The model folder.
        build: ``VeggieModel`` edits; ``VeggieModule`` also trains, and needs Lightning.

    Raises:
        UseError: If the folder is not a model folder of this format.
    """
    index = read_index(folder)
    scheduler = getattr(diffusers, index["scheduler"], None)
    if scheduler is None or not issubclass(scheduler, diffusers.SchedulerMixin):
        raise UseError(f"{folder}: {index['scheduler']!r} is no scheduler of diffusers")
    if index["vae"] not in _CODECS:
        raise UseError(f"{folder}: unknown codec {index['vae']!r}; the choices are {sorted(_CODECS)}")
    denoiser = index.get("viddm", "VidDM")  # which older folders do not say
    if denoiser not in _DENOISERS:
        raise UseError(f"{folder}: unknown diffusion model {denoiser!r}; the choices are {sorted(_DENOISERS)}")
    rates: dict[str, Any] = {name: float(rate) for name, rate in index["trained_with"].items()}
    module = build(
        mllm=read_mllm_wrapper(folder, index),
        queries=read_part(TaskQueries, folder / "queries"),
        aligner=read_part(Aligner, folder / "aligner"),
        viddm=read_part(_DENOISERS[denoiser], folder / "viddm"),
        vae=_read_codec(index["vae"], folder / "vae", index.get("vae_options", {})),
        scheduler=_read_scheduler(scheduler, folder / "scheduler"),
        guidance={name: Guidance(*scales) for name, scales in index["guidance"].items()},
        **rates,
        num_steps=index["num_steps"],
        seed=index["seed"],
        flow=FlowSettings(**index["flow"]) if "flow" in index else None,
    )
    for parameter in module.parameters():
        # Weights mapped from a file lie at odd addresses, where kernels round otherwise than on a fresh copy.
        parameter.data = parameter.data.clone()
    module.record = read_record(index.get("training"))
    return module.eval()


def read_mllm_wrapper(folder: Path, index: dict[str, Any]) -> Mllm:
    """Build the MLLM that a model folder holds or names.

    Raises:
        UseError: If its class is unknown, its folder is not there, or holds other weights than it did.
    """
    options = dict(index["mllm"])
    if (kind := options.pop("class", None)) not in _MLLMS:
        raise UseError(f"{folder}: unknown MLLM wrapper {kind!r}; the choices are {sorted(_MLLMS)}")
    place = mllm_folder(folder, index)
    digest = options.pop("digest", None)
    options.pop("named", None)
    if "adapters" in options:
        options["adapters"] = str(folder / options["adapters"])
    mllm: Mllm = _MLLMS[kind](**{**options, "folder": str(place)})
    if digest is not None and _digest(mllm) != digest:
        raise UseError(f"{folder} was made with another MLLM than {place} holds now: their weights differ")
    return mllm


def mllm_folder(folder: Path, index: dict[str, Any]) -> Path:
    """Find the MLLM's folder: as seen from the model folder, or, where that was moved, as its run's config named it.

    Raises:
        UseError: If it is in neither place.
    """
    own: dict[str, str] = index["mllm"]
    places = [folder / own["folder"], *([Path(own["named"])] if "named" in own else [])]
    for place in places:
        if (place / "config.json").is_file():
            return place
    if "named" not in own:  # inside: the reader says what is missing
        return places[0]
    raise UseError(
        f"{folder} leaves its MLLM to the folder that it was trained with, which is not there any more: neither "
        f"{places[0]} nor {places[1]}. `export --from`, where both are, writes one with all in it"
    )


def _digest(mllm: Mllm) -> str:
    """Of its weights, without adapters."""
    own = {key.replace(".base_layer.", "."): value for key, value in mllm.state_dict().items() if "lora_" not in key}
    return digest_of(own).hex()


def record_at(folder: Path) -> TrainingRecord | None:
    """Return what a folder's model has been trained for; None where it does not tell, as those of older versions."""
    return read_record(read_index(folder).get("training"))


def read_index(folder: Path) -> dict[str, Any]:
    """Return the folder's own description.

    Raises:
        UseError: If there is none or it has another format.
    """
    restore(name_of_old(folder))
    path = folder / INDEX
    if not path.is_file():
        raise UseError(f"{folder} is no model folder: it has no {INDEX}")
    try:
        index = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise UseError(f"{path} is no JSON: {problem}") from problem
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        found = index.get("format") if isinstance(index, dict) else index
        raise UseError(f"{path} has format {found!r}, this version reads {FORMAT}")
    if lacks := [name for name in _INDEXED if name not in index]:
        raise UseError(f"{path} lacks {', '.join(lacks)}")
    return index


def _check_same(folder: Path, mllm: Mllm, adapters: str) -> None:
    named = Mllm(str(folder)).state_dict()
    own = mllm.state_dict()
    if adapters == "separate":  # what counts is what lies under them
        own = {key.replace("base_layer.", ""): value for key, value in own.items() if "lora_" not in key}
    if differ := [key for key in own if key not in named or not torch.equal(own[key], named[key])]:
        raise UseError(
            f"{folder} holds another MLLM than this model: {len(differ)} tensors differ, such as {differ[0]}"
        )


def _read_codec(name: str, folder: Path, options: dict[str, Any]) -> Any:
    return _LIBRARYS[name](str(folder), **options) if name in _LIBRARYS else read_part(_CODECS[name], folder)


def _read_scheduler(kind: Any, folder: Path) -> Any:
    if not (folder / "scheduler_config.json").is_file():
        raise UseError(f"{folder} holds no scheduler: it has no scheduler_config.json")
    return kind.from_pretrained(str(folder))
