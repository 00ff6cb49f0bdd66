"""The scheduler that a public checkpoint comes with, whichever it is."""

import json
from pathlib import Path

import diffusers
from diffusers import SchedulerMixin

from veggie_pl.errors import UseError

FILE = "scheduler_config.json"


def read_scheduler(folder: str) -> SchedulerMixin:
    """Return the scheduler of a folder, of the class that it names: usable as ``class_path`` in a config.

    Args:
        folder: A ``scheduler`` folder of diffusers, or a pipeline folder that has one.

    Raises:
        UseError: If there is none, or diffusers has no scheduler of that name.
    """
    found = next((place for place in (Path(folder, "scheduler"), Path(folder)) if (place / FILE).is_file()), None)
    if found is None:
        raise UseError(f"{folder} holds no scheduler: there is no {FILE}, nor one in {Path(folder, 'scheduler')}")
    try:
        name = json.loads((found / FILE).read_text()).get("_class_name")
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise UseError(f"{found / FILE} is no JSON: {problem}") from problem
    kind = getattr(diffusers, str(name), None)
    if not isinstance(kind, type) or not issubclass(kind, SchedulerMixin):
        raise UseError(f"{found / FILE}: {name!r} is no scheduler of diffusers")
    scheduler: SchedulerMixin = getattr(diffusers, str(name)).from_pretrained(str(found))
    return scheduler
