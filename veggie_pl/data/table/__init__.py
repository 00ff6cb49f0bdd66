"""Prepared tables: rows on disk, their shapes and faults, and records that are decoded from them."""

from veggie_pl.data.table.records import TableRecords
from veggie_pl.data.table.shards import TableError, TableInfo, write_table
from veggie_pl.data.table.table import Table

__all__ = ["Table", "TableError", "TableInfo", "TableRecords", "write_table"]
