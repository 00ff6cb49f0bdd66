"""A contact sheet of what a config feeds the model."""

import logging
from collections import Counter

from lightning.pytorch.cli import LightningArgumentParser

from veggie_pl.configs import TRAINING, VeggieCLI
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.preview import contact_sheet, write_png

log = logging.getLogger(__name__)


class PreviewCLI(VeggieCLI):
    """Only the data of a config is looked at."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what preview takes."""
        super().add_arguments_to_parser(parser)
        parser.add_argument("--output", "-o", type=str, default="runs/preview.png", help="the PNG to write")
        parser.add_argument("--num_samples", type=int, default=16, help="samples of the mixture to draw")
        parser.add_argument("--start", type=int, default=0, help="number of the first one")


def preview_mixture(args: list[str]) -> None:
    """Draw samples ``start .. start + num_samples - 1`` of the training mixture."""
    cli = PreviewCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING})
    data = cli.datamodule
    assert isinstance(data, VeggieDataModule)
    numbers = range(cli.config.start, cli.config.start + cli.config.num_samples)
    samples = [data.mixture[number][1] for number in numbers]
    write_png(contact_sheet(samples), cli.config.output)
    shares = Counter(data.mixture.locate(number)[0] for number in numbers)
    log.info("%s: %s", cli.config.output, ", ".join(f"{count} of {name}" for name, count in shares.items()))
