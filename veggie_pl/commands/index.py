"""``index``: what is in a set of tar shards."""

import json
import logging

from rich.console import Console
from rich.progress import Progress

from veggie_pl.data.shards import make_index
from veggie_pl.data.shards.index import visible
from veggie_pl.parsing import CommandParser

log = logging.getLogger(__name__)


def index_shards(args: list[str]) -> None:
    """Read every shard once and write the index that ``ShardRecords`` takes."""
    parser = CommandParser(prog="python -m veggie_pl index", description="Count the samples of WebDataset tar shards.")
    parser.add_argument(
        "shards", type=str, nargs="+", help="paths or addresses of tars; a-{000..127}.tar stands for 128 of them"
    )
    parser.add_argument("-o", "--output", type=str, required=True, help="the JSON to write")
    parser.add_argument(
        "--storage_options", type=str, default="{}", help="of the file system, as JSON, such as '{\"anon\": true}'"
    )
    options = parser.parse_args(args)
    try:
        storage = json.loads(options.storage_options)
    except ValueError as error:
        raise ValueError(f"--storage_options {options.storage_options!r} is no JSON ({error})") from error
    shards = visible(options.shards)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("indexing", total=len(shards))
        found = make_index(shards, options.output, storage, lambda: bar.advance(task))
    samples, size = sum(one.samples for one in found), sum(one.size for one in found)
    log.info("%s: %d shards, %d samples, %.2f GB", options.output, len(found), samples, size / 1e9)
