"""Buckets: text and back, and which suits a source."""

import numpy as np
import pytest

from veggie_pl.data.table.buckets import ROWS_AT_ONCE, Bucket, choose

BUCKETS = [Bucket(1, 256, 256), Bucket(1, 192, 320), Bucket(8, 256, 256), Bucket(8, 128, 128), Bucket(16, 192, 320)]


def test_bucket_text() -> None:
    assert Bucket.parse(str(BUCKETS[4])) == BUCKETS[4]
    for text in ("8x256", "axbxc", "8x256x256x3", ""):
        with pytest.raises(ValueError, match="no bucket"):
            Bucket.parse(text)
    with pytest.raises(ValueError, match="at least 1"):
        Bucket.parse("0x8x8")


@pytest.mark.parametrize(
    ("frames", "height", "width", "bucket"),
    [
        (1, 300, 300, 0),
        (1, 360, 640, 1),
        (5, 640, 360, 0),
        (8, 300, 310, 2),
        (8, 130, 130, 3),
        (15, 360, 640, 2),
        (16, 300, 300, 4),
        (500, 360, 640, 4),
        (0, 0, 0, 0),
        (20, 0, 0, 0),
    ],
)
def test_bucket_that_suits(frames: int, height: int, width: int, bucket: int) -> None:
    rows = ROWS_AT_ONCE + 3  # more than are compared at a time
    found = choose(BUCKETS, *(np.full(rows, value, np.int32) for value in (frames, height, width)))
    assert (found == bucket).all()


def test_bucket_of_too_short_a_clip_is_the_shortest() -> None:
    found = choose(BUCKETS[2:], *(np.array([value]) for value in (3, 300, 300)))
    assert found.tolist() == [0]
