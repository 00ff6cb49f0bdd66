"""The model that a command works with, if none is named."""

from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import M, find_model, load_model
from veggie_pl.places import TRAINED


def trained_model(
    folder: str | None = None,
    num_steps: int | None = None,
    build: type[M] = VeggieModel,  # type: ignore[assignment]
) -> M:
    """The module of a model folder.

    Args:
        folder: Model folder; None takes the newest of the runs here, else the shipped weights.
        num_steps: Sampling steps; None keeps the folder's.
        build: ``VeggieModel`` edits; ``VeggieModule`` also trains, and needs Lightning.
    """
    path = find_model([folder] if folder else TRAINED)
    module = load_model(path, build)
    module.name = str(path)
    if num_steps is not None:
        module.num_steps = num_steps
    return module
