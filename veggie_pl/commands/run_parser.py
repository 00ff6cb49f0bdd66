"""The parser of runs: LightningCLI's, with the errors of ``parser``."""

from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from veggie_pl.commands.parser import refuse


class RunParser(LightningArgumentParser):
    """As ``CommandParser``, for LightningCLI."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise, with what may have been meant."""
        refuse(self, message, ex)
