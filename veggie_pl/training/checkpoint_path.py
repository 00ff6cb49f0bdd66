"""Which checkpoint ``--ckpt_path`` means: found before anything is built, or an error."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from veggie_pl.errors import UseError
from veggie_pl.file_names import matching

NAMES = ("last", "best", "hpc")  # what Lightning takes beside a path
LOG_NAME = "lightning_logs"  # Lightning's default for a logger without name


def find_checkpoint(given: str, trainer: Any) -> str:
    """Return the path of a checkpoint.

    Lightning looks for "last" in the folder of the new version, which is empty, and then trains from nothing. Here the
    newest of all versions of the run counts; a version that is named in the config looks in its own folder.

    Args:
        given: A path, "last", "best" or "hpc".
        trainer: The ``trainer:`` block of the config, which says where the run writes.

    Raises:
        UseError: If there is none; the message says where was looked, and what is there.
    """
    if given == "hpc":
        place = Path(trainer.default_root_dir or ".")
        if not any(place.glob("hpc_ckpt_*.ckpt")):
            raise UseError(f"--ckpt_path hpc: no hpc_ckpt_N.ckpt in {place}; a job under SLURM leaves one")
        return given
    if given not in NAMES:
        if "://" not in given and not Path(given).exists():
            raise UseError(f"--ckpt_path {given}: no such checkpoint{_there_are(trainer)}")
        if Path(given).is_file() and not is_zipfile(given):  # as torch.save writes
            raise UseError(f"--ckpt_path {given}: no checkpoint, or one that was not written to its end")
        return given
    places = [*_places(trainer)]
    last = _newest(places, "last*.ckpt") or _newest(places, "*.ckpt")
    if last is None:
        looked = " or ".join(str(place) for place in _patterns(trainer))
        raise UseError(f"--ckpt_path {given}: no checkpoint in {looked}; leave the option out to start from nothing")
    return str(last) if given == "last" else str(_best(last))


def _patterns(trainer: Any) -> list[Path]:
    """Folders where checkpoints of the run lie, with ``*`` for any version."""
    own = [_init(one).get("dirpath") for one in trainer.callbacks or [] if "ModelCheckpoint" in _name(one)]
    if given := [Path(path) for path in own if path]:
        return given
    root = Path(trainer.default_root_dir or ".")
    loggers = trainer.logger if isinstance(trainer.logger, list) else [trainer.logger]
    logger = loggers[0] if loggers else False
    if logger is False:
        return [root / "checkpoints"]
    init = _init(logger)
    folder = Path(init.get("save_dir") or init.get("dir") or root) / (init.get("name") or LOG_NAME)
    version = init.get("version")
    return [folder / (f"version_{version}" if isinstance(version, int) else version or "*") / "checkpoints"]


def _places(trainer: Any) -> Iterator[Path]:
    for pattern in _patterns(trainer):
        parts = [*pattern.parts]
        if "*" not in parts:
            yield pattern
        else:
            start = parts.index("*")
            yield from matching(Path(*parts[:start]), str(Path(*parts[start:])))


def _newest(places: list[Path], pattern: str) -> Path | None:
    found = [path for place in places for path in place.glob(pattern) if not path.name.startswith(".")]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _best(last: Path) -> Path:
    """Tell what the run of this checkpoint held for its best one."""
    import torch

    kept = torch.load(last, map_location="cpu", weights_only=True, mmap=True)
    states = [state for name, state in kept["callbacks"].items() if name.startswith("ModelCheckpoint")]
    states.sort(key=lambda state: not state.get("monitor"))  # one that watches a score knows best
    for state in states:
        named = Path(state.get("best_model_path") or "")
        for path in (named, last.parent / named.name):
            if path.is_file():
                return path
    raise UseError(
        f"--ckpt_path best: {last} knows of no best checkpoint that is still there; --ckpt_path last is {last}"
    )


def _there_are(trainer: Any) -> str:
    last = _newest([*_places(trainer)], "*.ckpt")
    return f"; the newest of this run is {last}" if last else ""


def _init(part: Any) -> Any:
    return (part.get("init_args") or {}) if hasattr(part, "get") else {}


def _name(part: Any) -> str:
    return str(part.get("class_path", "")) if hasattr(part, "get") else ""
