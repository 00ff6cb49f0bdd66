"""Commands that tests wait for, with all that they start."""

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

SECONDS = 500.0  # below pytest's own limit, which ends the whole test process


def run_to_end(command: list[str], cwd: Path, env: dict[str, str], seconds: float = SECONDS) -> tuple[int, str]:
    """Run a command and return its exit code and all it said.

    It speaks into a file: a pipe would be waited for until the last process that it started lets go of it, also where
    the command has died and that process waits for ever. None of them outlives this call.

    Raises:
        subprocess.TimeoutExpired: If it takes too long; what it said is the exception's ``output``.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=said, stderr=said, start_new_session=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            said.seek(0)
            error.output = said.read()
            raise
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        return process.returncode, said.read().decode(errors="replace")
