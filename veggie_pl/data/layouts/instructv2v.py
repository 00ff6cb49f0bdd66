"""InstructV2V: pairs of made clips of 16 frames, kept as pictures. Card: data_cards/instructv2v.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from veggie_pl.data.layouts.asked import asked
from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.fields import FieldError, mapping, number, part, read_json, read_lines, shown, text
from veggie_pl.data.media import Media
from veggie_pl.data.rows import Row, Skipped


class InstructV2V(Layout):
    """One folder per pair of prompts, several pairs of clips in it.

    ``<folder>/<number>/prompt.json`` has ``input``, ``output`` and ``edit``; each line of ``metadata.jsonl`` is a
    ``seed`` with four CLIP similarities; ``image/<seed>_0_0000.jpg`` ... is the source, ``image/<seed>_1_0000.jpg`` ...
    the target.

    Args:
        folders: Of InstructPix2Pix's prompts and of those made from WebVid captions; one must be there.
        num_frames: Pictures of each clip.
        min_direction, min_caption, min_image: Least similarities, as in the authors' loader.
    """

    kind: ClassVar[str] = "instructv2v"
    folders: tuple[str, ...] = ("raw_generated", "raw_generated_webvid")
    num_frames: int = 16
    min_direction: float = 0.2
    min_caption: float = 0.2
    min_image: float = 0.5

    def entries(self, root: Path, split: str) -> Iterator[str]:
        """Folders of prompts."""
        if split != "train":
            raise LayoutError(f"instructv2v has no split {split}; it has train")
        there = [folder for folder in self.folders if (root / folder).is_dir()]
        if not there:
            raise LayoutError(f"{root}: none of the folders {', '.join(self.folders)}")
        for folder in there:
            yield from sorted(f"{folder}/{path.name}" for path in (root / folder).iterdir() if path.is_dir())

    def rows(self, root: Path, split: str, entry: str) -> Iterator[Row | Skipped]:
        """One per seed; of pairs that are not alike enough the authors kept no pictures."""
        key = f"instructv2v/{part(entry)}"
        try:
            instruction = text(mapping(read_json(root, f"{entry}/prompt.json")), "edit")
            lines = list(read_lines(root, f"{entry}/metadata.jsonl"))
        except (FieldError, LayoutError) as error:
            yield Skipped(key, str(error).removeprefix(f"{root}/"))
            return
        seen: set[int] = set()
        for line, value in lines:
            try:
                seed = self._seed(mapping(value))
                if seed in seen:
                    raise FieldError(f"seed {seed} a second time")
                source, target = (self._clip(root, entry, seed, side) for side in (0, 1))
            except FieldError as error:
                yield Skipped(f"{key}/line{line}", str(error))
                continue
            seen.add(seed)
            yield Row(f"{key}/{seed}", asked(instruction), source, target, instruction=instruction)

    def _seed(self, record: dict[str, Any]) -> int:
        seed = number(record, "seed")
        if seed < 0 or not seed.is_integer():
            raise FieldError(f"seed is {shown(seed)}, not a whole number")
        limits = {
            "sim_dir": self.min_direction,
            "sim_0": self.min_caption,
            "sim_1": self.min_caption,
            "sim_image": self.min_image,
        }
        for name, least in limits.items():
            if (value := number(record, name)) <= least:
                raise FieldError(f"{name} {value:.3g} is not above {least:g}")
        return int(seed)

    def _clip(self, root: Path, entry: str, seed: int, side: int) -> tuple[Media, ...]:
        paths = [f"{entry}/image/{seed}_{side}_{frame:04d}.jpg" for frame in range(self.num_frames)]
        if missing := [path for path in paths if not (root / path).is_file()]:
            raise FieldError(f"no file {missing[0]} ({len(missing)} of {len(paths)} frames missing)")
        return tuple(Media(path) for path in paths)
