"""Motions read back from JSON."""

import pytest

from veggie_pl.synthesis.animate.motion import as_pair
from veggie_pl.synthesis.protocols import ItemError


def test_pairs_are_read_and_nothing_else() -> None:
    assert as_pair([[1, 2.5], (0, 1)], float) == [(1.0, 2.5), (0.0, 1.0)]
    for wrong in (None, [[1]], [1, 2], 3):
        with pytest.raises(ItemError, match="no motion of a step here"):
            as_pair(wrong, float)
