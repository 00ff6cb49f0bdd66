"""The command line: LightningCLI for fit, validate and test; the other commands are handed to the rooms below."""

import difflib
import logging
import os
import re
import select
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from veggie_pl.commands.lean import lean_imports, quick_imports
from veggie_pl.errors import UseError, from_worker, keep_traceback, one_line
from veggie_pl.files import CONF
from veggie_pl.signals import end_in_order

# The commands import what they need when they run, and helps are given before: none waits for torch.

WITHOUT_CHECKOUT = ("edit", "predict", "app", "check", "index")  # what needs no configs and no cards
COMMANDS: dict[str, Callable[[list[str]], None]] = {}

# How libraries put that what was asked for is not done; "you can ignore this" is no such thing.
UNHEARD = (
    r"(?is).*(\b(be|is|are) ignored\b|\bignores\b|\bno effect\b|\bskipping\b"
    r"|is set, but|does not support|not actually)"
)


def command(function: Callable[[list[str]], None]) -> Callable[[list[str]], None]:
    """Make a function a command of its own name; the first line of its docstring is its help."""
    COMMANDS[function.__name__] = function
    return function


@command
def fit(args: list[str]) -> None:
    """Train; everything is in the configs, e.g. --config conf/stage1.yaml. --dry-run shows what it would read."""
    if "--dry-run" in args:
        with quick_imports():
            from veggie_pl.commands.dry_run import show_run

        return show_run([arg for arg in args if arg != "--dry-run"])
    with quick_imports():
        from veggie_pl.commands.configs import VeggieCLI
        from veggie_pl.files import TRAINING

    VeggieCLI(["fit", *args], parser_kwargs={"fit": {"default_config_files": TRAINING}})


@command
def validate(args: list[str]) -> None:
    """Loss and metrics of a checkpoint on held-out samples (--ckpt_path)."""
    with quick_imports():
        from veggie_pl.commands.configs import ValidateCLI
        from veggie_pl.files import TRAINING

    ValidateCLI(["validate", *args], parser_kwargs={"validate": {"default_config_files": TRAINING}})


@command
def test(args: list[str]) -> None:
    """Score the newest trained model, or --model.folder, on all eight skills."""
    with quick_imports():
        from veggie_pl.commands.configs import TestCLI

    TestCLI(args)


@command
def score(args: list[str]) -> None:
    """Score the outputs of any method on a bench: a table, intervals, a page to look at."""
    with quick_imports():
        from veggie_pl.commands.score import score_method

    score_method(args)


@command
def edit(args: list[str]) -> None:
    """Edit one video or image as instructed."""
    with lean_imports():
        from veggie_pl.commands.edit import edit_file

    edit_file(args)


@command
def predict(args: list[str]) -> None:
    """Edit every video and image of a folder."""
    with lean_imports():
        from veggie_pl.commands.edit import edit_folder

    edit_folder(args)


@command
def app(args: list[str]) -> None:
    """Serve a page on which clips are edited in the browser."""
    with lean_imports():
        from veggie_pl.commands.app import serve_page

    serve_page(args)


@command
def export(args: list[str]) -> None:
    """Make a model folder from a checkpoint, or from a config's untrained model."""
    with quick_imports():
        from veggie_pl.commands.export import export_model

    export_model(args)


@command
def plan(args: list[str]) -> None:
    """Parameters, FLOPs, memory and time of a config on a named GPU; nothing is loaded."""
    with quick_imports():
        from veggie_pl.commands.plan import plan_run

    plan_run(args)


@command
def cache(args: list[str]) -> None:
    """Fill the caches of a config's run ahead: latents and vision features of every example it will read."""
    with quick_imports():
        from veggie_pl.commands.cache import fill_caches

    fill_caches(args)


@command
def prepare(args: list[str]) -> None:
    """Make record tables from a data set on disk, as its data card says."""
    with quick_imports():
        from veggie_pl.commands.prepare import prepare_data

    prepare_data(args)


@command
def synthesize(args: list[str]) -> None:
    """Lift a table of image-edit pairs to a data set of video-edit pairs."""
    with quick_imports():
        from veggie_pl.commands.synthesize import synthesize_table

    synthesize_table(args)


@command
def manifest(args: list[str]) -> None:
    """Start a bench of your own: a list with a row per video of a folder, and its card."""
    with quick_imports():
        from veggie_pl.commands.manifest import make_manifest

    make_manifest(args)


@command
def preview(args: list[str]) -> None:
    """Draw what a config feeds the model."""
    with quick_imports():
        from veggie_pl.commands.preview import preview_data

    preview_data(args)


@command
def check(args: list[str]) -> None:
    """Decode every sample of prepared tables; what is bad goes to the quarantine list that training reads."""
    with quick_imports():
        from veggie_pl.commands.check import check_folders

    check_folders(args)


