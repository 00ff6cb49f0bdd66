import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from veggie_pl.scoring.page.animation import MOVING_BYTES, STILL_BYTES, animate


def decoded(uri: str) -> tuple[list[np.ndarray], list[int]]:
    head, data = uri.split(",")
    assert head == "data:image/webp;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    frames, times = [], []
    for frame in ImageSequence.Iterator(image):
        frames.append(np.array(frame.convert("RGB")))
        times.append(image.info.get("duration", 0))
    return frames, times


def noise(frames: int, height: int, width: int) -> torch.Tensor:
    return torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def size(uri: str) -> int:
    return len(base64.b64decode(uri.split(",")[1]))


def test_small_clips_keep_every_pixel() -> None:
    clip = noise(4, 24, 32)
    picture = animate(clip, fps=10.0)
    frames, times = decoded(picture.moving)
    wanted = ((clip + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(np.stack(frames), wanted)
    assert times == [100] * 4
    (still,), _ = decoded(picture.still)
    assert np.array_equal(still, wanted[0])
    assert (picture.width, picture.height, picture.is_small) == (32, 24, True)


def test_long_clips_take_their_time_in_fewer_frames() -> None:
    clip = torch.linspace(-1, 1, 40)[:, None, None, None].expand(40, 3, 16, 16)
    frames, times = decoded(animate(clip, fps=8.0).moving)
    assert len(frames) == 16
    assert sum(times) == pytest.approx(1000 * 40 / 8, rel=0.01)
    assert (frames[0].max(), frames[-1].min()) == (0, 255)


def test_whatever_the_clip_its_bytes_are_limited() -> None:
    picture = animate(noise(20, 360, 640))
    assert size(picture.moving) <= MOVING_BYTES
    assert size(picture.still) <= STILL_BYTES
    assert (picture.width, picture.height, picture.is_small) == (640, 360, False)
    frames, _ = decoded(picture.moving)
    assert frames[0].shape[1] / frames[0].shape[0] == pytest.approx(640 / 360, rel=0.05)


def test_a_picture_is_a_clip_of_one_frame() -> None:
    picture = animate(noise(1, 16, 16))
    assert len(decoded(picture.moving)[0]) == 1
