"""``python -m veggie_pl pretrain``: stage 0."""

import logging
from collections.abc import Iterable
from pathlib import Path

from lightning.pytorch.cli import LightningArgumentParser

from veggie_pl.commands.configs import StepsCLI
from veggie_pl.commands.missing import named_parts
from veggie_pl.commands.run_parser import RunParser
from veggie_pl.errors import UseError
from veggie_pl.files import name_of_old, restore, whole_folder
from veggie_pl.outputs import Role, check_folder, configs_read, refuse_inside
from veggie_pl.pretraining.architecture import write_nano_mllm
from veggie_pl.pretraining.corpus import sentences
from veggie_pl.pretraining.language import LanguageModule
from veggie_pl.pretraining.lessons import LessonData

log = logging.getLogger(__name__)
CONFIG = "config.json"  # what makes a folder one of transformers


class PretrainCLI(StepsCLI):
    """The training CLI plus where the trained MLLM goes, whole or not at all."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add ``--output``."""
        parser.add_argument("--output", type=str, default="runs/stage0/mllm", help="transformers folder to write")

    def before_instantiate_classes(self) -> None:
        """Look whether the MLLM can go where it should, before anything is built or trained."""
        config = self.config[str(self.subcommand)]
        mllms: list[Role] = [("MLLM", init.folder) for name, init in named_parts(config.model) if name.endswith("Mllm")]
        check_mllm_place(Path(config.output), [*configs_read(config), *mllms])

    def after_fit(self) -> None:
        """Write the MLLM as float16: later stages then freeze exactly what is stored and shipped."""
        module, output = self.model, Path(self.config[str(self.subcommand)].output)
        assert isinstance(module, LanguageModule)
        if not self.trainer.is_global_zero or self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        module.mllm.model.half()
        with whole_folder(output) as building:
            module.mllm.save_pretrained(str(building))
        log.info("MLLM: %s", output)


def check_mllm_place(folder: Path, reads: Iterable[Role] = ()) -> None:
    """Look whether the folder of an MLLM can be written here.

    Args:
        folder: Where to; an MLLM that is there is replaced.
        reads: What it is made from.

    Raises:
        UseError: If something else is there, or what it is made from, or the place cannot be written to.
    """
    restore(name_of_old(folder))
    if folder.exists() and not (folder / CONFIG).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UseError(f"--output {folder} exists and is no transformers folder: name another, or remove it first")
    check_folder(folder.resolve().parent)
    refuse_inside(reads, folder)


def pretrain_nano(args: list[str], conf: Path) -> None:
    """Make the nano MLLM's config and tokenizer if they are not there, then train it."""
    folder = conf.parent / "weights/nano/mllm"
    if not (folder / CONFIG).is_file():
        write_nano_mllm(folder, sentences())
    PretrainCLI(
        LanguageModule,
        LessonData,
        args=["fit", *args],
        parser_kwargs={"fit": {"default_config_files": [str(conf / "stage0.yaml")]}},
        save_config_kwargs={"overwrite": True},
        parser_class=RunParser,
    )
