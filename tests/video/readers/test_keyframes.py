from pathlib import Path

import av
import pytest
from support.numbered import Encoding, encode

from veggie_pl.video.readers.keyframes import Start, start_of

X264, X265 = "x264-params", "x265-params"


@pytest.mark.parametrize("suffix", [".mp4", ".ts"])  # lengths in front of units, and start codes
@pytest.mark.parametrize(
    ("codec", "options", "expected"),
    [
        ("libx264", {X264: "keyint=8:scenecut=0"}, Start.FRESH),
        ("libx264", {X264: "keyint=8:open-gop=1:bframes=3:b-adapt=0:scenecut=0"}, Start.OPEN),
        ("libx264", {X264: "keyint=8:intra-refresh=1:bframes=0:scenecut=0"}, Start.NONE),
        ("libx265", {X265: "log-level=none:keyint=8:no-open-gop=1"}, Start.FRESH),
        ("libx265", {X265: "log-level=none:keyint=8:open-gop=1:bframes=3:b-adapt=0:scenecut=0"}, Start.OPEN),
    ],
)
def test_key_frames_are_told_apart(
    tmp_path: Path, suffix: str, codec: str, options: dict[str, str], expected: Start
) -> None:
    path = encode(tmp_path / "clip", Encoding(codec, suffix, options=options))
    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        name, header = context.codec.canonical_name, context.extradata
        keys = [bytes(packet) for packet in file.demux(video=0) if packet.is_keyframe]
    starts = [start_of(name, header, key) for key in keys]
    assert len(starts) > 3
    assert starts[0] is Start.FRESH
    assert set(starts[1:]) == {expected}


def test_key_frames_of_other_codecs_are_fresh() -> None:
    assert start_of("vp9", None, b"\x82") is Start.FRESH


@pytest.mark.parametrize("packet", [b"", b"\0\0\0\1", b"\0\0\0\5\x41", b"\xff" * 8, b"\0\0\1", b"\0\0\0\0" * 4])
@pytest.mark.parametrize("header", [b"", b"\1\x64\0\x0a\xff\xe1", None])
def test_broken_packets_are_no_start(packet: bytes, header: bytes | None) -> None:
    assert start_of("h264", header, packet) is Start.NONE
    assert start_of("hevc", header, packet) is Start.NONE
