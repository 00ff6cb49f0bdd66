"""Preparing and reading find the same shape in every format that can be written here, and the same limits."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from support.encoded import ALL, H264, VARIABLE
from support.numbered import Encoding, cut_by_edit_list, encode, numbered_frame

from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.header import Header, read_header
from veggie_pl.video.media import Media, MediaError
from veggie_pl.video.readers.base import MAX_FRAME_PIXELS, MAX_SIDE
from veggie_pl.video.readers.images import reads_avif

SIZE = (24, 40)  # height, width
WIDE, HIGHEST = 2**13, MAX_FRAME_PIXELS // 2**13
FRAMES = [Image.fromarray(numbered_frame(number, *SIZE)) for number in range(3)]
ANIMATED = {"save_all": True, "append_images": FRAMES[1:], "duration": [50, 200, 10]}
AVIF = ["AVIF"] if reads_avif() else []  # turned animations crash Pillow's encoder (13.0)
MORE = {
    "h264 fragments without end": Encoding("libx264", container={"movflags": "frag_keyframe"}, options=H264),
    "h264 hidden at the start": Encoding("libx264", times=[25 * k - 300 for k in range(40)], options=H264),
    "vp8 ogg": Encoding("libvpx", ".ogv", options={"deadline": "realtime"}),
    "wmv asf": Encoding("wmv2", ".wmv"),
    "huffyuv avi": Encoding("huffyuv", ".avi", pix_fmt="yuv422p"),
    "vfr avi": Encoding("mpeg4", ".avi", times=[25 * k for k in (0, 1, 5, 6, 9)]),
    "gif": Encoding("gif", ".gif", 5, pix_fmt="rgb8"),
    "hevc without b": Encoding("libx265", options={"x265-params": "log-level=none:bframes=0"}),
    "one vfr mkv": Encoding("libx264", ".mkv", times=VARIABLE[:1]),
}


def same(media: list[Media], root: Path) -> Header:
    """The shape, if both ways of asking and the frames themselves agree."""
    header, file = read_header(media, root), ClipFile(media, root)
    frames = file.frames()
    assert (header.frames, header.height, header.width) == frames.shape[:3]
    assert (file.info.num_frames, file.info.height, file.info.width) == frames.shape[:3]
    assert len(file.seconds) == header.frames
    return header


def everywhere(path: Path) -> Header:
    """The same as a file, without its name, as embedded bytes and as a part of another file."""
    data, root = path.read_bytes(), path.parent
    (root / "nameless").write_bytes(data)
    (root / "a.tar").write_bytes(b"#" * 99 + data + b"#" * 99)
    places = [
        Media(path.name),
        Media("nameless"),
        Media("embedded.webp", data=data),
        Media("a.tar", 99, len(data), name="x"),
    ]
    found = {same([place], root) for place in places}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize("name", ALL | MORE)
def test_header_of_a_video_is_its_readers(name: str, tmp_path: Path) -> None:
    everywhere(encode(tmp_path / "clip", (ALL | MORE)[name]))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_header_of_a_phones_clip_is_its_readers(suffix: str, degrees: int, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        stream.set_display_rotation(degrees)
        for frame in FRAMES:
            file.mux(stream.encode(av.VideoFrame.from_image(frame)))
        file.mux(stream.encode())
    assert everywhere(path) == Header(3, *(SIZE if degrees == 180 else SIZE[::-1]))


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_header_of_an_edit_list_is_its_readers(codec: str, tmp_path: Path) -> None:
    path = cut_by_edit_list(encode(tmp_path / "clip", Encoding(codec)), 5 * 512)
    assert everywhere(path).frames < 40


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "MPO", "TIFF", "animated WEBP", "animated PNG", *AVIF])
def test_header_of_a_phones_picture_is_its_readers(kind: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    animated, _, format = kind.rpartition(" ")
    more = ANIMATED if animated else {"save_all": True, "append_images": FRAMES[1:]} if kind == "MPO" else {}
    FRAMES[0].save(tmp_path / "picture", format, exif=exif, **more)
    size = SIZE[::-1] if orientation in (6, 8) else SIZE
    assert everywhere(tmp_path / "picture") == Header(3 if animated else 1, *size)


def test_header_of_a_picture_whose_exif_comes_last(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    FRAMES[0].save(data, "PNG", exif=exif)
    whole = data.getvalue()
    start, end = whole.index(b"eXIf") - 4, whole.index(b"IDAT") - 4
    (tmp_path / "late.png").write_bytes(whole[:start] + whole[end:-12] + whole[start:end] + whole[-12:])
    assert everywhere(tmp_path / "late.png") == Header(1, *SIZE[::-1])


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", *AVIF])
def test_header_of_an_animation_is_its_readers(kind: str, tmp_path: Path) -> None:
    FRAMES[0].save(tmp_path / "clip", kind, **ANIMATED)
    assert everywhere(tmp_path / "clip") == Header(3, *SIZE)


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_header_of_a_still_is_its_readers(kind: str, tmp_path: Path) -> None:
    first, *others = [frame.copy() for frame in FRAMES]  # Pillow leaves in a picture how it was last encoded
    more = {"save_all": True, "append_images": others} if kind == "TIFF" else {}
    first.save(tmp_path / "still", kind, **more)
    assert everywhere(tmp_path / "still") == Header(1, *SIZE)


def test_header_of_frames_in_files_is_their_readers(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for number, frame in enumerate(FRAMES):
        frame.save(tmp_path / f"{number}.jpg", exif=exif)
    assert same([Media(f"{number}.jpg") for number in range(3)], tmp_path) == Header(3, *SIZE[::-1])


@pytest.mark.parametrize(
    "size",
    [(1, MAX_SIDE), (1, MAX_SIDE + 1), (MAX_FRAME_PIXELS // 2**13, 2**13), (MAX_FRAME_PIXELS // 2**13 + 1, 2**13)],
)
def test_limits_of_preparing_are_the_readers(size: tuple[int, int], tmp_path: Path) -> None:
    Image.new("1", size[::-1]).save(tmp_path / "large.png")
    is_too_large = max(size) > MAX_SIDE or size[0] * size[1] > MAX_FRAME_PIXELS
    if not is_too_large:
        assert read_header([Media("large.png")], tmp_path) == Header(1, *size)
        assert ClipFile(tmp_path / "large.png").info.width == size[1]
        return
    with pytest.raises(MediaError, match=r"large\.png: frames of .* the limit is"):
        read_header([Media("large.png")], tmp_path)
    with pytest.raises(ClipError, match=r"large\.png: frames of .* the limit is"):
        ClipFile(tmp_path / "large.png")


def test_header_reads_a_long_video_no_further_than_it_must(tmp_path: Path) -> None:
    """Pictures are most of a video: those behind the first ones, of an index that tells all, are never read."""
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    options = {"movflags": "faststart"}
    path = encode(tmp_path / "long", Encoding("mpeg4", num_frames=120, container=options, frame=lambda *_: frame))
    data = bytearray(path.read_bytes())
    place = data.index(b"mdat") + len(data) // 4
    data[place:] = bytes(len(data) - place)
    assert read_header([Media("x", data=bytes(data))], tmp_path) == Header(120, 64, 64)
