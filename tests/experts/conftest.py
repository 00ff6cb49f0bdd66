"""Folders of tiny experts, made once."""

import pytest
from support.experts import clip_folder, dinov2_folder, grounding_dino_folder, siglip_folder, vit_folder


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return clip_folder(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return siglip_folder(tmp_path_factory.mktemp("siglip"))


@pytest.fixture(scope="session")
def dino(tmp_path_factory: pytest.TempPathFactory) -> str:
    return vit_folder(tmp_path_factory.mktemp("dino"))


@pytest.fixture(scope="session")
def dinov2(tmp_path_factory: pytest.TempPathFactory) -> str:
    return dinov2_folder(tmp_path_factory.mktemp("dinov2"))


@pytest.fixture(scope="session")
def grounding_dino(tmp_path_factory: pytest.TempPathFactory) -> str:
    return grounding_dino_folder(tmp_path_factory.mktemp("grounding_dino"))


@pytest.fixture(scope="session")
def mm_grounding_dino(tmp_path_factory: pytest.TempPathFactory) -> str:
    return grounding_dino_folder(tmp_path_factory.mktemp("mm_grounding_dino"), mm=True)
