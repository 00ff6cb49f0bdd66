"""Arguments and configs: what is wrong is said in one line, with the names that come closest."""

import argparse
import difflib
import re
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

from veggie_pl.errors import UseError

NUM_CLOSE = 3  # names to suggest


class UsageError(UseError):
    """Arguments or a config that cannot be used."""


class CommandParser(ArgumentParser):
    """Raises instead of printing pages of usage, and takes no options by half their name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise, with what may have been meant."""
        refuse(self, message, ex)


def refuse(parser: Any, message: str, ex: Exception | None) -> NoReturn:
    """Raise in one line, with what may have been meant."""
    raise UsageError(" ".join(message.split()) + _suggestion(parser, message)) from ex


def _suggestion(parser: Any, message: str) -> str:
    """The names closest to the unknown one, if the message is about an unknown name."""
    found = re.search(r"(?:unrecognized arguments: |does not accept option |[Kk]ey )-*[\"']?([\w.-]+)", message)
    names = {option.lstrip("-") for option in _options(parser)}
    if found is None or found[1] in names:
        return ""
    unknown = found[1]
    tails = {name.rpartition(".")[2]: name for name in names}
    close = difflib.get_close_matches(unknown, names, NUM_CLOSE) or [
        tails[tail] for tail in difflib.get_close_matches(unknown.rpartition(".")[2], tails, NUM_CLOSE)
    ]
    return f"; did you mean {' or '.join(close)}?" if close else "; --help lists the choices"


def _options(parser: Any) -> set[str]:
    options = set()
    for action in parser._actions:
        options |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                options |= _options(child)
    return options
