"""What outputs are scored by: the bench's own measures, with the experts that the user names."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from veggie_pl.data.benchmark import Benchmark, Measures
from veggie_pl.errors import UseError
from veggie_pl.experts.cached import CachedDetector, CachedFeatures, CachedImageText, CachedJudge, CachedQuality
from veggie_pl.metrics.experts_given import Experts
from veggie_pl.metrics.skills import SkillTable

# Who is meant by a plain folder.
OF_FOLDER = {
    "detector": "veggie_pl.experts.GroundingDinoDetector",
    "image_text": "veggie_pl.experts.ClipExpert",
    "features": "veggie_pl.experts.DinoExpert",
    "judge": "veggie_pl.experts.LocalJudge",
}
ENDPOINT = "veggie_pl.experts.EndpointJudge"
ROLES = tuple(one.name for one in fields(Experts))


def skill_table(benchmark: Benchmark, given: Sequence[str], device: str, cache: Path | None) -> Measures:
    """Make the measures of a bench, with more experts.

    Args:
        benchmark: Its own measures are kept if no expert is named, or if they are no ``SkillTable``.
        given: ``ROLE=FOLDER``, ``judge=MODEL@ADDRESS``, or a YAML file with a class for each role.
        device: Where experts compute.
        cache: Folder of features that are known already; None keeps none.

    Raises:
        UseError: If a role is unknown or named twice, a file cannot be read, or an expert cannot be built.
    """
    own = SkillTable() if benchmark.measures is None else benchmark.measures
    named = named_experts(given)
    if not isinstance(own, SkillTable):
        if named:
            raise UseError(f"the bench brings measures of its own, {type(own).__name__}, which take no --experts")
        return own
    built = {role: _build(role, spec, device) for role, spec in named.items()}
    if cache is not None:
        built = {role: _cached(role, expert, cache) for role, expert in built.items()}
    return own.with_experts(replace(own.experts, **built))


def named_experts(given: Sequence[str]) -> dict[str, Any]:
    """Read ``--experts``: for each role what jsonargparse takes for a class.

    Raises:
        UseError: If a role is unknown or named twice, or a file is no YAML of roles.
    """
    found: dict[str, Any] = {}
    for one in given:
        role, sign, value = one.partition("=")
        more = {role: _spec(role, value)} if sign else _read(Path(one))
        for name, spec in more.items():
            if name not in ROLES:
                raise UseError(f"--experts {one}: no role {name!r}; the choices are {', '.join(ROLES)}")
            if name in found:
                raise UseError(f"--experts: {name} is named twice")
            found[name] = spec
    return found


def _spec(role: str, value: str) -> dict[str, Any]:
    """Tell which class is meant by a folder, or by a model on a server."""
    if role not in ROLES:
        return {}  # refused by its name
    if "://" in value:
        model, at, address = value.partition("@")
        if role != "judge" or not at:
            raise UseError(f"--experts {role}={value}: a server is named as judge=MODEL@ADDRESS")
        return {"class_path": ENDPOINT, "init_args": {"model": model, "base_url": address}}
    if role not in OF_FOLDER:
        raise UseError(f"--experts {role}={value}: say which class in a YAML file, {role}: {{class_path: ...}}")
    return {"class_path": OF_FOLDER[role], "init_args": {"folder": value}}


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        wanted = f"neither ROLE=FOLDER, with one of {', '.join(ROLES)}, nor a YAML file"
        raise UseError(f"--experts {path}: {wanted} ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict) or not all(isinstance(spec, dict) for spec in found.values()):
        raise UseError(f"--experts {path}: holds no roles with a class_path each")
    return found


def _build(role: str, spec: Mapping[str, Any], device: str) -> Any:
    parser = ArgumentParser(exit_on_error=False)
    kind = Experts.__annotations__[role]
    parser.add_argument(f"--{role}", type=kind)
    spec = {**spec, "init_args": {**spec.get("init_args", {})}}
    if "device" in _settings_of(str(spec.get("class_path"))):
        spec["init_args"].setdefault("device", device)
    try:
        return parser.instantiate_classes(parser.parse_object({role: spec}))[role]
    except UseError:
        raise
    except Exception as error:  # jsonargparse says in many ways that a class does not take this
        raise UseError(f"--experts {role}: {' '.join(str(error).split())}") from error


def _settings_of(class_path: str) -> tuple[str, ...]:
    module, _, name = class_path.rpartition(".")
    try:
        code = getattr(import_module(module), name).__init__.__code__
    except (ImportError, AttributeError, ValueError):
        return ()  # the parser says what is wrong with the name
    return tuple(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def _cached(role: str, expert: Any, cache: Path) -> Any:
    wrappers: dict[str, Any] = {
        "detector": CachedDetector,
        "image_text": CachedImageText,
        "features": CachedFeatures,
        "quality": CachedQuality,
        "judge": CachedJudge,
    }
    return wrappers[role](expert, str(cache)) if hasattr(expert, "digest") else expert


def experts_of(measures: Measures) -> dict[str, str]:
    """Name the experts that measures ask, by role, down to their weights."""
    experts = getattr(measures, "experts", None)
    if experts is None:
        return {}
    named = {role: getattr(experts, role) for role in ROLES}
    return {role: _said(expert) for role, expert in named.items() if expert is not None}


def identity_of(measures: Measures) -> str:
    """Name measures and experts shortly: what is scored by another identity may have other numbers."""
    settings = [getattr(measures, name, None) for name in ("aspects", "joins")]
    parts = [type(measures).__qualname__, json.dumps(settings), json.dumps(experts_of(measures), sort_keys=True)]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _said(expert: Any) -> str:
    digest = getattr(expert, "digest", None)
    if digest is not None:
        return f"{type(expert).__name__} {digest}"
    settings = {name: value for name, value in vars(expert).items() if not name.startswith("_")}
    return f"{type(expert).__name__} {json.dumps(settings, default=str, sort_keys=True)}"
