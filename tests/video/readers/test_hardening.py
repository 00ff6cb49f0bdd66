"""Hostile files: one line with the name, in bounded time and memory, whatever they hold."""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.numbered import Encoding, encode, numbered_frame, read_numbers

from veggie_pl.seeding import numpy_rng
from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.media import Media
from veggie_pl.video.readers import base, listing


def png(width: int, height: int) -> bytes:
    """A valid header and next to no data: a picture bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def one_line(data: bytes, name: str = "some.mp4") -> str:
    with pytest.raises(ClipError) as raised:
        ClipFile(Media(name, data=data)).frames()
    message = str(raised.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    return message


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize("name", ["bomb.png", "bomb.mp4"])
def test_picture_bombs_are_refused_by_their_header(name: str) -> None:
    assert "frames of 9000x9000 pixels; the limit is" in one_line(png(9000, 9000), name)
    assert "limit" in one_line(png(60_000, 60_000), name)


def test_video_headers_that_exaggerate_are_not_believed(tmp_path: Path) -> None:
    """The track's header says 60000x60000, where the frames have 64x64: nothing of that size is allocated."""
    data = bytearray(encode(tmp_path / "clip", Encoding("mpeg4")).read_bytes())
    place = data.find(b"mp4v", data.find(b"stsd")) + 4 + 24
    assert struct.unpack_from(">HH", data, place) == (64, 64)
    struct.pack_into(">HH", data, place, 60_000, 60_000)
    assert ClipFile(Media("bomb.mp4", data=bytes(data))).frames().shape == (40, 64, 64, 3)


def test_animation_bombs_are_refused() -> None:
    data = bytearray(encoded(Image.new("L", (8, 8)), "GIF"))
    struct.pack_into("<HH", data, 6, 60_000, 60_000)
    assert "limit" in one_line(bytes(data), "bomb.gif")


def test_too_many_pixels_at_once_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = ClipFile(encode(tmp_path / "clip", Encoding("libx264")))
    assert base.MAX_PIXELS > 64 * 64 * 40
    with pytest.raises(ClipError, match=r"300000 frames of 64x64 at once; the limit is \d+ pixels"):
        file.at([0] * 300_000)
    assert len(file.at([0] * 300)) == 300


@pytest.mark.parametrize("size", [(1, 1), (2, 16_384), (16_384, 2), (1, 16_384)])
def test_extreme_shapes_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    height, width = size
    picture = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    assert np.array_equal(ClipFile(Media("x", data=encoded(Image.fromarray(picture), "PNG"))).frames()[0], picture)
    path = encode(tmp_path / "clip", Encoding("ffv1", ".mkv", 3, pix_fmt="bgr0", size=size, frame=lambda *_: picture))
    assert np.array_equal(ClipFile(path).frames(), np.stack([picture] * 3))


@pytest.mark.parametrize("name", ["clip.png", "clip.txt", "clip", "clip.avi"])
def test_contents_decide_and_not_the_name(tmp_path: Path, name: str) -> None:
    data = encode(tmp_path / "clip", Encoding("libx264")).read_bytes()
    assert read_numbers(ClipFile(Media(name, data=data)).at([7])) == [7]
    picture = encoded(Image.fromarray(numbered_frame(9)), "JPEG")
    assert read_numbers(ClipFile(Media(name, data=picture)).frames()) == [9]


PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nfile:{}\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile '{}'\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 1234 RTP/AVP 96\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_scripts_that_open_other_files_are_not_followed(tmp_path: Path, kind: str) -> None:
    other = encode(tmp_path / "other", Encoding("libx264", ".ts"))
    path = tmp_path / "list.mp4"
    path.write_bytes(PLAYLISTS[kind].replace(b"{}", str(other).encode()))
    with pytest.raises(ClipError, match=r"list\.mp4: not a video that can be read"):
        ClipFile(path)


