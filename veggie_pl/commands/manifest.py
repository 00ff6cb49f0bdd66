"""``manifest``: a folder of videos becomes the start of a bench."""

import logging
import shlex
from pathlib import Path

from veggie_pl.commands.options import manifest_options
from veggie_pl.prepare.manifest import start_manifest
from veggie_pl.progress import progress

log = logging.getLogger(__name__)


def make_manifest(args: list[str]) -> None:
    """Write the list and the card, and tell what to do next.

    Raises:
        UseError: If something is in the way, or there is no video that can be read.
    """
    options = manifest_options().parse_args(args)
    folder, output = Path(options.folder), Path(options.output)
    with progress() as tell:
        started = start_manifest(folder, output, lambda done, total: tell("reading headers", done, total))
    for reason in started.unreadable:
        log.warning("left out: %s", reason)
    log.info("%s: %d videos, one empty row each; %s beside it", started.manifest, started.count, started.card)
    own = started.card.parent.resolve()
    root = [] if started.root == own else ["--root", str(started.root)]
    log.info("fill in the rows, then run")
    log.info("  %s", shlex.join(["python", "-m", "veggie_pl", "prepare", str(started.card), *root]))
    log.info(
        "  %s", shlex.join(["python", "-m", "veggie_pl", "score", "--bench", str(started.card), "--outputs", "DIR"])
    )
