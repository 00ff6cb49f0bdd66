"""The model that a command works with, if none is named."""

import logging

from veggie_pl.files import TRAINED
from veggie_pl.inference.which_model import find_model
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import M, load_model
from veggie_pl.training.record import describe

log = logging.getLogger(__name__)


def trained_model(
    folder: str | None = None,
    num_steps: int | None = None,
    build: type[M] = VeggieModel,  # type: ignore[assignment]
    naming: str = "--model.folder",
) -> M:
    """Load the module of a model folder.

    Args:
        folder: Model folder; None takes the newest whole one of the runs here, else the shipped weights.
        num_steps: Sampling steps; None keeps the folder's.
        build: ``VeggieModel`` edits; ``VeggieModule`` also trains, and needs Lightning.
        naming: The option by which a user names a folder.
    """
    path = find_model(TRAINED, naming) if folder is None else find_model([folder], naming, any_length=True)
    module = load_model(path, build)
    module.name = str(path)
    log.info("model: %s (%s)", path, describe(module.record))
    if num_steps is not None:
        module.num_steps = num_steps
    return module
