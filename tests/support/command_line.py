"""The command line, called as a user does."""

import pytest

from veggie_pl.cli import main


def error_of(args: list[str]) -> str:
    """What the command ends with; it must end with an error."""
    with pytest.raises(SystemExit) as stopped:
        main(args)
    assert isinstance(stopped.value.code, str)
    assert stopped.value.code.startswith("error: ")
    return stopped.value.code
