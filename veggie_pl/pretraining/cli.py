"""``python -m veggie_pl pretrain``: stage 0."""

import logging
from pathlib import Path

from lightning.pytorch.cli import LightningArgumentParser

from veggie_pl.configs import StepsCLI
from veggie_pl.pretraining.architecture import write_nano_mllm
from veggie_pl.pretraining.corpus import sentences
from veggie_pl.pretraining.language import LanguageModule
from veggie_pl.pretraining.lessons import LessonData
from veggie_pl.run_parser import RunParser

log = logging.getLogger(__name__)


class PretrainCLI(StepsCLI):
    """The training CLI plus where the trained MLLM goes."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add ``--output``."""
        parser.add_argument("--output", type=str, default="runs/stage0/mllm", help="transformers folder to write")

    def after_fit(self) -> None:
        """Write the MLLM as float16: later stages then freeze exactly what is stored and shipped."""
        module = self.model
        assert isinstance(module, LanguageModule)
        output = str(self.config[str(self.subcommand)].output)
        module.mllm.model.half()
        module.mllm.save_pretrained(output)
        log.info("MLLM: %s", output)


def pretrain_nano(args: list[str], conf: Path) -> None:
    """Make the nano MLLM's config and tokenizer if they are not there, then train it."""
    folder = conf.parent / "weights/nano/mllm"
    if not (folder / "config.json").is_file():
        write_nano_mllm(folder, sentences())
    PretrainCLI(
        LanguageModule,
        LessonData,
        args=["fit", *args],
        parser_kwargs={"fit": {"default_config_files": [str(conf / "stage0.yaml")]}},
        save_config_kwargs={"overwrite": True},
        parser_class=RunParser,
    )
