"""How the program ends when it cannot go on: one line, whatever happened, and nothing that is needed later is lost."""

import os
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path


class UseError(ValueError):
    """What was asked for cannot be done. The message is one line for the user: the value, and what would be right.

    The base of all such errors; any other exception is a fault of the program, whose traceback is kept.
    """


def one_line(error: BaseException) -> str:
    """Return the message of an exception, whatever lines it came in."""
    return " ".join(str(error).split()) or type(error).__name__


def keep_traceback(error: BaseException) -> Path | None:
    """Write the traceback to a file, in ``runs/`` where there is one, else in the folder for temporary files.

    Returns:
        The file; None if nothing can be written anywhere, and then the traceback goes to stderr.
    """
    head = f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {' '.join(sys.argv)}\n"
    text = head + "".join(traceback.format_exception(error))
    for folder in (Path("runs"), Path(tempfile.gettempdir())):
        path = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
        try:
            path.write_text(text, encoding="utf-8")
        except OSError:
            continue
        return path
    print(text, file=sys.stderr)
    return None


def from_worker(message: str) -> str | None:
    """Tell what torch says of a process that makes samples, in one line; None for any other message.

    An error of use that was raised there is given as it was; another begins with "Caught".
    """
    look = "`python -m veggie_pl check` finds the files that do it, in processes of their own"
    if message.startswith("DataLoader timed out"):
        return f"reading data took longer than data.timeout allows ({message}); {look}"
    if message.startswith("DataLoader worker"):
        how = message.split(". ")[0].rstrip(".")
        if how.endswith(("Terminated", "Hangup")):
            return f"the run was stopped: a signal ended a process that reads data ({how})"
        return f"a process that reads data died ({how}); {look}"
    if found := re.match(r"Caught (\w+) in DataLoader worker process", message):  # a page of traceback follows
        last = " ".join(re.split(r"\n[\w.]+: ", message.strip())[-1].split())
        return last if found[1] in _names(UseError) else f"Caught {found[1]} in a process that reads data: {last}"
    return None


def _names(base: type) -> set[str]:
    """Names of a class and of all that derive from it, as far as they are imported."""
    children: list[type] = base.__subclasses__()
    return {base.__name__}.union(*(_names(child) for child in children))
