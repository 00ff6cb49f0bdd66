"""The parser of runs: LightningCLI's, with the errors of ``parser``."""

from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from veggie_pl.commands.parser import refuse
from veggie_pl.errors import UseError


class RunParser(LightningArgumentParser):
    """As ``CommandParser``, for LightningCLI."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise, with what may have been meant."""
        refuse(self, message, ex)

    def dump(self, *args: Any, **kwargs: Any) -> str:
        """Write a config as text; it was judged when it was parsed, and again, which takes a second, only if asked."""
        return str(super().dump(*args, **{"skip_validation": True, **kwargs}))

    def instantiate_classes(self, *args: Any, **kwargs: Any) -> Any:
        """Build what the config names.

        Raises:
            UseError: As a class says it, also where null would do, too: jsonargparse then tells of both types.
        """
        try:
            return super().instantiate_classes(*args, **kwargs)
        except ValueError as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, UseError):
                cause = cause.__cause__
            if cause is None or cause is error:
                raise
            raise cause from None
