"""Grounding and reasoning data sets: each miniature gives exactly the rows, masks and faults that it was made for."""

from pathlib import Path
from types import ModuleType

import pytest
from layouts import MINIATURES, grefcoco, groundmore, mevis, phrasecut, reasonseg, ref_youtube_vos, revos
from layouts.answers import check

from veggie_pl.data.layouts import LAYOUTS

MODULES: dict[str, ModuleType] = {
    module.__name__.removeprefix("layouts."): module
    for module in (phrasecut, grefcoco, reasonseg, mevis, ref_youtube_vos, groundmore, revos)
}
CASES = [(name, split) for name, module in MODULES.items() for split in module.ANSWERS]


@pytest.fixture(scope="module", params=MODULES)
def miniature(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    root = tmp_path_factory.mktemp(request.param)
    MINIATURES[request.param](root)
    return request.param, root


def test_miniature_gives_its_rows_and_faults(miniature: tuple[str, Path]) -> None:
    name, root = miniature
    module = MODULES[name]
    for split, answers in module.ANSWERS.items():
        check(LAYOUTS[name](), root, split, answers, module.FAULTS[split])
