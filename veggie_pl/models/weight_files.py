"""Weights as they lie in a folder: which files they are, whether all are there, and whether they fit."""

import json
import logging
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.file_names import in_order

log = logging.getLogger(__name__)

NUM_NAMED = 3  # keys that an error names
# What wrappers put before names: DistributedDataParallel, torch.compile, peft, FSDP, activation checkpointing.
_WRAPPERS = r"(?:module|_orig_mod|base_model\.model|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
_LEADING = re.compile(rf"^(?:{_WRAPPERS})+")
_INSIDE = re.compile(rf"(?<=\.)(?:{_WRAPPERS})+")


@dataclass(frozen=True)
class WeightFiles:
    """The safetensors files that hold a model.

    Args:
        files: All of them.
        variant: As in ``model.fp16.safetensors``; None for plain names.
    """

    files: list[Path]
    variant: str | None = None

    def slices(self) -> dict[str, Any]:
        """Return every tensor by its name, read when it is asked for.

        Raises:
            UseError: If a file is torn, or two hold a tensor of one name.
        """
        found: dict[str, Any] = {}
        for path in self.files:
            try:
                file: Any = safe_open(path, framework="pt")
                names = [*file.keys()]
            except (SafetensorError, OSError) as problem:
                size = path.stat().st_size
                raise UseError(f"{path} is no whole safetensors file ({size:,} bytes): {problem}") from problem
            if twice := [name for name in names if name in found]:
                raise UseError(f"{path} holds {len(twice)} weights that another file holds, too, {_named(twice)}")
            found.update((name, file.get_slice(name)) for name in names)
        return found


def find_weights(folder: Path, stem: str) -> WeightFiles:
    """Find the files of one model: a single one, or the shards of an index; else those of a variant such as fp16.

    Args:
        folder: Where they lie.
        stem: "model" as transformers has it, "diffusion_pytorch_model" as diffusers has it.

    Raises:
        UseError: If there are none, shards are missing or have no index, or several variants could be meant.
    """
    present = {path.name for path in in_order(folder)} if folder.is_dir() else set()
    single, index = f"{stem}.safetensors", f"{stem}.safetensors.index.json"
    if single in present:
        return WeightFiles([folder / single])
    if index in present:
        return WeightFiles(_shards(folder / index))
    variants = {}
    for name in sorted(present):
        if found := re.fullmatch(rf"{re.escape(stem)}\.([\w-]+)\.safetensors", name):
            if not re.search(r"-\d{5}-of-\d{5}$", found[1]):
                variants[found[1]] = [folder / name]
        elif found := re.fullmatch(rf"{re.escape(index.removesuffix('.json'))}\.([\w-]+)\.json", name):
            variants.setdefault(found[1], _shards(folder / name))
    if len(variants) > 1:
        raise UseError(f"{folder} holds {' and '.join(variants)} weights, but no {single}: keep one of them")
    for variant, files in variants.items():
        log.info("%s: no %s, read from the %s variant", folder, single, variant)
        return WeightFiles(files, variant)
    if shards := [name for name in sorted(present) if re.search(r"-\d{5}-of-\d{5}\.safetensors$", name)]:
        raise UseError(f"{folder} holds {len(shards)} shards, {_named(shards)}, but no {index} that lists them")
    if pickles := [name for name in sorted(present) if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]:
        raise UseError(f"{folder} has no {single}, but {pickles[0]}; pickles are not read: convert them first")
    raise UseError(f"{folder} has no {single}, no {index} and no variant such as {stem}.fp16.safetensors")


def _shards(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as problem:
        raise UseError(f"{index} is no index of weights: {problem!r}") from problem
    if missing := [name for name in names if not (index.parent / name).is_file()]:
        raise UseError(
            f"{index.parent} lacks {len(missing)} of the {len(names)} files of {index.name}, {_named(missing)}"
        )
    return [index.parent / name for name in names]


def unwrapped(names: Iterable[str]) -> dict[str, str] | None:
    """Names without what wrappers put before them (``module.``, ``_orig_mod.``, ``base_model.model.``, nested too).

    Returns:
        The new name of each, or None if there is nothing to take off, or two would get one name.
    """
    found = {name: _INSIDE.sub("", _LEADING.sub("", name)) for name in names}
    changed = any(name != new for name, new in found.items())
    return found if changed and len(set(found.values())) == len(found) else None


def describe_misfit(
    missing: Collection[str], unexpected: Collection[str], mismatched: Collection[tuple[str, Any, Any]] = ()
) -> str:
    """Tell what does not fit, with counts and the first names; empty if all does.

    Args:
        missing: Names that the model has and the file has not.
        unexpected: The opposite.
        mismatched: Name, shape in the file, shape in the model.
    """
    said = [
        f"{len(keys)} {kind} keys, {_named(keys)}"
        for kind, keys in (("missing", missing), ("unexpected", unexpected))
        if keys
    ]
    if mismatched:
        shapes = [f"{key} is {[*file]}, the config wants {[*model]}" for key, file, model in sorted(mismatched)]
        said.append(f"{len(shapes)} of another shape: {', '.join(shapes[:NUM_NAMED])}")
    return "; ".join(said)


def compare(state: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """Describe how weights misfit a model's own; both are mappings from names to what has a shape."""
    shared = own.keys() & state.keys()
    shapes = {key: (tuple(state[key].shape), tuple(own[key].shape)) for key in shared}
    differ = [(key, *both) for key, both in shapes.items() if both[0] != both[1]]
    return describe_misfit(own.keys() - state.keys(), state.keys() - own.keys(), differ)


def check_finite(state: Mapping[str, Tensor], place: object) -> None:
    """Look for weights that are no numbers.

    Raises:
        UseError: If any is NaN or infinite; the message counts and names them.
    """
    wrong = [
        name
        for name, value in state.items()
        if value.is_floating_point() and not value.is_meta and not bool(value.isfinite().all())
    ]
    if wrong:
        raise UseError(f"{place} holds {len(wrong)} weights with NaN or infinite values, {_named(wrong)}")


def _named(keys: Collection[str]) -> str:
    return f"such as {', '.join(sorted(keys)[:NUM_NAMED])}"
