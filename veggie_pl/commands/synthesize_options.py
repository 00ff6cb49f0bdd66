"""Options of ``synthesize``, without what it works with: help has to come at once."""

from collections.abc import Mapping
from typing import Any

from veggie_pl.commands.parser import CommandParser

_STEPS = {
    "describe": "step 1, captions and animation prompt: class_path and init_args",
    "animate": "step 2, picture to video",
    "propagate": "step 3, the edited picture along that video",
    "assess": "step 4, measures and filter",
}


def synthesize_options(kinds: Mapping[str, Any] | None = None, resources: Any = dict) -> CommandParser:
    """Make the options of ``synthesize``.

    Args:
        kinds: Protocol of each step; None is for help alone.
        resources: Class of what a step holds on Ray.
    """
    parser = CommandParser(
        prog="python -m veggie_pl synthesize",
        description="Lift a table of image-edit pairs to a data set of video-edit pairs: describe, animate, propagate, "
        "assess. What is done is kept in the store: the same command goes on after it was stopped, and what a changed "
        "setting does not concern is not made again.",
    )
    parser.add_argument("--config", action="config", help="a YAML of these settings, such as conf/synthesis/*.yaml")
    parser.add_argument("--table", type=str, required=True, help="prepared/CARD/SPLIT of image-edit pairs")
    parser.add_argument("-o", "--output", type=str, required=True, help="folder of the new data set, which it names")
    parser.add_argument("--store", type=str, default="runs/synthesis/store", help="folder of what is done already")
    parser.add_argument("--engine", type=str, default="process", help="process, or ray: RAY_ADDRESS, else a local one")
    parser.add_argument("--workers", type=int, default=1, help="processes, each with a GPU of its own if there are any")
    parser.add_argument("--dry-run", action="store_true", help="lift a few rows and tell what all will take")
    parser.add_argument("--limit", type=int | None, default=None, help="the first so many rows")
    parser.add_argument("--max_failed", type=float, default=0.1, help="share of the items that may fail")
    parser.add_argument("--root", type=str | None, default=None, help="the table's media, if they were moved")
    parser.add_argument(
        "--size", type=tuple[int, int] | None, default=None, help="height and width of clips (the pictures' own)"
    )
    parser.add_argument(
        "--directions", type=list[str], default=["forward"], help="forward, reversed (additions and removals), or both"
    )
    parser.add_argument(
        "--moved", type=str, default="source", help="which picture is set in motion; target: a real video as the target"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, other clips")
    parser.add_argument("--lossless", type=bool, default=False, help="keep every pixel; few browsers play such files")
    parser.add_argument("--shard_bytes", type=int, default=256 * 2**20, help="of a tar, before the next one is begun")
    for step, what in _STEPS.items():
        parser.add_argument(f"--{step}", type=dict if kinds is None else kinds[step], required=True, help=what)
    parser.add_argument(
        "--resources",
        type=dict[str, resources],
        default={},
        help="ray, by step: num_gpus, num_cpus, batch_size, workers",
    )
    return parser
