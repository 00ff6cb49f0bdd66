"""Which model folder a command takes: never another one than people think."""

import logging
from glob import glob, has_magic
from pathlib import Path

from veggie_pl.errors import UseError
from veggie_pl.files import ROOT, name_of_old, restore
from veggie_pl.model_folder import INDEX, record_at
from veggie_pl.training.record import TrainingRecord, describe

log = logging.getLogger(__name__)


def find_model(
    patterns: list[str], naming: str = "--model.folder", any_length: bool = False, tell: bool = True
) -> Path:
    """Return the model folder of the first pattern that has one, looked for here and in the checkout.

    A folder that is named, without wildcards, is taken as it is. Of those that match a pattern it is the newest that
    reached the steps of its recipe; newer ones that did not are named in one line. So a short trial never takes the
    place of a trained model.

    Args:
        patterns: Folders or patterns such as "runs/stage1/*/model".
        naming: The option that takes any folder, for the message.
        any_length: Take the newest match of any length.
        tell: Name those that were passed over; of several ranks one does.

    Raises:
        UseError: If none matches; the message names the patterns and the command that makes one.
    """
    folder, passed_over = _search(patterns, any_length)
    if folder is None:
        raise UseError(_none_found(patterns, passed_over, naming))
    if passed_over and tell:
        log.info("%s; %s takes any", _tell(passed_over), naming)
    return folder


def lacks_model(patterns: list[str], naming: str) -> str | None:
    """Return what ``find_model`` would raise, to be listed with all that is missing; None where it finds a folder."""
    folder, passed_over = _search(patterns)
    return _none_found(patterns, passed_over, naming) if folder is None else None


def _search(patterns: list[str], any_length: bool = False) -> tuple[Path | None, dict[Path, TrainingRecord | None]]:
    """Return the folder to take, and those that were passed over on the way to it."""
    passed_over: dict[Path, TrainingRecord | None] = {}
    for pattern in patterns:
        for base in (Path(), ROOT):
            named = not has_magic(pattern) or (base / pattern).is_dir()
            for folder in [base / pattern] if named else _newest_first(base / pattern):
                if named:
                    restore(name_of_old(folder))
                if not (folder / INDEX).is_file():
                    continue
                record = None if named or any_length else _record(folder)
                if named or any_length or (record is not None and record.is_whole):
                    return folder, passed_over
                if folder.resolve() not in {other.resolve() for other in passed_over}:
                    passed_over[folder] = record
    return None, passed_over


def _none_found(patterns: list[str], passed_over: dict[Path, TrainingRecord | None], naming: str) -> str:
    why = f"{_tell(passed_over)}; {naming} takes any" if passed_over else f"one that holds {INDEX}"
    return (
        f"no model folder ({why}) at {' or '.join(patterns)}; train one with "
        f"`python -m veggie_pl fit --config conf/stage1.yaml`, or name another with {naming}"
    )


def _newest_first(pattern: Path) -> list[Path]:
    for old in glob(str(name_of_old(pattern))):
        restore(Path(old))
    found = [Path(index) for index in glob(str(pattern / INDEX))]
    return [index.parent for index in sorted(found, key=lambda index: index.stat().st_mtime, reverse=True)]


def _record(folder: Path) -> TrainingRecord | None:
    try:
        return record_at(folder)
    except ValueError:  # of a later format, or torn: not one to take unasked
        return None


def _tell(passed_over: dict[Path, TrainingRecord | None]) -> str:
    told = [f"{folder} ({describe(record)})" for folder, record in passed_over.items()]
    return f"not taken, as not known to have reached the steps of {'its' if len(told) == 1 else 'their'} recipe: " + (
        ", ".join(told)
    )
