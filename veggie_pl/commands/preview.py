"""What a config feeds the model, for people to look at."""

import logging
from collections import Counter
from pathlib import Path

from lightning.pytorch.cli import LightningArgumentParser

from veggie_pl.batch import Hole, Sample
from veggie_pl.configs import TRAINING, VeggieCLI
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.preview import contact_sheet, write_png
from veggie_pl.data.writing import write_clip
from veggie_pl.parsing import CommandParser

log = logging.getLogger(__name__)


class PreviewCLI(VeggieCLI):
    """Only the data of a config is looked at."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what preview takes."""
        super().add_arguments_to_parser(parser)
        parser.add_argument("--output", "-o", type=str, default="runs/preview.png", help="the PNG to write")
        parser.add_argument("--split", type=str, default="fit", help="fit: the training mixture; val or test: by skill")
        parser.add_argument("--num_samples", type=int, default=16, help="samples to draw")
        parser.add_argument("--start", type=int, default=0, help="number of the first one")
        parser.add_argument(
            "--clips", type=str | None, default=None, help="also write sources here as mp4, instructions beside as txt"
        )

    def instantiate_classes(self) -> None:
        """Build the data module only: previewing needs no weights."""
        parser = CommandParser()
        parser.add_class_arguments(VeggieDataModule, "data")
        self.datamodule = parser.instantiate_classes({"data": self.config.data})["data"]


def preview_data(args: list[str]) -> None:
    """Draw samples on a contact sheet and, if asked, write them as files that `predict` reads.

    Raises:
        ValueError: If the split is unknown or the config has none of that name.
    """
    cli = PreviewCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING})
    assert isinstance(cli.datamodule, VeggieDataModule)
    numbers = range(cli.config.start, cli.config.start + cli.config.num_samples)
    samples = _samples(cli.datamodule, cli.config.split, numbers)
    write_png(contact_sheet(samples), cli.config.output)
    shares = Counter(str(sample.skill) for sample in samples)
    log.info("%s: %s", cli.config.output, ", ".join(f"{count} {skill}" for skill, count in shares.items()))
    if cli.config.clips is not None:
        folder = Path(cli.config.clips)
        folder.mkdir(parents=True, exist_ok=True)
        for number, sample in enumerate(samples, cli.config.start):
            path = folder / f"{number:03d}_{sample.skill}.mp4"
            write_clip(path, sample.source)
            path.with_suffix(".txt").write_text(sample.instruction + "\n", encoding="utf-8")
        log.info("%s: %d clips", folder, len(samples))


def _samples(data: VeggieDataModule, split: str, numbers: range) -> list[Sample]:
    if split == "fit":
        found = [data.mixture[number][1] for number in numbers]
        for hole in (one for one in found if isinstance(one, Hole)):
            log.warning("%s of %s cannot be read: %s", hole.key, hole.stream, hole.reason)
        return [one for one in found if isinstance(one, Sample)]
    benchmarks = {"val": data.val, "test": data.test}
    benchmark = benchmarks.get(split)
    if benchmark is None:
        choices = ["fit", *(name for name, found in benchmarks.items() if found is not None)]
        raise ValueError(f"no split {split!r}; the choices are {', '.join(choices)}")
    streams = list(benchmark.streams().values())
    return [streams[number % len(streams)][number // len(streams)] for number in numbers]
