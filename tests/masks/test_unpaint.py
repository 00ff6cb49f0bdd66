from itertools import combinations, pairwise

import cv2
import numpy as np
import pytest
import torch

from veggie_pl.masks.colors import COLORS, OPACITY
from veggie_pl.masks.paint import paint, paint_objects, visible
from veggie_pl.masks.unpaint import MIN_CONTRAST, decode_mask, read_objects, unpaint
from veggie_pl.video.clip import to_uint8


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def disc(radius: float, middle: tuple[float, float] = (16, 16), size: int = 32) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return ((y - middle[0]).square() + (x - middle[1]).square() < radius**2)[None]


def eight_bit(clip: torch.Tensor) -> torch.Tensor:
    return to_uint8(clip).float() / 127.5 - 1


def contrast(clip: torch.Tensor, fill: str) -> torch.Tensor:
    return (torch.tensor(COLORS[fill])[:, None, None] - clip).square().sum(-3).sqrt()


def blurred(clip: torch.Tensor, sigma: float) -> torch.Tensor:
    frames = [cv2.GaussianBlur(frame.permute(1, 2, 0).numpy(), (0, 0), sigma) for frame in clip]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("fill", COLORS)
@pytest.mark.parametrize("opacity", [0.3, OPACITY, 1.0])
def test_hard_masks_come_back_exactly_from_any_source(fill: str, opacity: float) -> None:
    for seed in range(8):
        clip, mask = eight_bit(noise(3, 3, 16, 16, seed=seed)), noise(3, 16, 16, seed=seed + 100) > 0.3
        read = decode_mask(eight_bit(paint(clip, mask, fill, opacity)), clip, fill, opacity=opacity)
        sees = contrast(clip, fill) >= MIN_CONTRAST
        assert torch.equal(read.mask[sees], mask[sees])
        assert torch.equal(read.mask, unpaint(eight_bit(paint(clip, mask, fill, opacity)), clip, fill, 0.5, opacity))


@pytest.mark.parametrize("num", [2, 3, 6])
def test_objects_of_all_colours_come_back_exactly_where_they_are_seen(num: int) -> None:
    """Overlapping masks too: each pixel is the last object's that has it."""
    for seed, fills in enumerate(combinations(COLORS, num)):
        fills = fills if seed % 2 else fills[::-1]
        clip, masks = eight_bit(noise(2, 3, 24, 24, seed=seed)), noise(num, 2, 24, 24, seed=seed + 100) > 0.3
        read = read_objects(eight_bit(paint_objects(clip, masks, fills)), clip, fills)
        assert read.mask.sum(0).max() == 1
        sees = torch.stack([contrast(clip, fill) >= MIN_CONTRAST for fill in fills]).all(0)
        assert torch.equal(read.mask[:, sees], visible(masks)[:, sees])
        assert read.confidence.min() > 0.9  # random pixels are blind now and then
        assert read.confidence.shape == (num, 2)


@pytest.mark.parametrize("fill", COLORS)
def test_soft_masks_come_back_within_what_eight_bits_hold(fill: str) -> None:
    clip, soft = eight_bit(noise(3, 3, 32, 32)), (noise(3, 32, 32, seed=1) + 1) / 2
    assert float((decode_mask(paint(clip, soft, fill), clip, fill).share - soft).abs().mean()) < 0.01  # blind pixels
    read = decode_mask(eight_bit(paint(clip, soft, fill)), clip, fill)
    sees = contrast(clip, fill) >= MIN_CONTRAST
    bound = 3**0.5 / 255 / (OPACITY * contrast(clip, fill)) + 1e-5  # half a level in each channel, along the fill
    assert bool(((read.share - soft).abs() <= bound)[sees].all())


def test_soft_masks_of_two_objects_side_by_side_come_back() -> None:
    clip, soft = noise(2, 3, 16, 16) * 0.8, (noise(2, 2, 16, 16, seed=1) + 1) / 2
    soft[0, ..., 8:] = 0
    soft[1, ..., :8] = 0
    read = read_objects(paint_objects(clip, soft, ["red", "magenta"]), clip, ["red", "magenta"])
    torch.testing.assert_close(read.share, soft, atol=1e-5, rtol=0)


def test_share_grows_along_the_fill_and_along_nothing_else() -> None:
    clip = noise(2, 3, 8, 8).double() * 0.8
    edited = paint(clip, torch.full((2, 8, 8), 0.4), "blue").requires_grad_()
    decode_mask(edited, clip, "blue").share.sum().backward()
    way = torch.tensor(COLORS["blue"], dtype=torch.float64)[:, None, None] - clip
    torch.testing.assert_close(edited.grad, way / (OPACITY * way.square().sum(1, keepdim=True)))


def test_the_source_itself_is_read_as_empty_and_surely_so() -> None:
    clip = noise(2, 3, 32, 32) * 0.8
    read = read_objects(clip, clip, list(COLORS))
    assert not read.mask.any()
    assert not read.share.any()
    torch.testing.assert_close(read.confidence, torch.ones(6, 2), atol=1e-4, rtol=0)


def test_blind_pixels_take_the_share_of_the_nearest_seeing_one() -> None:
    clip = torch.zeros(1, 3, 32, 32)
    red, green = (torch.tensor(COLORS[name])[:, None, None] for name in ("red", "green"))
    for y, x in ((16, 8), (2, 2), (16, 24)):  # inside the red object, in neither, inside the green object
        clip[..., y - 1 : y + 2, x - 1 : x + 2] = red
    clip[..., 20:22, 24:26] = green  # inside the green object
    masks = torch.stack([disc(7, (16, 8)), disc(7, (16, 24))]).float() * 0.75
    read = read_objects(paint_objects(clip, masks, ["red", "green"]), clip, ["red", "green"])
    torch.testing.assert_close(read.share, masks, atol=1e-5, rtol=0)


