"""Processes of `python -m veggie_pl` without the seconds that importing takes: forks of one that has imported.

They are processes as any other: arguments, environment, folder, files, signals and ends are their own. What they share
is the interpreter's start, its hash seed, and what importing alone did. Tests of that start Python itself.

python -m support.starts SOCKET                          # serves, until its standard input ends
python tests/support/starts.py SOCKET -m veggie_pl ARGS  # has the one that serves do `python -m veggie_pl ARGS`
"""

import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 2**20  # bytes of a request
HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


def request(place: str, args: list[str], env: dict[str, str], cwd: str, files: list[int], session: bool) -> Any:
    """Ask for a process.

    Returns:
        A file of two lines: its number, and, when it has ended, its exit code, negative where a signal ended it.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        asked = json.dumps({"args": args, "env": env, "cwd": cwd, "session": session}).encode() + b"\n"
        sent = socket.send_fds(line, [asked], files)
        line.sendall(asked[sent:])
        return line.makefile("r")


class Start(AbstractContextManager["Start"]):
    """A process of the command line, as ``subprocess.Popen`` has it."""

    def __init__(self, place: str, args: list[str], env: dict[str, str], files: list[int], session: bool) -> None:
        self.answer = request(place, args, env, str(ROOT), files, session)
        self.pid = int(self.answer.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""
        if self.returncode is None and select.select([self.answer], [], [], 0)[0]:
            self.returncode = int(self.answer.readline())
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end, some seconds at most."""
        if self.returncode is None and not select.select([self.answer], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("veggie_pl", timeout)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)
        self.wait(60)
        self.answer.close()


class Starts:
    """One process that has imported what the command line imports, for as long as this object is open."""

    def __init__(self, folder: Path) -> None:
        self.place, self.bin = str(folder / "socket"), folder / "bin"
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        command = [sys.executable, "-m", "support.starts", self.place]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.server = subprocess.Popen(command, cwd=ROOT, env=self.environment, **pipes)
        assert self.server.stdout is not None
        assert self.server.stdout.readline() == b"ready\n"
        self.bin.mkdir()
        (self.bin / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -IS {__file__} {self.place} "$@"\n')
        (self.bin / "python").chmod(0o755)

    def start(self, args: list[str], log: Path, session: bool = False, env: dict[str, str] | None = None) -> Start:
        """Start `python -m veggie_pl ARGS`, which reads nothing and says all it says into a file.

        Args:
            args: Command and options.
            log: A new file.
            session: Whether it leads a process group of its own.
            env: Its environment; that of the tests where none is given.
        """
        with log.open("w") as said, Path(os.devnull).open() as nothing:
            files = [nothing.fileno(), said.fileno(), said.fileno()]
            return Start(self.place, args, env or self.environment, files, session)

    def close(self) -> None:
        """End the one that serves; what it has started goes on. Forks of the tests may hold its input open."""
        self.server.terminate()
        self.server.wait()


def serve(place: str) -> dict[str, Any]:
    """Import, then fork for each request; return in the fork, with the request."""
    from veggie_pl import cli
    from veggie_pl.commands.lean import quick_imports

    cli._quiet()  # as `cli.main` before it imports
    with quick_imports():
        import veggie_pl.commands.configs  # noqa: F401
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        if sys.stdin in (ready := select.select([listener, sys.stdin], [], [])[0]):
            os._exit(0)
        assert ready
        line, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return answer(line)
        line.close()


def answer(line: socket.socket) -> dict[str, Any]:
    """Fork once more: one is what was asked for and returns, the other waits for its end and tells it."""
    for number in HEARD:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
    text, files, *_ = socket.recv_fds(line, LIMIT, 3)
    while not text.endswith(b"\n"):
        text += line.recv(LIMIT)
    asked: dict[str, Any] = json.loads(text)
    if (child := os.fork()) == 0:
        line.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        if asked["session"]:
            os.setsid()
        return asked
    for file in files:
        os.close(file)
    line.sendall(f"{child}\n".encode())
    line.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[2:]:
        assert sys.argv[2:4] == ["-m", "veggie_pl"]
        told = request(sys.argv[1], sys.argv[4:], dict(os.environ), os.getcwd(), [0, 1, 2], False)
        sys.exit([int(number) for number in told][1] % 256)
    started = serve(sys.argv[1])
    os.environ.clear()
    os.environ.update(started["env"])
    os.chdir(started["cwd"])
    sys.argv = ["veggie_pl", *started["args"]]
    runpy.run_module("veggie_pl", run_name="__main__", alter_sys=True)
