"""Which files an edit reads and writes, and whether it can: found out before anything is read, loaded or written."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from veggie_pl.file_names import natural_key
from veggie_pl.files import partial_of
from veggie_pl.outputs import OutputError, Role, refuse_inside, refuse_overlap
from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.formats import IMAGES, is_picture
from veggie_pl.video.matte import check_matte
from veggie_pl.video.readers.base import ClipInfo
from veggie_pl.video.readers.images import head_of
from veggie_pl.video.writer import check_fits, check_output

MaskFormat = Literal["mov", "webm", "json", "png"]


@dataclass(frozen=True)
class EditFiles:
    """What one edit reads and writes.

    Args:
        source: Video or image.
        output: Video, or an image if the source is one.
        mask: Also write the filled region, in the format of its ending, see ``check_matte``; the instruction must name
            the fill colour.
        reference: Picture that the instruction speaks of.
        region: Video, picture or folder of PNGs that tells which pixels may change, see ``RegionFile``.
        more_masks: The filled region in further formats.
    """

    source: Path
    output: Path
    mask: Path | None = None
    reference: Path | None = None
    region: Path | None = None
    more_masks: tuple[Path, ...] = ()

    @property
    def masks(self) -> list[Path]:
        """The filled region in all its formats."""
        return [*([self.mask] if self.mask else []), *self.more_masks]

    @property
    def comparison(self) -> Path:
        """Source and edit side by side, beside the output."""
        return self.output.with_name(f"{self.output.stem}_comparison.png")

    @property
    def inputs(self) -> list[Role]:
        """All that is read."""
        others = {"reference": self.reference, "region": self.region}
        return [("source", self.source), *((name, path) for name, path in others.items() if path)]

    @property
    def outputs(self) -> list[Role]:
        """All that is written; each file has another name while it is not whole."""
        clips: list[tuple[str, Path]] = [("output", self.output), *(("mask", path) for path in self.masks)]
        whole: list[Role] = [*clips, ("comparison picture", self.comparison)]
        partial: list[Role] = [(f"half-written {name}", partial_of(path)) for name, path in clips]
        return [*whole, *partial, ("half-written comparison picture", partial_of(self.comparison))]

    def check(self) -> None:
        """Look whether the outputs can be written and are no inputs.

        Raises:
            OutputError, ClipError: If not.
        """
        refuse_overlap(self.inputs, self.outputs)
        check_output(self.output)
        for mask in self.masks:
            check_matte(mask)
            if not mask.suffix:
                refuse_inside(self.inputs, mask)
        if self.comparison.is_dir():
            raise ClipError(f"{self.comparison} is a folder, but the comparison picture would go there")

    def check_fits(self, info: ClipInfo) -> None:
        """Look whether the outputs can hold what the source is.

        Raises:
            ClipError: If not, such as several frames in an image.
        """
        for path in (self.output, *self.masks):
            check_fits(path, info.num_frames, info.height, info.width)


def plan_edits(
    sources: Sequence[Path], folder: Path, masks: bool | MaskFormat, beside: Iterable[Path] = ()
) -> list[EditFiles]:
    """Give every file of a folder a name for its edit that no other has.

    Of sources that differ only in their suffix one keeps the name and the others' edits tell what they are of:
    ``clip.mp4`` becomes ``clip.mp4`` and ``clip.gif`` becomes ``clip_gif.mp4``.

    Args:
        sources: What will be edited.
        folder: Where to write.
        masks: Whether masks are written, too, and as what: as the edit is, with alpha, as run lengths, or as a folder.
        beside: Further files that are read, such as instructions.

    Raises:
        OutputError: If names clash all the same, or something would be written over what is read.
    """
    alike: dict[str, list[Path]] = defaultdict(list)
    for source in sources:
        alike[source.stem].append(source)
    found: dict[Path, EditFiles] = {}
    for group in alike.values():
        wanted = {source: output_name(source, folder) for source in group}
        group.sort(key=lambda source: (source.name != wanted[source].name, natural_key(source.name)))
        for number, source in enumerate(group):
            name = wanted[source]
            output = name.with_stem(f"{source.stem}_{source.suffix[1:].lower()}") if number else name
            suffix = output.suffix if masks is True else "" if masks == "png" else f".{masks}"
            mask = output.with_name(f"{output.stem}_mask{suffix}") if masks else None
            found[source] = EditFiles(source, output, mask)
    planned = [found[source] for source in sources]
    inputs: list[Role] = [("instruction", path) for path in beside]
    outputs: list[Role] = []
    for files in planned:
        inputs += files.inputs
        outputs += [(f"{name} of {files.source.name}", path) for name, path in files.outputs]
    refuse_overlap(inputs, outputs)
    return planned


def refuse_own_folder(source: Path, output: Path) -> None:
    """Look whether edits would go where their sources are.

    Raises:
        OutputError: If so: the next call would take edits and comparison pictures for sources.
    """
    if output.resolve() == source.resolve():
        raise OutputError(f"{output} is the folder of the sources itself; name another output")


def output_name(source: Path, folder: Path) -> Path:
    """Tell where the edit of a file goes: a still picture stays a picture, all that moves becomes .mp4.

    What moves, a file's contents tell, as animated GIF, WebP, PNG and AVIF do; what cannot be read is named by its
    suffix.
    """
    is_still = named_still = source.suffix.lower() in IMAGES
    with suppress(ClipError, OSError):
        if named_still or is_picture(head_of(source)):
            file = ClipFile(source)
            is_still = file.reader == "image" and file.info.num_frames == 1
    if not is_still:
        return folder / f"{source.stem}.mp4"
    return folder / (source.name if named_still else f"{source.stem}.png")
