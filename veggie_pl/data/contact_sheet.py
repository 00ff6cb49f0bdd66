"""Contact sheets: what a model is fed, sample by sample."""

from collections.abc import Mapping, Sequence

import numpy as np

from veggie_pl.batch import Clip, Mask, Sample
from veggie_pl.data.records import BadRecordError
from veggie_pl.masks.unpaint import decode_mask
from veggie_pl.video.drawing import ALARM, GRAY, INK, Picture, beside, caption, film_strip, stack, tile

Shown = Sample | BadRecordError  # an error stands for a sample that cannot be read
HEIGHT = 96  # pixels of a frame
MARGIN = 12  # pixels left and right
_SMALL, _TITLE = 11, 19  # pixels of letters under pictures and above streams


def contact_sheet(samples: Sequence[Shown], num_frames: int = 4, columns: int = 4) -> Picture:
    """Source, target and mask of each sample under its skill and instruction.

    Painted skills also show the mask that is read back from the target. What could not be read shows its error.
    """
    return _tiled([_cell(shown, num_frames) for shown in samples], columns)


def grouped_sheet(groups: Mapping[str, Sequence[Shown]], num_frames: int = 4, columns: int = 4) -> Picture:
    """A contact sheet per group, below its title; a group without samples is its title alone."""
    parts = {title: [_cell(shown, num_frames) for shown in samples] for title, samples in groups.items()}
    sheets = {title: _tiled(cells, columns) if cells else None for title, cells in parts.items()}
    width = max((sheet.shape[1] for sheet in sheets.values() if sheet is not None), default=640)
    pictures = []
    for title, sheet in sheets.items():
        rule = np.full((2, width, 3), GRAY, np.uint8)
        pictures += [rule, caption(title, width, size=_TITLE), *([] if sheet is None else [sheet])]
    return np.pad(stack(pictures, 8), ((0, 0), (MARGIN, MARGIN), (0, 0)), constant_values=255)


def _tiled(cells: Sequence[Picture], columns: int) -> Picture:
    """Rows of cells, each row as high as it needs."""
    width = max(cell.shape[1] for cell in cells)
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    return stack([tile(row, columns, width=width) for row in rows], 0)


def _cell(shown: Shown, num_frames: int) -> Picture:
    if isinstance(shown, BadRecordError):
        width = num_frames * (HEIGHT + 2)
        return stack([caption("cannot be read", width, ALARM), caption(shown.reason, width), _small(shown.key, width)])
    clips = {"source": shown.source, **({} if shown.target is None else {"target": shown.target})}
    clips["mask"] = _white(shown.mask)
    example = shown.example
    notes = [example.key]
    if example.skill.is_painted and example.fill and shown.target is not None:
        read = decode_mask(shown.target, shown.source, example.fill)
        clips["read back"] = _white(read.mask)
        both, either = (read.mask & shown.mask).sum(), (read.mask | shown.mask).sum()
        overlap = float(both / either) if either else 1.0
        notes.append(
            f"read back from {example.fill}: IoU {overlap:.2f}, least confidence {float(read.confidence.min()):.2f}"
        )
    strips = {name: film_strip(clip, num_frames, HEIGHT) for name, clip in clips.items()}
    named = [stack([strip, _small(name, strip.shape[1])], 0) for name, strip in strips.items()]
    pictures = beside(named, 2) if len(shown.source) == 1 else stack(named, 2)
    width = max(pictures.shape[1], num_frames * (HEIGHT + 2))
    title = caption(f"[{example.skill}] {example.instruction}", width, INK)
    return stack([title, pictures, *(_small(note, width) for note in notes)], 0)


def _small(text: str, width: int) -> Picture:
    return caption(text, width, GRAY, _SMALL)


def _white(mask: Mask) -> Clip:
    return mask[:, None].expand(-1, 3, -1, -1).float() * 2 - 1
