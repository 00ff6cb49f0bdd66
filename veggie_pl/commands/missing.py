"""What a run needs and what is not there, all at once, before anything is built."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from veggie_pl.errors import UseError
from veggie_pl.inference.which_model import lacks_model
from veggie_pl.models.checkpoints import where_to_get
from veggie_pl.models.video_codec import VIDEO_CODECS

# Arguments that name checkpoints, by the class that takes them.
CHECKPOINTS = {
    "VidDM": ("weights", "motion_adapter"),
    **dict.fromkeys(("KlCodec", *VIDEO_CODECS), ("folder",)),
}
TABLE = "table.json"


def require_all(config: Namespace, trains: bool = False) -> None:
    """Look for the checkpoints, record tables and model folders of a config.

    Args:
        config: Of the run.
        trains: Whether it trains, and so starts from the folders of ``init_from``.

    Raises:
        UseError: If some are not there; the message lists all, with the command that gets each and its size.
    """
    lacking = list(dict.fromkeys(_lacking(config)))
    folders = (config.get("init_from") or {}).get("folders") if trains else None
    if folders and (no_start := lacks_model(folders, naming="--init_from.folders")):
        lacking.append(no_start)
    if lacking:
        head = f"{len(lacking)} things that the run needs are missing: " if len(lacking) > 1 else ""
        raise UseError(head + "; ".join(lacking))


def _lacking(config: Namespace) -> Iterator[str]:
    for name, init in named_parts({"model": config.get("model"), "data": config.get("data")}):
        if name.endswith("Mllm") and (folder := init.get("folder")) and not Path(folder, "config.json").is_file():
            yield f"no MLLM at {folder!r}: no transformers folder with config.json; {where_to_get(folder)}"
        for argument in CHECKPOINTS.get(name, ("weights",) if name.endswith("Denoiser") else ()):
            if (path := init.get(argument)) and not Path(path).exists():
                yield f"{path} is not there; {where_to_get(path)}"
        if (table := init.get("table")) and not Path(table, TABLE).is_file() and not Path(table).exists():
            card = Path(table).parent.name
            yield f"no record table at {table}; `python -m veggie_pl prepare {card} --root FOLDER` makes it"


def named_parts(config: Any) -> Iterator[tuple[str, Any]]:
    """Give class name and arguments of every part that a config names, at any depth."""
    if isinstance(config, (dict, Namespace)):
        init = config.get("init_args")
        if config.get("class_path") and isinstance(init, (dict, Namespace)):
            yield str(config.get("class_path")).rpartition(".")[2], init
        children: Any = vars(config).values() if isinstance(config, Namespace) else config.values()
    else:
        children = config if isinstance(config, (list, tuple)) else ()
    for child in children:
        yield from named_parts(child)
