"""Tar shards as WebDataset packs them, on this disk or elsewhere, read in an order with an exact place."""

from veggie_pl.data.shards.cache import ShardCache
from veggie_pl.data.shards.index import Shard, ShardError, make_index, read_index
from veggie_pl.data.shards.records import ShardRecords

__all__ = ["Shard", "ShardCache", "ShardError", "ShardRecords", "make_index", "read_index"]
