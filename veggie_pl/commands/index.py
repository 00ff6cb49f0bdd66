"""``index``: what is in a set of tar shards."""

import json
import logging

from rich.console import Console
from rich.progress import Progress

from veggie_pl.commands.options import index_options
from veggie_pl.data.shards import make_index
from veggie_pl.data.shards.index import visible
from veggie_pl.errors import UseError

log = logging.getLogger(__name__)


def index_shards(args: list[str]) -> None:
    """Read every shard once and write the index that ``ShardRecords`` takes."""
    options = index_options().parse_args(args)
    try:
        storage = json.loads(options.storage_options)
    except ValueError as error:
        raise UseError(f"--storage_options {options.storage_options!r} is no JSON ({error})") from error
    shards = visible(options.shards)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("indexing", total=len(shards))
        found = make_index(shards, options.output, storage, lambda: bar.advance(task))
    samples, size = sum(one.samples for one in found), sum(one.size for one in found)
    log.info("%s: %d shards, %d samples, %.2f GB", options.output, len(found), samples, size / 1e9)
