"""An MLLM from its transformers folder, with all of its weights or not at all."""

import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForImageTextToText

from veggie_pl.errors import UseError
from veggie_pl.models.weight_files import check_finite, describe_misfit, find_weights, unwrapped

log = logging.getLogger(__name__)


def read_mllm(folder: str, **options: Any) -> Any:
    """Return a model of transformers by its own loading, which would fill with random values what it does not find.

    Weights that the model ties to others may be absent. A variant such as fp16 is read where there is nothing else;
    what wrappers put before all names (``module.``, ``_orig_mod.``, ``base_model.model.``) is taken off.

    Args:
        folder: config.json and safetensors.
        options: Of transformers' ``from_pretrained``.

    Raises:
        UseError: If weights are missing, left over, of other shapes or not finite, or the folder holds adapters.
    """
    if Path(folder, "adapter_config.json").is_file():  # transformers would put them in, and tell of them alone
        raise UseError(
            f"{folder} holds adapters beside its weights (adapter_config.json): move them and "
            "adapter_model.safetensors to a folder of their own, and name that one as `adapters`"
        )
    found = find_weights(Path(folder), "model")
    slices = found.slices()
    options = {**options, "output_loading_info": True, "ignore_mismatched_sizes": True}  # we say more of them
    wrong = ""
    if names := unwrapped(slices):
        config = AutoConfig.from_pretrained(folder)
        with torch.device("meta"):
            kind = type(AutoModelForImageTextToText.from_config(config))
        bare = {new: slices[name] for name, new in names.items()}
        model, wrong = _read(folder, lambda: kind.from_pretrained(None, config=config, state_dict=bare, **options))
        if not wrong:
            log.info("%s: its keys are those of a wrapped model, such as %s: unwrapped", folder, next(iter(names)))
    if names is None or wrong:
        options |= {"use_safetensors": True, "variant": found.variant}
        model, wrong_as_named = _read(folder, lambda: AutoModelForImageTextToText.from_pretrained(folder, **options))
        # With wrappers in its names, what is wrong without them says more.
        wrong = wrong_as_named and (wrong or wrong_as_named)
    if wrong:
        raise UseError(f"{folder} does not hold what its config.json says: {wrong}")
    check_finite(model.state_dict(), folder)
    return model


def _read(folder: str, load: Any) -> tuple[Any, str]:
    """Return a model, and what does not fit."""
    try:
        model, report = load()
    except (SafetensorError, OSError, RuntimeError) as problem:
        raise UseError(f"{folder} cannot be read as an MLLM: {' '.join(str(problem).split())}") from problem
    return model, describe_misfit(report["missing_keys"], report["unexpected_keys"], report["mismatched_keys"])
