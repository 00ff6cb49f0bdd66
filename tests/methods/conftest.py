"""Image models that the tests of this room share, written once."""

import pytest
from support.image_models import own_folder, pix2pix_folder, stable_diffusion_folder


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> str:
    return own_folder(tmp_path_factory.mktemp("own") / "model")


@pytest.fixture(scope="session")
def pix2pix(tmp_path_factory: pytest.TempPathFactory) -> str:
    return pix2pix_folder(tmp_path_factory.mktemp("pix2pix"))


@pytest.fixture(scope="session")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Stable Diffusion, which sees no source."""
    return stable_diffusion_folder(tmp_path_factory.mktemp("captioned"))
