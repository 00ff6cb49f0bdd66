"""Ref-YouTube-VOS and Ref-DAVIS17: objects named in clips, masks as palette pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.layouts.annotations import FAULTS, expression, field, key, line, number, rows_of, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.frames import Palettes, clip, frame_names, videos


class RefYoutubeVos(Layout):
    """Two folders of one form: ``meta_expressions/<part>/meta_expressions.json`` and, in ``<part>``, the pictures.

    Those are ``JPEGImages/<video>/<frame>.jpg`` and ``Annotations/<video>/<frame>.png``, whose pixels are numbers of
    objects. Ref-DAVIS17 has this form after ReferFormer's ``convert_davis_to_ytvos.py``.

    Args:
        youtube: Folder of Ref-YouTube-VOS, whose only masks are those of ``train``; empty leaves it out.
        davis: Folder of Ref-DAVIS17; empty leaves it out.
    """

    kind: ClassVar[str] = "ref_youtube_vos"
    youtube: str = "ref-youtube-vos"
    davis: str = "ref-davis"

    def entries(self, root: Path, split: str) -> Iterator[Any]:
        """(folder, part, video, its description): one per video."""
        sources = {"train": [(self.youtube, "train"), (self.davis, "train")], "val": [(self.davis, "valid")]}
        if split not in sources:
            raise LayoutError(f"no public masks for {split}; the choices are {', '.join(sources)}")
        for folder, part in sources[split]:
            if folder:
                for video, found in videos(root, f"{folder}/meta_expressions/{part}/meta_expressions.json"):
                    yield folder, part, video, found

    def rows(self, root: Path, split: str, entry: Any) -> Iterator[Row | Skipped]:
        """One per expression."""
        folder, part, video, found = entry
        try:
            said = field(found, "expressions", dict)
            names = frame_names(found)
            source, size = clip(root, f"{folder}/{part}/JPEGImages/{video}", names)
        except FAULTS as error:
            yield Skipped(key(self.kind, split, folder, video), line(error))
            return
        palettes = Palettes(root, f"{folder}/{part}/Annotations/{video}", size)

        def make(name: str, example: Any) -> Row:
            phrase = expression(text(example, "exp"))
            mask = palettes.track([number(example.get("obj_id"), "obj_id")], list(names))
            return Row(Example(name, Skill.GROUNDING, phrase=phrase), source, mask=mask)

        yield from rows_of([(key(self.kind, split, folder, video, name), one) for name, one in said.items()], make)
