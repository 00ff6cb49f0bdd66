"""A page on an address of this machine, for as long as the process lasts."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr

from veggie_pl.app.files import PageFiles
from veggie_pl.app.limits import Limits
from veggie_pl.app.page import HERE, Page, build
from veggie_pl.app.service import EditService
from veggie_pl.app.uploads import forget_names
from veggie_pl.errors import UseError
from veggie_pl.model import VeggieModel

log = logging.getLogger(__name__)


@contextmanager
def serve(module: VeggieModel, host: str, port: int | None, limits: Limits, below: str | None = None) -> Iterator[str]:
    """Serve the page while this lasts; then all its files are gone.

    Args:
        module: A trained model, where it is to work.
        host: Address to listen on; "127.0.0.1" is heard on this machine alone.
        port: None takes the first free one from 7860 on.
        limits: Of uploads and of the queue.
        below: Where the folder of all its files is made; None takes the system's for temporary files.

    Yields:
        The page's address.

    Raises:
        UseError: If the address cannot be had.
    """
    if below is not None and not Path(below).is_dir():
        raise UseError(f"--files {below}: no such folder")
    with tempfile.TemporaryDirectory(prefix="veggie_app_", dir=below, ignore_cleanup_errors=True) as folder:
        root = Path(folder).resolve()
        os.environ["GRADIO_TEMP_DIR"] = str(root)  # read by every component that is made from here on
        forget_names()
        service, files = EditService(module, limits), PageFiles(root, limits.minutes)
        service.warm_up()
        blocks = build(Page(service, files))
        files.keep_these()
        blocks.queue(max_size=limits.waiting)
        try:
            _, address, _ = blocks.launch(
                server_name=host,
                server_port=port,
                max_file_size=limits.megabytes * 10**6,
                prevent_thread_lock=True,
                quiet=True,
                share=False,
                ssr_mode=False,
                footer_links=["api"],
                theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
                css=(HERE / "page.css").read_text(),
                head=f'<script type="module">{(HERE / "together.js").read_text()}</script>',
            )
        except OSError as error:
            raise UseError(f"--host {host} --port {port}: cannot be listened on ({error})") from error
        try:
            yield address
        finally:
            files.stop_all()
            blocks.close(verbose=False)
