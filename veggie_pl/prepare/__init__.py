"""``prepare``: a data set's official layout becomes a record table."""

from veggie_pl.prepare.run import PrepareError, prepare

__all__ = ["PrepareError", "prepare"]
