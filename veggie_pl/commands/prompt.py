"""``prompt``: a file with what a pipeline's text encoders make of the empty prompt, for configs to name."""

import logging
from pathlib import Path

from safetensors.torch import save_file

from veggie_pl.commands.options import prompt_options
from veggie_pl.files import whole_file
from veggie_pl.models.dit.empty_prompt import encode_empty_prompt
from veggie_pl.outputs import check_place, refuse_overlap

log = logging.getLogger(__name__)


def write_prompt(args: list[str]) -> None:
    """Write the file.

    Raises:
        UseError: If the folder holds no text encoders of a pipeline that works, or the file cannot be written.
    """
    options = prompt_options().parse_args(args)
    output = Path(options.output)
    refuse_overlap([("pipeline", options.folder)], [("output", output)])
    check_place(output)
    found = encode_empty_prompt(options.folder, options.dtype)
    with whole_file(output) as building:
        save_file(found, building, metadata={"format": "pt"})
    shapes = ", ".join(f"{name} {' x '.join(map(str, states.shape))}" for name, states in found.items())
    log.info("%s: %s", output, shapes)
