"""What the cells of a change count in the loss, by hand."""

import pytest
import torch
from diffusers import DDPMScheduler

from veggie_pl.diffusion.change_weights import change_weights
from veggie_pl.diffusion.objective import Objective
from veggie_pl.seeding import torch_rng


def test_cells_count_by_the_share_of_their_pixels_that_change_and_one_on_average() -> None:
    change = torch.zeros(1, 1, 4, 4, dtype=torch.bool)  # four cells of 2 x 2 pixels
    change[0, 0, :2, :2] = True  # a whole cell
    change[0, 0, 2, :2] = True  # half of one
    # Before they are divided by their mean: 5, 1 + 4 / 2, 1, 1; together 10.
    expected = torch.tensor([[5.0, 1.0], [3.0, 1.0]]) / 2.5
    torch.testing.assert_close(change_weights(change, (1, 2, 2), 5.0)[0, 0, 0], expected)


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_clip_that_changes_nowhere_or_everywhere_is_weighed_as_ever(everywhere: bool) -> None:
    change = torch.full((2, 3, 4, 4), everywhere)
    assert torch.equal(change_weights(change, (3, 2, 2), 7.0), torch.ones(2, 3, 1, 2, 2))


def test_where_a_codec_compresses_time_a_pixel_counts_that_changes_in_any_frame() -> None:
    change = torch.zeros(1, 5, 2, 2, dtype=torch.bool)
    change[0, 3, 0, 0] = True
    weights = change_weights(change, (2, 2, 2), 2.0)
    assert weights.shape == (1, 2, 1, 2, 2)
    assert torch.equal(weights[0, 0], weights[0, 1])
    torch.testing.assert_close(weights[0, 0, 0], torch.tensor([[2.0, 1.0], [1.0, 1.0]]) / 1.25)


def test_the_loss_weighs_an_error_by_where_it_is() -> None:
    objective = Objective(DDPMScheduler(prediction_type="sample"), change_weight=4.0)
    latents, change = torch.zeros(2, 1, 3, 2, 2), torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    change[:, :, :2, :2] = True
    draws = objective.draw(latents, [torch_rng("x", i) for i in range(2)], change)
    predicted = latents.clone()
    predicted[0, ..., 0, 0] = 2.0  # inside the change: 4 / 1.75 of a squared error of 4 in one cell of four
    predicted[1, ..., 1, 1] = 2.0  # outside: 1 / 1.75 of it
    assert objective.loss(predicted, latents, draws).tolist() == pytest.approx([4 / 1.75, 1 / 1.75])
    alike = Objective(DDPMScheduler(prediction_type="sample"))
    drawn = alike.draw(latents, [torch_rng("x", i) for i in range(2)], change)
    assert drawn.cells is None
    assert alike.loss(predicted, latents, drawn).tolist() == [1.0, 1.0]
    assert torch.equal(drawn.noise, draws.noise)  # the weight draws nothing
