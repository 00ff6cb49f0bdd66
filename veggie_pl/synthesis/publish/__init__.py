"""A run's kept pairs as a data set: card, tar shards, table, provenance."""

from veggie_pl.synthesis.publish.data_set import Plan, publish

__all__ = ["Plan", "publish"]
