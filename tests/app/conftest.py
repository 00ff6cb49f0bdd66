from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pages import Served, served
from support.starts import Starts

PACKAGE = Path(__file__).resolve().parent.parent.parent / "veggie_pl"


@pytest.fixture(scope="session")
def page(starts: Starts, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page of a tiny model, for clips of 40 frames and 200 kB."""
    pytest.importorskip("gradio", reason="the page needs Gradio: the extra [app]")
    folder = tmp_path_factory.mktemp("page")
    with served(starts, folder, "--model", str(model_folder), "--max-frames", "40", "--max-megabytes", "1") as one:
        yield one
    assert not list(folder.glob("veggie_app_*"))
    # Gradio logs the paths that it refuses, and files that went with their tab while a browser still asked for them.
    assert f'File "{PACKAGE}' not in one.log.read_text()
