"""While tests run, calls are held to their annotations: types everywhere, and the shapes of arrays."""

import numpy as np
import pytest
import torch

from veggie_pl.data.shapes.sampling import pick
from veggie_pl.data.shapes.scene import Motion
from veggie_pl.metrics.functional import psnr


def test_wrong_types_are_errors_with_and_without_arrays() -> None:
    assert pick(np.random.default_rng(0), ["one"]) == "one"
    with pytest.raises(Exception, match="rng"):
        pick(0, ["one"])  # type: ignore[arg-type]
    assert Motion("left", pace="fast").direction == "left"
    with pytest.raises(Exception, match="pace"):  # a dataclass
        Motion("left", pace=3)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="target"):
        psnr(torch.zeros(2, 1, 3, 4, 4), 3)  # type: ignore[arg-type]


def test_arrays_of_one_call_share_their_axes() -> None:
    clips = torch.zeros(2, 1, 3, 4, 4)
    assert len(psnr(clips, clips)) == 2
    with pytest.raises(Exception, match="target"):
        psnr(clips, clips[:1])
    with pytest.raises(Exception, match="edited"):
        psnr(clips[:, :, :2], clips[:, :, :2])  # of two colours
