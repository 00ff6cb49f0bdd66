"""``edit`` and ``predict``: a trained model at work on files."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from jsonargparse import Namespace

from veggie_pl.commands.judging import find_device, judge_options
from veggie_pl.commands.options import edit_options, predict_options
from veggie_pl.commands.trained import trained_model
from veggie_pl.errors import UseError
from veggie_pl.inference.edit_files import EditFiles, plan_edits, refuse_own_folder
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.long_clips import LongClips
from veggie_pl.inference.quick import Quick, quicken
from veggie_pl.inference.region import RegionFile
from veggie_pl.model import VeggieModel
from veggie_pl.outputs import check_folder
from veggie_pl.progress import Tell, progress
from veggie_pl.video.clip import ClipError, ClipFile, clips_in
from veggie_pl.video.formats import IMAGES, VIDEOS
from veggie_pl.video.writer import check_output

log = logging.getLogger(__name__)


def edit_file(args: list[str]) -> None:
    """Edit one video or image."""
    options = edit_options().parse_args(args)
    judge_options(options)
    files = EditFiles(*(None if name is None else Path(name) for name in _paths(options)))  # type: ignore[arg-type]
    files.check()  # what cannot be written or read is said before the model is loaded
    if files.reference is not None:
        ClipFile(files.reference).frames(0, 1)
    source = ClipFile(files.source)
    source.frames(0, 1)
    files.check_fits(source.info)
    if files.region is not None:
        RegionFile(files.region, source.info).check()
    started = time.perf_counter()
    editor = _editor(options)
    with progress() as tell:
        editor.edit_file(files, options.instruction, lambda done: tell("editing", done, 1), source)
    written = [files.output, *([files.mask] if files.mask else []), files.comparison]
    log.info("%s (%.1f s)", ", ".join(map(str, written)), time.perf_counter() - started)


def edit_folder(args: list[str]) -> None:
    """Edit every video and image of a folder.

    Raises:
        UseError: If there is nothing to edit, or more files cannot be read than ``--max_errors``.
    """
    options = predict_options().parse_args(args)
    judge_options(options)
    folder, output = Path(options.source), Path(options.output)
    if not folder.is_dir():
        raise ClipError(f"{folder}: no such folder")
    sources = list(clips_in(folder))
    if not sources:
        choices = ", ".join(sorted(VIDEOS | IMAGES))
        raise ClipError(f"{folder}: holds no video or image; the choices are {choices}")
    refuse_own_folder(folder, output)
    planned = plan_edits(sources, output, options.masks, [] if options.instruction else map(_words_beside, sources))
    check_folder(output)
    output.mkdir(parents=True, exist_ok=True)
    check_output(planned[0].output)
    editor = _editor(options)
    skipped: list[str] = []
    with progress() as tell:
        for number, files in enumerate(planned):
            try:
                instruction = options.instruction or _instruction_beside(files.source)
                editor.edit_file(files, instruction, _of_file(tell, number, len(sources)))
            except ValueError as error:
                skipped.append(str(error))
                log.warning("skipped: %s", error)
                if len(skipped) > options.max_errors:
                    raise UseError(f"gave up after {len(skipped)} files that could not be edited") from error
    log.info("%s: %d edited, %d skipped", output, len(sources) - len(skipped), len(skipped))
    if len(skipped) == len(sources):
        raise UseError("no file could be edited")


def _of_file(tell: Tell, number: int, total: int) -> Callable[[float], None]:
    """Show progress through one of several files."""
    return lambda done: tell("editing, files", number + done, total)


def _editor(options: Namespace) -> Editor:
    module: VeggieModel = trained_model(options.model, naming="--model")
    quick = Quick(options.compiled, options.half, options.reuse, options.solver, options.get("local", False))
    module = quicken(module.to(find_device(options.device)), quick)
    scales = options.guidance_task, options.guidance_source
    long = LongClips(options.long, options.window, options.overlap)
    return Editor(module, *scales, options.steps, options.seed, keep=options.keep, long=long)


def _paths(options: Namespace) -> tuple[str | None, ...]:
    return options.source, options.output, options.mask, options.reference, options.region


def _words_beside(source: Path) -> Path:
    return source.with_suffix(".txt")


def _instruction_beside(source: Path) -> str:
    path = _words_beside(source)
    if not path.is_file():
        raise ClipError(f"{source}: no instruction given, and no {path.name} beside it")
    return path.read_text(encoding="utf-8").strip()
