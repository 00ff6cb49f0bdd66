import io
import re
from pathlib import Path

import pytest
from PIL import Image
from support.numbered import Encoding, encode, numbered_frame

from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.media import Media
from veggie_pl.video.readers.images import reads_avif
from veggie_pl.video.readers.wholeness import fault

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


def still(kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    frames = [Image.fromarray(numbered_frame(number)) for number in range(4)]
    frames[0].save(data, kind, **({"save_all": True, "append_images": frames[1:]} if options.pop("moves", 0) else {}))
    return data.getvalue()


PICTURES = {
    "png": still("PNG"),
    "apng": still("PNG", moves=1),
    "jpeg": still("JPEG"),
    "gif": still("GIF"),
    "moving gif": still("GIF", moves=1),
    "webp": still("WEBP"),
    "moving webp": still("WEBP", moves=1),
    "bmp": still("BMP"),
    "tiff": still("TIFF"),
    **({"avif": still("AVIF"), "moving avif": still("AVIF", moves=1)} if reads_avif() else {}),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_truncated_picture_is_no_picture(kind: str) -> None:
    data = PICTURES[kind]
    assert what_is_wrong(data) == ""
    assert len(ClipFile(Media("x", data=data)).frames())
    cuts = [1, 2, 3, 8, 12, 13, 20, 40, len(data) // 4, len(data) // 2]
    for cut in cuts:
        with pytest.raises(ClipError, match=r"^x: (truncated|damaged|not an image|not a video)"):
            ClipFile(Media("x", data=data[:-cut])).frames()


@pytest.mark.parametrize("kind", ["jpeg", "moving gif", "png"])
def test_picture_whose_end_a_disk_lost_is_no_picture(kind: str) -> None:
    data = PICTURES[kind]
    for lost in (16, len(data) // 8, len(data) // 3):
        with pytest.raises(ClipError):
            ClipFile(Media("x", data=data[:-lost] + bytes(lost))).frames()


@pytest.mark.parametrize("kind", ["png", "apng"])
def test_every_checksum_of_a_png_counts(kind: str) -> None:
    data, place = PICTURES[kind], 8
    while place < len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        torn = bytearray(data)
        torn[end] ^= 1
        with pytest.raises(ClipError):
            ClipFile(Media("x", data=bytes(torn))).frames()
        assert what_is_wrong(bytes(torn)) == f"damaged: the checksum of its part at byte {place} is wrong"
        place = end + 4


def boxes_of(data: bytes, kind: bytes) -> list[int]:
    """Where boxes of this kind begin."""
    return [match.start() - 4 for match in re.finditer(kind, data)]


@pytest.mark.parametrize("kind", [b"moof", b"mfhd", b"traf", b"tfhd", b"trun", b"mdat"])
@pytest.mark.parametrize("part", ["header", "length", "name"])
@pytest.mark.parametrize("which", [0, 2, -1])
def test_torn_fragments_are_not_skipped_over(kind: bytes, part: str, which: int, tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path / "clip", CLIPS["fragments"]).read_bytes())
    place = boxes_of(bytes(data), kind)[which]
    start, end = {"header": (0, 8), "length": (0, 4), "name": (4, 8)}[part]
    data[place + start : place + end] = bytes(end - start)
    try:
        frames = ClipFile(Media("x", data=bytes(data))).frames()
    except ClipError as error:
        assert re.search(r"damaged at byte|truncated|not a video|no frames", str(error))  # noqa: PT017
    else:  # frames of no known length are those up to the end
        assert (kind, part, which) == (b"mdat", "length", -1)
        assert len(frames) == 40


def test_a_run_without_samples_is_damage(tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path / "clip", CLIPS["fragments"]).read_bytes())
    place = boxes_of(bytes(data), b"trun")[1]
    data[place + 8 : place + 24] = bytes(16)
    with pytest.raises(ClipError, match="damaged at byte"):
        ClipFile(Media("x", data=bytes(data)))


def test_torn_avi_is_not_skipped_over(tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path / "clip", CLIPS["avi"]).read_bytes())
    place = boxes_of(bytes(data), b"00dc")[5] + 4
    data[place : place + 8] = bytes(8)
    with pytest.raises(ClipError, match=f"damaged at byte {place}"):
        ClipFile(Media("x", data=bytes(data)))


def test_live_recording_cut_off_inside_a_frame_is_truncated(tmp_path: Path) -> None:
    live = encode(tmp_path / "live", Encoding("libx264", ".mkv", container={"live": "1"})).read_bytes()
    for cut in (3, 20, 100):
        with pytest.raises(ClipError, match=r"truncated|damaged"):
            ClipFile(Media("x", data=live[:-cut]))