def test_a_frame_in_the_fills_colour_tells_nothing() -> None:
    clip = torch.tensor(COLORS["red"])[None, :, None, None].expand(2, 3, 16, 16)
    for edited in (clip, paint(clip, disc(5, (8, 8), 16).expand(2, -1, -1), "red")):
        read = decode_mask(edited, clip, "red")
        assert not read.mask.any()
        assert read.confidence.max() < 0.01


def test_confidence_is_one_for_exact_paint_and_falls_with_what_spoils_it() -> None:
    clip, mask = blurred(noise(1, 3, 32, 32), 1.0), disc(8)
    painted = paint(clip, mask, "red")

    def sure(edited: torch.Tensor) -> float:
        return float(decode_mask(edited, clip, "red").confidence)

    assert sure(painted) > 0.999
    assert sure(eight_bit(painted)) > 0.999
    by_blur = [sure(blurred(painted, sigma)) for sigma in (0.5, 1, 2, 4)]
    static = torch.randn(clip.shape, generator=torch.Generator().manual_seed(0))
    by_noise = [sure(painted + sigma * static) for sigma in (0.05, 0.2, 0.4, 0.8)]
    by_share = [sure(paint(clip, mask.float() * share, "red")) for share in (1, 0.8, 0.6, 0.5)]
    by_opacity = [sure(paint(clip, mask, "red", opacity)) for opacity in (0.7, 0.5, 0.36)]
    for falling in (by_blur, by_noise, by_share, by_opacity):
        assert all(one > other for one, other in pairwise(falling)), falling
    assert by_blur[-1] < 0.85
    assert by_noise[-1] < 0.75
    assert by_share[-1] < 0.55
    for other in set(COLORS) - {"red"}:
        assert sure(paint(clip, mask, other)) < 0.3, other


def test_confidence_is_near_the_overlap_with_the_true_mask() -> None:
    clip, mask = blurred(noise(8, 3, 64, 64, seed=2), 2.0) * 2, disc(12, (32, 32), 64).expand(8, -1, -1)
    for sigma in (0.5, 1.0, 2.0, 3.0):
        read = decode_mask(blurred(paint(clip, mask, "blue"), sigma), clip, "blue")
        overlap = (read.mask & mask).sum((1, 2)) / (read.mask | mask).sum((1, 2))
        assert float((read.confidence - overlap).abs().mean()) < 0.1


def test_confidence_is_per_frame() -> None:
    clip, mask = noise(3, 3, 32, 32) * 0.5, disc(8).expand(3, -1, -1)
    painted = paint(clip, mask, "green")
    spoiled = torch.cat([painted[:1], blurred(painted[1:2], 2.0), painted[2:]])
    exact, read = decode_mask(painted, clip, "green"), decode_mask(spoiled, clip, "green")
    assert read.confidence[[0, 2]].tolist() == exact.confidence[[0, 2]].tolist()
    assert read.confidence[1] < exact.confidence[1] - 0.05


def test_a_window_reads_through_noise() -> None:
    clip, mask = noise(4, 3, 32, 32) * 0.5, disc(9).expand(4, -1, -1)
    edited = paint(clip, mask, "red") + 0.6 * torch.randn(clip.shape, generator=torch.Generator().manual_seed(0))

    def wrong(window: float) -> int:
        return int((decode_mask(edited, clip, "red", window=window).mask ^ mask).sum())

    assert wrong(1.0) < wrong(0.5) < wrong(0.0)


def test_a_window_fits_one_share_to_its_pixels() -> None:
    """By hand: the Gaussian of OpenCV over numerator and denominator of the share."""
    clip, soft = noise(1, 3, 24, 24) * 0.5, (noise(1, 24, 24, seed=1) + 1) / 2
    edited = paint(clip, soft, "red")
    way = torch.tensor(COLORS["red"])[:, None, None] - clip
    along, whole = ((edited - clip) * way).sum(1)[0].numpy(), OPACITY * way.square().sum(1)[0].numpy()
    over = [cv2.GaussianBlur(one, (7, 7), 1.0, borderType=cv2.BORDER_REPLICATE) for one in (along, whole)]
    read = decode_mask(edited, clip, "red", window=1.0)
    torch.testing.assert_close(read.share[0], torch.from_numpy(over[0] / over[1]), atol=1e-5, rtol=0)


def test_reading_takes_leading_axes() -> None:
    clip, mask = noise(2, 3, 3, 16, 16) * 0.8, noise(2, 3, 16, 16, seed=1) > 0
    read = decode_mask(paint(clip, mask, "cyan"), clip, "cyan")
    assert torch.equal(read.mask, mask)
    assert read.confidence.shape == (2, 3)


def test_reading_out_of_range_is_an_error() -> None:
    clip = noise(1, 3, 8, 8)
    for threshold in (0.0, 1.0):
        with pytest.raises(ValueError, match=f"threshold of a share .* got {threshold}"):
            decode_mask(clip, clip, "red", threshold)
    with pytest.raises(ValueError, match="opacity"):
        decode_mask(clip, clip, "red", opacity=0.0)
    with pytest.raises(ValueError, match="sigma of at least 0 pixels, got -1"):
        decode_mask(clip, clip, "red", window=-1.0)
    with pytest.raises(ValueError, match=r"no two alike: \['red', 'red'\]"):
        read_objects(clip, clip, ["red", "red"])
    with pytest.raises(ValueError, match="unknown fill colour 'pink'"):
        decode_mask(clip, clip, "pink")
