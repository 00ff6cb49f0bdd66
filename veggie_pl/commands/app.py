"""``app``: a model on a page in the browser."""

import importlib.util
import logging
import os
import time

from veggie_pl.commands.judging import find_device
from veggie_pl.commands.lean import lean_imports
from veggie_pl.commands.options import app_options
from veggie_pl.commands.trained import trained_model
from veggie_pl.errors import UseError
from veggie_pl.model import VeggieModel

log = logging.getLogger(__name__)


def serve_page(args: list[str]) -> None:
    """Load a model and serve the page until the process is stopped.

    Raises:
        UseError: If Gradio is not installed, or an option cannot be.
    """
    options = app_options().parse_args(args)
    device = find_device(options.device)
    if importlib.util.find_spec("gradio") is None:
        raise UseError("the page needs Gradio, which is not installed: pip install veggie-pl[app]")
    # Nothing is asked of or told to anybody else.
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1")
    with lean_imports():
        from veggie_pl.app.limits import Limits
        from veggie_pl.app.serve import serve

    limits = Limits(options.max_megabytes, options.max_frames, options.max_waiting, options.max_minutes)
    module: VeggieModel = trained_model(options.model, naming="--model")
    with serve(module.to(device), options.host, options.port, limits, options.files) as address:
        log.info("the page is at %s; Ctrl-C ends it", address)
        while True:
            time.sleep(3600)
