"""Arguments and configs: what is wrong is said in one line, with the names that come closest."""

import argparse
import difflib
import importlib
import inspect
import re
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

from veggie_pl.commands.moved import moved_name
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
    message = " ".join(message.split())
    if (now := moved_name(message)) is not None:
        raise UsageError(now) from ex
    said = _unknown_class(message) or _plain(parser, message) or message + _suggestion(parser, message)
    raise UsageError(said) from ex


def _unknown_class(message: str) -> str | None:
    """Say that a class is not there, and which are; None for other messages, and where there is no such module."""
    lacks = r"class_path '([\w.]+)': module '([\w.]+)' has no attribute '(\w+)'"
    found = re.search(rf'key "([^"]+)".*{lacks}', message)
    if found is None or not found[3].startswith(__package__.partition(".")[0]):
        return None
    module = importlib.import_module(found[3])
    names = getattr(module, "__all__", None) or [name for name, one in vars(module).items() if inspect.isclass(one)]
    named = difflib.get_close_matches(found[4], names, NUM_CLOSE) or sorted(names)
    return f"{found[1]} names {found[2]}, which is not there; {found[3]} has {', '.join(named)}"


def _plain(parser: Any, message: str) -> str | None:
    """Say for people what jsonargparse says of a value that fits none of several types; None for other messages."""
    found = re.search(r'key "([^"]+)": Does not validate against any of the Union.*?Given value: (.*)$', message)
    if found is None or not (kinds := set(re.findall(r"<class '(\w+)'>", message.split("Given value")[0]))):
        return None
    words = {"int": "a whole number", "float": "a finite number", "str": "a text", "bool": "true or false"}
    wanted = [word for kind, word in words.items() if kind in kinds] + (["null"] if "NoneType" in kinds else [])
    named = [action.option_strings for action in parser._actions if action.dest == found[1]]
    option = named[0][0] if named and named[0] else found[1]
    return f"{option} must be {' or '.join(wanted)}, got {found[2]}" if wanted else None


def _suggestion(parser: Any, message: str) -> str:
    """Name what is closest to the unknown name, if the message is about one."""
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


def value_of(option: str, args: list[str]) -> str | None:
    """Find what the last ``--option VALUE`` or ``--option=VALUE`` says; None where there is none.

    Raises:
        UsageError: If nothing follows the option.
    """
    value = None
    for place, arg in enumerate(args):
        if arg == option:
            if place + 1 == len(args):
                raise UsageError(f"{option}: expected one argument")
            value = args[place + 1]
        elif arg.startswith(f"{option}="):
            value = arg.split("=", 1)[1]
    return value