@command
def index(args: list[str]) -> None:
    """Count the samples of tar shards, once, so that any of them has a number."""
    with quick_imports():
        from veggie_pl.commands.index import index_shards

    index_shards(args)


@command
def prompt(args: list[str]) -> None:
    """Write what a pipeline's text encoders make of the empty prompt, for configs of video transformers, SD3, FLUX."""
    with quick_imports():
        from veggie_pl.commands.prompt import write_prompt

    write_prompt(args)


@command
def pretrain(args: list[str]) -> None:
    """Stage 0: the nano MLLM from nothing, a stand-in for pretrained weights (not part of VEGGIE)."""
    with quick_imports():
        from veggie_pl.commands.pretrain import pretrain_nano
        from veggie_pl.files import CONF

    pretrain_nano(args, CONF)


def main(argv: list[str] | None = None) -> None:
    """Run one command.

    Errors of use end with one line and exit code 1. So does any other exception, and the line names a file with its
    traceback. ``--debug`` raises instead.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    if not args or args[0] in ("-h", "--help"):
        lines = [f"  {name:10s}{(function.__doc__ or '').splitlines()[0]}" for name, function in COMMANDS.items()]
        print("usage: python -m veggie_pl COMMAND [--help] [--debug] ...\n\ncommands:\n" + "\n".join(lines))
        return
    if args[0] not in COMMANDS:
        close = difflib.get_close_matches(args[0], COMMANDS, 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        sys.exit(f"error: unknown command {args[0]!r}; the choices are {', '.join(COMMANDS)}{meant}")
    if {"-h", "--help"} & {*args[1:]}:
        _show_help(args[0])
    args = ["--help" if arg == "--help-all" else arg for arg in args]
    _quiet()
    if args[0] not in WITHOUT_CHECKOUT and not CONF.is_dir():
        sys.exit(
            f"error: {args[0]} has to be run from a checkout, whose configs, cards and weights are in no wheel: "
            f"there is no {CONF}; clone the repository and `make setup` there"
        )
    with end_in_order() as came:
        try:
            COMMANDS[args[0]](args[1:])
        except KeyboardInterrupt:
            _say_stopped(came)
        except SystemExit as ended:
            if came and ended.code:  # Lightning ends a run that was stopped with the exit code of any failure
                _say_stopped(came)
            raise
        except Exception as error:
            if debug or (isinstance(error, BrokenPipeError) and _reader_is_gone()):
                raise
            sys.exit(f"error: {_last_words(error)}")


def _say_stopped(came: list[signal.Signals]) -> NoReturn:
    """End as shells expect of a process that a signal has ended."""
    print(f"stopped by {came[0].name}" if came else "interrupted", file=sys.stderr)
    sys.exit(128 + came[0] if came else 1)


def _last_words(error: Exception) -> str:
    """Make one line of an error; what is no error of use leaves its traceback in a file."""
    if isinstance(error, UseError) or type(error).__name__ == "MisconfigurationException":  # Lightning's, of a setting
        return one_line(error)
    if found := re.search(r"given class_path '([\w.]+)': (Requirement '.*?' not met)", one_line(error)):
        return f"{found[1]}: {found[2]}; install it beside the project"  # a page of other types follows
    said = from_worker(str(error)) if isinstance(error, RuntimeError) else None
    if said is not None and not said.startswith("Caught "):
        return said
    path = keep_traceback(error)
    where = f"; the traceback is in {path}, --debug shows it" if path else ""
    return f"{type(error).__name__}: {one_line(error)}{where}"


def _show_help(command: str) -> NoReturn:
    from veggie_pl.commands.options import OPTIONS
    from veggie_pl.commands.run_help import run_help

    print(OPTIONS[command]().format_help().rstrip() if command in OPTIONS else run_help(command))
    sys.exit(0)


def _warn(message: Warning | str, category: type[Warning], *where: Any, **options: Any) -> None:
    """Say a warning in one line, without the source line it came from."""
    print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)


def _quiet() -> None:
    """Our own messages and warnings, and that a request is ignored; not the advertisements of libraries."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("veggie_pl").setLevel(logging.INFO)
    # Read when these libraries are imported, which most commands do later or never.
    os.environ.update(TRANSFORMERS_VERBOSITY="error", DIFFUSERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.seed"):
        logging.getLogger(name).setLevel(logging.ERROR)
    libraries = "lightning.*|torch.*|jsonargparse.*|diffusers.*|transformers.*"
    warnings.filterwarnings("ignore", module=libraries)
    warnings.filterwarnings("default", message=UNHEARD, module=libraries)
    warnings.showwarning = _warn


def _reader_is_gone() -> bool:
    """Tell whether nobody reads what is printed, as after ``| head``."""
    poll = select.poll()
    poll.register(sys.stdout, 0)  # asks for nothing; that the other end is closed is told in any case
    return any(event & select.POLLERR for _, event in poll.poll(0))
