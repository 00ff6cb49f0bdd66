"""Whether clips fit a codec, by their lengths alone."""

import pytest
from support.video_models import COG_VAE

from veggie_pl.errors import UseError
from veggie_pl.models import CogVideoXCodec, PixelCodec
from veggie_pl.models.fit import check_lengths, whole_length


def test_lengths_that_a_codec_does_not_take_are_named_with_the_nearest() -> None:
    codec = CogVideoXCodec(None, COG_VAE)
    check_lengths(codec, {"images": {1}, "clips": {9, 17}})
    check_lengths(PixelCodec(), {"clips": {8}})
    with pytest.raises(UseError) as raised:
        check_lengths(codec, {"images": {1}, "clips": {8, 9}, "val": {16}})
    assert str(raised.value) == (
        "CogVideoXCodec does not take the clips whole: clips has clips of 8 frames, the nearest are 1 and 9; "
        "val has clips of 16 frames, the nearest are 9 and 17. Set num_frames of the records"
    )


def test_a_clip_grows_to_the_next_length() -> None:
    codec = CogVideoXCodec(None, COG_VAE)
    assert [whole_length(frames, codec) for frames in (1, 2, 9, 10)] == [1, 9, 9, 17]
