"""Which way of editing long clips is best? The shipped nano model on clips of eight times its length.

    python -m benchmarks.long_clips [--clips 50] [--others 10] [--only "blended, overlap 1" ...] [--table]

Each way edits the same clips of 64 frames of the test split of Moving Shapes: ``--clips`` additions and ``--others`` of
each other skill. What a clip scored is kept in ``runs/long_clips`` as soon as it is known and not computed again, so
that the same command goes on where it was stopped. Prints the table of ``docs/LONG_CLIPS.md``, over the clips that all
ways have; ``--table`` computes nothing.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from benchmarks.long_clip_scores import Scores, joins_of, score, summary
from veggie_pl.batch import Skill, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.long_clips import LONG, LongClips
from veggie_pl.metrics.intervals import wilson
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import load_model
from veggie_pl.video.clip import to_frames

ROOT = Path(__file__).resolve().parent.parent
RUNS, MODEL = ROOT / "runs/long_clips", ROOT / "weights/nano/model"
NUM_FRAMES = 64
WAYS: dict[str, LongClips] = {
    f"{how}, overlap {overlap}": LongClips(how, overlap=overlap) for overlap in (1, 2, 4) for how in LONG
}
Known = dict[str, Scores]  # by skill/number


def kept(way: str, folder: Path = RUNS) -> Path:
    """Name the file of what is known of a way, a line a clip."""
    return folder / f"{way.replace(',', '').replace(' ', '_')}.jsonl"


def read(way: str, folder: Path = RUNS) -> Known:
    """Read what is known of a way."""
    if not kept(way, folder).is_file():
        return {}
    lines = map(json.loads, kept(way, folder).read_text().splitlines())
    return {line.pop("clip"): Scores(**line) for line in lines}


def measure(
    ways: Sequence[str],
    clips: dict[Skill, int],
    folder: Path = RUNS,
    model: Path = MODEL,
    num_frames: int = NUM_FRAMES,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Edit and score what is not known yet, clip by clip in all ways, so that they have the same whenever it ends.

    Args:
        ways: Of ``WAYS``.
        clips: How many of each skill.
        folder: Keeps what is known.
        model: Model folder.
        num_frames: Of each clip.
        say: Told of every clip.
    """
    module: VeggieModel = load_model(model)
    editors = {way: Editor(module, long=WAYS[way]) for way in ways}
    known = {way: read(way, folder) for way in ways}
    streams = ShapesBenchmark("test", num_frames=num_frames).streams()
    folder.mkdir(parents=True, exist_ok=True)
    # Skills of fewer clips are spread evenly among those of more.
    order = sorted(((n + 0.5) / count, skill, n) for skill, count in clips.items() for n in range(count))
    for _, skill, number in order:
        name = f"{skill}/{number}"
        for way in (way for way in ways if name not in known[way]):
            editor, batch = editors[way], collate([(number, streams[skill][number])])
            places = editor.long.windows(num_frames, module.queries.max_frames, module.vae)
            started = time.process_time()
            edited = editor.edit_frames(to_frames(batch.source[0]), batch.instruction[0])[None]
            line = asdict(score(edited, batch, joins_of(places), time.process_time() - started))
            with kept(way, folder).open("a") as file:
                file.write(json.dumps({"clip": name, **line}) + "\n")
        say(name)


def table(known: dict[str, Known]) -> list[str]:
    """Markdown, over the clips that all ways have."""
    common = set.intersection(*(set(clips) for clips in known.values()))
    additions = sum(clip.startswith(f"{Skill.ADDITION}/") for clip in common)
    lines = [
        f"{additions} additions and {len(common) - additions} clips of other skills.",
        "",
        "| way | seam ratio | less the source's | drift | added thing found | and steady | others right | time |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    first = math.nan
    for way, clips in known.items():
        row = summary(clips[clip] for clip in sorted(common))
        first = row["seconds"] if math.isnan(first) else first
        shares = [_share(row[name], additions) for name in ("found", "kept")]
        cells = [f"{row['seam']:.2f}", f"{row['seam excess']:+.2f}", f"{row['drift']:.2f}", *shares]
        lines.append(f"| {way} | {' | '.join(cells)} | {100 * row['right']:.0f} | {row['seconds'] / first:.2f} |")
    return lines


def _share(share: float, count: int) -> str:
    if not count:
        return ""
    low, high = wilson(round(share * count), count)
    return f"{100 * share:.0f} ({100 * low:.0f} to {100 * high:.0f})"


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=50, help="additions")
    parser.add_argument("--others", type=int, default=10, help="clips of each other skill")
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS)[: len(LONG)])
    parser.add_argument("--table", action="store_true", help="print what is known")
    options = parser.parse_args()
    clips = {skill: options.clips if skill is Skill.ADDITION else options.others for skill in Skill}
    if not options.table:
        measure(options.only, clips, say=partial(print, flush=True))
    print(f"{torch.get_num_threads()} threads")
    print("\n".join(table({way: known for way in options.only if (known := read(way))})))


if __name__ == "__main__":
    main()
