"""Headers tell the shape that decoding finds, and hostile files are refused with one reason."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.layouts.own import picture, png

from veggie_pl.video.header import Header, open_media, read_header
from veggie_pl.video.media import Media, MediaError
from veggie_pl.video.writer import ClipWriter


def test_header_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(picture(0)))
    with ClipWriter(tmp_path / "a.mp4", 12.0) as writer:
        writer.write(np.zeros((7, 33, 47, 3), np.uint8))
    clip = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.tar").write_bytes(b"#" * 99 + clip + b"#" * 99)
    assert read_header([Media("a.png")], tmp_path) == Header(1, 20, 30)
    assert read_header([Media("x.png", data=png(picture(0)))], tmp_path) == Header(1, 20, 30)
    assert read_header([Media("a.png")] * 5, tmp_path) == Header(5, 20, 30)
    assert read_header([Media("a.mp4")], tmp_path) == Header(7, 33, 47)
    assert read_header([Media("x.mp4", data=clip)], tmp_path) == Header(7, 33, 47)
    assert read_header([Media("a.tar", 99, len(clip), name="x.mp4")], tmp_path) == Header(7, 33, 47)


def test_header_of_a_turned_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(picture(0)).save(tmp_path / "a.jpg", exif=exif)
    assert read_header([Media("a.jpg")], tmp_path) == Header(1, 30, 20)


def test_part_of_a_file_is_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(bytes(range(100)))
    with open_media(Media("a.tar", 10, 20, name="x.png"), tmp_path) as file:
        assert file.read() == bytes(range(10, 30))
        assert file.seek(-3, 2) == 17
        assert file.read(9) == bytes(range(27, 30))
        assert (file.seek(5), file.seek(2, 1), file.read(1)) == (5, 7, b"\x11")


@pytest.mark.parametrize("name", ["none.png", "../out.png", "/etc/hostname", "link.png"])
def test_header_of_what_is_not_there(name: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "out.png").write_bytes(png(picture(0)))
    (root / "in.png").write_bytes(png(picture(0)))
    (root / "link.png").symlink_to(tmp_path / "out.png")
    for media in ([Media(name)], [Media("in.png"), Media(name)]):
        with pytest.raises(MediaError, match=r"No such file|no such file|outside the data root"):
            read_header(media, root)
    with pytest.raises(MediaError, match="the file ends before"):
        read_header([Media("in.png", 0, 10**6, name="x.png")], root)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".mp4", ".webm"])
def test_header_of_hostile_bytes(suffix: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good = png(picture(0))
    if suffix in (".jpg", ".webp", ".tif", ".bmp"):
        Image.fromarray(picture(0)).save(tmp_path / f"a{suffix}")
        good = (tmp_path / f"a{suffix}").read_bytes()
    elif suffix == ".mp4":
        with ClipWriter(tmp_path / "a.mp4", 12.0) as writer:
            writer.write(np.zeros((3, 16, 16, 3), np.uint8))
        good = (tmp_path / "a.mp4").read_bytes()
    for _ in range(30):
        data = bytearray(good[: rng.integers(0, len(good))])
        for place in rng.integers(0, max(len(data), 1), 8) if data else ():
            data[place] = rng.integers(256)
        try:
            found = read_header([Media(f"x{suffix}", data=bytes(data))], tmp_path)
        except MediaError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert min(found.frames, found.height, found.width) >= 1
