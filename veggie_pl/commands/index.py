"""``index``: what is in a set of tar shards."""

import json
import logging
from itertools import count
from pathlib import Path

from veggie_pl.commands.options import index_options
from veggie_pl.data.shards import make_index
from veggie_pl.data.shards.index import shards_of
from veggie_pl.errors import UseError
from veggie_pl.files import partial_of
from veggie_pl.outputs import Role, check_place, refuse_overlap
from veggie_pl.progress import progress

log = logging.getLogger(__name__)


def index_shards(args: list[str]) -> None:
    """Read every shard once and write the index that ``ShardRecords`` takes."""
    options = index_options().parse_args(args)
    try:
        storage = json.loads(options.storage_options)
    except ValueError as error:
        raise UseError(f"--storage_options {options.storage_options!r} is no JSON ({error})") from error
    shards = shards_of(options.shards)
    names = [name.removeprefix("file://").removeprefix("local://") for name in shards]
    output = Path(options.output)
    written: list[Role] = [("index", output), ("half-written index", partial_of(output))]
    refuse_overlap([("shard", name) for name in names if "://" not in name], written)
    check_place(output)
    done = count(1)
    with progress() as tell:
        found = make_index(shards, options.output, storage, lambda: tell("indexing", next(done), len(shards)))
    samples, size = sum(one.samples for one in found), sum(one.size for one in found)
    log.info("%s: %d shards, %d samples, %.2f GB", options.output, len(found), samples, size / 1e9)
