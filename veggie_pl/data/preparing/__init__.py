"""``prepare``: a data set's official layout becomes a record table."""

from veggie_pl.data.preparing.run import PrepareError, prepare

__all__ = ["PrepareError", "prepare"]