@pytest.mark.parametrize("kind", ["text", "zeros", "noise", "ftyp", "riff", "ebml", "gif", "jpeg"])
def test_rubbish_is_one_error(kind: str) -> None:
    rubbish = {
        "text": b"this is no video at all\n" * 50,
        "zeros": bytes(4000),
        "noise": numpy_rng("noise").bytes(4000),
        "ftyp": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(100),
        "riff": b"RIFF\xff\0\0\0AVI LIST",
        "ebml": b"\x1a\x45\xdf\xa3" + bytes(100),
        "gif": b"GIF89a",
        "jpeg": b"\xff\xd8\xff\xe0" + bytes(100),
    }
    one_line(rubbish[kind])


def test_no_frames_are_one_error(tmp_path: Path) -> None:
    """The header of a clip with nothing behind it."""
    encoding = Encoding("libx264", container={"movflags": "frag_keyframe+empty_moov"})
    data = encode(tmp_path / "clip", encoding).read_bytes()
    assert "no frames" in one_line(data[: data.find(b"moof") - 4])


def test_times_that_are_no_numbers_are_survived(tmp_path: Path) -> None:
    """A duration that is not a number, in Matroska, where it is stored as a float."""
    data = bytearray(encode(tmp_path / "clip", Encoding("libx264", ".mkv")).read_bytes())
    place = data.find(b"\x44\x89\x88")
    assert place > 0
    struct.pack_into(">d", data, place + 3, float("nan"))
    file = ClipFile(Media("clip.mkv", data=bytes(data)))
    assert np.isfinite(file.info.fps)
    assert np.isfinite(file.seconds).all()
    assert read_numbers(file.at([11, 3])) == [11, 3]


def test_frames_lost_inside_are_an_error_and_no_repetition(tmp_path: Path) -> None:
    """Zeros in place of a run of packets: the frames cannot be there, and those before must not stand in for them."""
    encoding = Encoding("libx264", options={"x264-params": "bframes=0:scenecut=0"}, gop_size=40)
    data = bytearray(encode(tmp_path / "clip", encoding).read_bytes())
    start = data.find(b"mdat") + 4
    length = struct.unpack_from(">I", data, start - 8)[0]
    data[start + length // 2 : start + length - 100] = bytes(length // 2 - 100)
    with pytest.raises(ClipError, match=r"frame \d+ of 40|not a video|broken"):
        ClipFile(Media("clip.mp4", data=bytes(data)), strict=True).frames()


@pytest.mark.parametrize("name", ["h264.mp4", "mpeg4.avi", "vp9.webm", "picture.png", "picture.gif"])
def test_mutations_are_read_or_refused(tmp_path: Path, name: str) -> None:
    """A few dozen of each kind; ``check``'s tests have thousands, in processes of their own."""
    if name.startswith("picture"):
        images = [Image.fromarray(numbered_frame(number)) for number in range(3)]
        more = {"save_all": True, "append_images": images[1:]} if name.endswith("gif") else {}
        data = encoded(images[0], name.split(".")[1].upper(), **more)
    else:
        codec = {"h264": "libx264", "mpeg4": "mpeg4", "vp9": "libvpx-vp9"}[name.split(".")[0]]
        speed = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx-vp9" else {}
        data = encode(tmp_path / "clip", Encoding(codec, Path(name).suffix, 12, options=speed)).read_bytes()
    rng = numpy_rng("mutations", name)
    for _ in range(24):
        broken = bytearray(data)
        for place in rng.integers(len(data), size=int(rng.integers(1, 5))):
            broken[place] ^= 1 << int(rng.integers(8))
        with contextlib.suppress(ClipError):  # and nothing else
            file = ClipFile(Media(name, data=bytes(broken[: int(rng.integers(1, 3 * len(data)))])), strict=True)
            assert len(file.frames()) == file.info.num_frames


def test_video_bombs_are_refused_by_the_decoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if 64x64 were too large: FFmpeg itself is told the limit, for streams that grow after their header."""
    data = encode(tmp_path / "clip", Encoding("libx264")).read_bytes()
    monkeypatch.setattr(listing, "MAX_FRAME_PIXELS", 1000)
    assert "none of its frames can be decoded" in one_line(data)
