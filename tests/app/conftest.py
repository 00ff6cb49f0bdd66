from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pages import Served, served
from support.starts import Starts


@pytest.fixture(scope="session")
def page(starts: Starts, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page of a tiny model, for clips of 40 frames and 200 kB."""
    pytest.importorskip("gradio", reason="the page needs Gradio: the extra [app]")
    folder = tmp_path_factory.mktemp("page")
    with served(starts, folder, "--model", str(model_folder), "--max-frames", "40", "--max-megabytes", "1") as one:
        yield one
    assert not list(folder.glob("veggie_app_*"))
    said = one.log.read_text()  # Gradio logs the paths that it refuses, and nothing else may be wrong
    assert said.count("Traceback") == said.count("gradio.exceptions.InvalidPathError:")
