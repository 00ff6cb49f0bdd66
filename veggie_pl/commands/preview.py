"""What a config feeds the model, for people to look at."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch.cli import LightningArgumentParser

from veggie_pl.batch import Sample
from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.commands.parser import CommandParser
from veggie_pl.commands.preview_files import PreviewFiles, data_roots
from veggie_pl.data.benchmark import Benchmark
from veggie_pl.data.contact_sheet import Shown, grouped_sheet
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.mixture import Mixture
from veggie_pl.data.records import BadRecordError
from veggie_pl.data.streams import Stream
from veggie_pl.errors import UseError
from veggie_pl.files import TRAINING
from veggie_pl.outputs import configs_read
from veggie_pl.video.drawing import write_png
from veggie_pl.video.writer import write_clip

log = logging.getLogger(__name__)
MAX_SEARCHED = 100_000  # samples of the mixture to look for those of a stream among


class PreviewCLI(VeggieCLI):
    """Only the data of a config is looked at."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what preview takes."""
        super().add_arguments_to_parser(parser)
        parser.add_argument("--output", "-o", type=str, default="runs/preview.png", help="the PNG to write")
        parser.add_argument("--split", type=str, default="fit", help="fit: the training mixture; val or test: by skill")
        parser.add_argument("--num_samples", type=int, default=16, help="samples to draw in the order they are fed")
        parser.add_argument("--per_stream", type=int, default=4, help="samples to draw of each stream")
        parser.add_argument("--start", type=int, default=0, help="number of the first one")
        parser.add_argument(
            "--clips", type=str | None, default=None, help="also write sources here as mp4, instructions beside as txt"
        )

    def instantiate_classes(self) -> None:
        """Build the data module only: previewing needs no weights. What would be written is judged before."""
        config = self.config
        numbers = range(config.start, config.start + config.num_samples)
        self.files = PreviewFiles(Path(config.output), None if config.clips is None else Path(config.clips), numbers)
        self.files.check(configs_read(config), data_roots(config.data))
        parser = CommandParser()
        parser.add_class_arguments(VeggieDataModule, "data")
        self.datamodule = parser.instantiate_classes({"data": self.config.data})["data"]


def preview_data(args: list[str]) -> None:
    """Draw samples on a contact sheet and, if asked, write them as files that `predict` reads.

    Raises:
        UseError: If the split is unknown or the config has none of that name, or there is nothing to draw.
    """
    cli = PreviewCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING})
    assert isinstance(cli.datamodule, VeggieDataModule)
    config, numbers = cli.config, cli.files.numbers
    if min(config.num_samples, config.per_stream, config.start) < 0 or config.num_samples + config.per_stream == 0:
        raise UseError(
            f"nothing to draw: num_samples {config.num_samples}, per_stream {config.per_stream}, start {config.start}"
        )
    source = _split(cli.datamodule, config.split)
    if isinstance(source, Mixture):
        in_order, groups = _in_mixture(source, numbers), _by_stream(source, config.start, config.per_stream)
    else:
        in_order, groups = _in_benchmark(source, numbers), _by_skill(source, config.start, config.per_stream)
    if in_order:
        groups = {
            f"{config.split}: samples {numbers[0]} to {numbers[-1]}, in the order they are fed": in_order,
            **groups,
        }
    write_png(grouped_sheet(groups), config.output)
    _report(config.output, in_order or [shown for group in groups.values() for shown in group])
    if config.clips is not None:
        _write_clips(cli.files, in_order)


def _split(data: VeggieDataModule, split: str) -> Mixture | Benchmark:
    splits: dict[str, Mixture | Benchmark | None] = {"fit": data.mixture, "val": data.val, "test": data.test}
    found = splits.get(split)
    if found is None:
        choices = ", ".join(name for name, there in splits.items() if there is not None)
        raise UseError(f"no split {split!r}; the choices are {choices}")
    return found


def _read(stream: Stream, row: int) -> Shown:
    try:
        return stream[row]
    except BadRecordError as error:
        return error


def _in_mixture(mixture: Mixture, numbers: range) -> list[Shown]:
    places = [mixture.locate(number) for number in numbers]
    return [_read(mixture.streams[name].stream, row) for name, row in places]


def _by_stream(mixture: Mixture, start: int, per_stream: int) -> dict[str, list[Shown]]:
    """Read the first samples that come from each stream, from number ``start`` of the mixture on."""
    if not per_stream:
        return {}
    rows: dict[str, list[int]] = {name: [] for name, one in mixture.streams.items() if one.weight > 0}
    for number in range(start, start + MAX_SEARCHED):
        name, row = mixture.locate(number)
        if len(rows[name]) < per_stream:
            rows[name].append(row)
            if all(len(found) == per_stream for found in rows.values()):
                break
    whole = sum(one.weight for one in mixture.streams.values())
    groups = {}
    for name, one in mixture.streams.items():
        title = f"{name}: {one.weight / whole:.1%} of the samples, from {len(one.stream):,} records"
        groups[title] = [_read(one.stream, row) for row in rows.get(name, [])]
    return groups


def _in_benchmark(benchmark: Benchmark, numbers: range) -> list[Shown]:
    streams = list(benchmark.streams().values())
    return [_read(streams[number % len(streams)], number // len(streams)) for number in numbers]


def _by_skill(benchmark: Benchmark, start: int, per_stream: int) -> dict[str, list[Shown]]:
    if not per_stream:
        return {}
    return {
        f"{name}: from {len(stream):,} records": [
            _read(stream, row) for row in range(start, min(start + per_stream, len(stream)))
        ]
        for name, stream in benchmark.streams().items()
    }


def _report(output: str, shown: Sequence[Shown]) -> None:
    counts = Counter(
        "that cannot be read" if isinstance(one, BadRecordError) else str(one.example.skill) for one in shown
    )
    log.info("%s: %s", output, ", ".join(f"{count} {name}" for name, count in counts.items()))
    for one in shown:
        if isinstance(one, BadRecordError):
            log.warning("%s", one)


def _write_clips(files: PreviewFiles, shown: Sequence[Shown]) -> None:
    assert files.clips is not None
    files.clips.mkdir(parents=True, exist_ok=True)
    samples = [(number, one) for number, one in zip(files.numbers, shown, strict=True) if isinstance(one, Sample)]
    for number, sample in samples:
        path = files.clip(number, sample.example.skill)
        write_clip(path, sample.source)
        path.with_suffix(".txt").write_text(f"{sample.example.instruction}\n", encoding="utf-8")
    log.info("%s: %d clips", files.clips, len(samples))
