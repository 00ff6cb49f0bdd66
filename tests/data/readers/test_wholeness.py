import io
from pathlib import Path

import pytest
from numbered import Encoding, encode

from veggie_pl.data.clips import ClipError, ClipFile
from veggie_pl.data.readers.wholeness import fault

FAST = {"movflags": "faststart"}  # the index in front, so that a truncated file still opens
CLIPS = {
    "mp4": Encoding("libx264"),
    "mp4, index in front": Encoding("libx264", container=FAST),
    "fragments": Encoding("libx264", container={"movflags": "frag_keyframe+empty_moov"}),
    "mkv": Encoding("libx264", ".mkv"),
    "webm": Encoding("libvpx-vp9", ".webm", options={"deadline": "realtime", "cpu-used": "8"}),
    "avi": Encoding("mpeg4", ".avi"),
}


@pytest.fixture(scope="module", params=CLIPS)
def content(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return encode(tmp_path_factory.mktemp("whole") / "clip", CLIPS[request.param]).read_bytes()


def what_is_wrong(data: bytes) -> str:
    return fault(io.BytesIO(data), len(data))


def test_whole_files_have_no_fault(content: bytes) -> None:
    assert what_is_wrong(content) == ""


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_clip_is_never_a_shorter_one(content: bytes, share: float, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ClipError, match=r"truncated|not a video|no video"):
        ClipFile(tmp_path / "cut").frames()


@pytest.mark.parametrize("kind", ["mkv", "webm"])
def test_torn_matroska_is_not_skipped_over(kind: str, tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path / "clip", CLIPS[kind]).read_bytes())
    place = data.find(b"\xa3", data.find(b"\x1f\x43\xb6\x75") + 400)  # a block, after the first cluster's start
    data[place - 40 : place + 40] = bytes(80)
    assert "damaged at byte" in what_is_wrong(bytes(data))


def test_live_recordings_of_unknown_length_are_read(tmp_path: Path) -> None:
    live = encode(tmp_path / "live", Encoding("libx264", ".mkv", container={"live": "1"}))
    assert what_is_wrong(live.read_bytes()) == ""
    assert ClipFile(live).info.num_frames == 40


def test_bytes_that_are_no_container_are_not_judged() -> None:
    for data in (b"", b"\0", b"text" * 10, b"\x1a\x45\xdf\xa3"):
        assert isinstance(what_is_wrong(data), str)
