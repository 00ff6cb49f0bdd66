"""What cameras, phones and editors put into files: frames come as they are meant to be seen."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from support.numbered import Encoding, encode, numbered_frame, read_numbers

from veggie_pl.seeding import numpy_rng
from veggie_pl.video.clip import ClipError, ClipFile, sample_together
from veggie_pl.video.frames import Sampling
from veggie_pl.video.media import Media
from veggie_pl.video.readers import images
from veggie_pl.video.readers.images import reads_avif
from veggie_pl.video.readers.orientation import Turn
from veggie_pl.video.writer import write_clip

# Red, green / blue, gray: no turn leaves it as it was.
CORNERS = np.array([[[200, 40, 40], [40, 200, 40]], [[40, 40, 200], [120, 120, 120]]], np.uint8)


def corners(number: int, height: int, width: int) -> np.ndarray:
    return CORNERS.repeat(height // 2, 0).repeat(width // 2, 1)


def turned_file(path: Path, turn: int | list[int]) -> Path:
    """A clip of 64x32 pixels with a display matrix: degrees, or the nine numbers."""
    plain = encode(path.with_name("plain"), Encoding("libx264", num_frames=3, size=(32, 64), frame=corners))
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        if isinstance(turn, int):
            stream.set_display_rotation(turn)
        else:
            stream.set_display_matrix(turn)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


def quarters(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    return frame[[height // 4, 3 * height // 4]][:, [width // 4, 3 * width // 4]]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_of_phones_is_carried_out(tmp_path: Path, degrees: int, suffix: str) -> None:
    """FFmpeg counts its angle counterclockwise, as ``numpy.rot90`` does."""
    file = ClipFile(turned_file(tmp_path / f"turned{suffix}", degrees))
    frames = file.frames()
    expected = np.rot90(CORNERS, degrees // 90)
    assert frames.shape == (3, *((64, 32) if degrees != 180 else (32, 64)), 3)
    assert (file.info.height, file.info.width) == frames.shape[1:3]
    assert np.abs(quarters(frames[2]).astype(int) - expected).max() < 12


def test_unrotated_is_left_alone(tmp_path: Path) -> None:
    frames = ClipFile(turned_file(tmp_path / "turned.mp4", 0)).frames()
    assert np.abs(quarters(frames[0]).astype(int) - CORNERS).max() < 12


@pytest.mark.parametrize(
    ("matrix", "by_hand"),
    [
        ((1, 0, 0, 1), lambda x: x),
        ((0, 1, -1, 0), lambda x: np.rot90(x, -1)),  # clockwise: x' = -y, y' = x
        ((0, -1, 1, 0), lambda x: np.rot90(x)),
        ((-1, 0, 0, -1), lambda x: np.rot90(x, 2)),
        ((-1, 0, 0, 1), lambda x: x[:, ::-1]),
        ((1, 0, 0, -1), lambda x: x[::-1]),
        ((0, 1, 1, 0), lambda x: x.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda x: x.transpose(1, 0, 2)[::-1, ::-1]),
        ((0.9, 0.1, -0.1, 0.9), lambda x: x),  # not quite upright counts as upright
    ],
)
def test_turn_follows_the_matrix(matrix: tuple[float, ...], by_hand) -> None:
    a, b, c, d = (int(value * 65536) for value in matrix)
    data = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], np.int32).tobytes()
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert np.array_equal(Turn.of_matrix(data)(picture), by_hand(picture))


def test_transparent_video_lies_on_white(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "alpha.mov"), "w") as file:
        stream = file.add_stream("prores_ks", rate=8, options={"profile": "4444"})
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuva444p10le"
        rgba = np.full((32, 32, 4), (200, 40, 40, 255), np.uint8)
        rgba[:, 16:, 3] = 0
        for _ in range(3):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
        file.mux(stream.encode())
    clip = ClipFile(tmp_path / "alpha.mov")
    assert clip.reader == "pyav"
    frame = clip.frames()[1].astype(int)
    assert np.abs(frame[:, :14] - (200, 40, 40)).max() < 8
    assert np.abs(frame[:, 18:] - 255).max() < 4


def test_sound_alone_is_one_error(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    with pytest.raises(ClipError, match=r"sound\.mp4: holds no video, only audio"):
        ClipFile(tmp_path / "sound.mp4")


def save(path: Path, array: np.ndarray, mode: str | None = None, **options: object) -> Path:
    Image.fromarray(array, mode).save(path, **options)
    return path


def test_pictures_of_every_depth_become_rgb(tmp_path: Path) -> None:
    ramp = np.arange(0, 256, dtype=np.uint16).reshape(16, 16)
    gray = ramp.astype(np.uint8)
    rgb = gray[..., None].repeat(3, 2)
    assert np.array_equal(ClipFile(save(tmp_path / "gray.png", gray)).frames()[0], rgb)
    assert np.array_equal(ClipFile(save(tmp_path / "deep.png", ramp * 257)).frames()[0], rgb)
    palette = Image.fromarray(rgb).quantize(256)
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(ClipFile(tmp_path / "palette.png").frames()[0], np.asarray(palette.convert("RGB")))
    Image.fromarray(gray > 100).save(tmp_path / "bits.png")
    assert np.array_equal(ClipFile(tmp_path / "bits.png").frames()[0], np.where(rgb > 100, 255, 0))


AVIF = pytest.param(".avif", marks=pytest.mark.skipif(not reads_avif(), reason="this Pillow reads no AVIF"))


@pytest.mark.parametrize("suffix", [".png", ".webp", AVIF])
def test_transparent_pictures_lie_on_white(tmp_path: Path, suffix: str) -> None:
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[..., 0], rgba[:, :4, 3], rgba[:, 4:, 3] = 200, 255, 0
    rgba[0, 0, 3] = 128
    exact = {"quality": 100, "subsampling": "4:4:4"} if suffix == ".avif" else {"lossless": True}
    frame = ClipFile(save(tmp_path / f"alpha{suffix}", rgba, **exact)).frames()[0]
    slack = 2 if suffix == ".avif" else 0  # which is never quite exact
    assert np.abs(frame[3, 0].astype(int) - (200, 0, 0)).max() <= slack
    assert np.abs(frame[3, 7].astype(int) - (255, 255, 255)).max() <= slack
    assert np.abs(frame[0, 0].astype(int) - (227, 127, 127)).max() <= 1 + slack  # 128 / 255 of it, the rest white


@pytest.mark.parametrize(("orientation", "by_hand"), [(1, 0), (6, -1), (3, 2), (8, 1)])
def test_exif_rotation_is_carried_out(tmp_path: Path, orientation: int, by_hand: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "phone.jpg", corners(0, 32, 64), quality=95, exif=exif)
    file = ClipFile(path)
    assert (file.info.height, file.info.width) == file.frames().shape[1:3]
    assert np.abs(quarters(file.frames()[0]).astype(int) - np.rot90(CORNERS, by_hand)).max() < 30


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", AVIF])
def test_animations_are_clips(tmp_path: Path, suffix: str) -> None:
    images = [Image.fromarray(numbered_frame(number)) for number in range(6)]
    lossless = {".webp": {"lossless": True}, ".avif": {"quality": 100}}.get(suffix, {})
    images[0].save(
        tmp_path / f"moving{suffix}",
        save_all=True,
        append_images=images[1:],
        duration=[100, 200, 100, 100, 50, 50],
        **lossless,
    )
    file = ClipFile(tmp_path / f"moving{suffix}")
    assert file.info.num_frames == 6
    assert file.info.fps == pytest.approx(10)
    assert file.seconds == pytest.approx([0.0, 0.1, 0.3, 0.4, 0.5, 0.55])
    assert read_numbers(file.at([5, 0, 3, 3])) == [5, 0, 3, 3]


def test_avif_that_pillow_cannot_read_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.avif").write_bytes(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + bytes(100))
    with pytest.raises(ClipError, match=r"a.avif: not an image that can be read"):
        ClipFile(tmp_path / "a.avif")
    monkeypatch.setattr(images, "reads_avif", lambda: False)
    with pytest.raises(ClipError, match=r"a.avif: an AVIF, which needs Pillow 11.3 or newer, built with it"):
        ClipFile(tmp_path / "a.avif")


def folder_of(tmp_path: Path, count: int = 6) -> list[Media]:
    for number in range(count):
        save(tmp_path / f"{number:05}.jpg", numbered_frame(number), quality=90)
    return [Media(f"{number:05}.jpg") for number in range(count)]


def test_pictures_of_a_folder_are_a_clip(tmp_path: Path) -> None:
    file = ClipFile(folder_of(tmp_path), tmp_path, fps=6.0)
    assert (file.info.num_frames, file.info.height, file.info.width, file.info.fps) == (6, 64, 64, 6.0)
    assert read_numbers(file.at([4, 0, 0, 5])) == [4, 0, 0, 5]
    assert file.seconds == pytest.approx(np.arange(6) / 6)
    assert np.isnan(ClipFile(folder_of(tmp_path), tmp_path).seconds).all()


def test_pictures_of_a_folder_have_one_size(tmp_path: Path) -> None:
    media = folder_of(tmp_path)
    save(tmp_path / "00003.jpg", numbered_frame(3, 32, 32))
    file = ClipFile(media, tmp_path)
    assert len(file.frames(0, 3)) == 3
    with pytest.raises(ClipError, match=r"00003\.jpg: is 32x32, not 64x64 as the clip's first frame 00000\.jpg"):
        file.frames()
    (tmp_path / "00004.jpg").unlink()
    with pytest.raises(ClipError, match=r"00004\.jpg: no such file"):
        ClipFile(media, tmp_path)


def test_media_lie_in_files_parts_of_files_and_tables(tmp_path: Path) -> None:
    data = encode(tmp_path / "clip", Encoding("libx264")).read_bytes()
    (tmp_path / "shard.tar").write_bytes(b"x" * 512 + data + b"y" * 512)
    inside = Media("shard.tar", offset=512, size=len(data), name="clip.mp4")
    for media in (Media("clip.mp4"), inside, Media("clip.mp4", data=data), [inside]):
        assert read_numbers(ClipFile(media, tmp_path).at([30, 3])) == [30, 3]
    for media, message in {
        Media("../clip.mp4"): "outside the data root",
        Media("none.mp4"): "no such file",
        Media("shard.tar", offset=512, size=10 * len(data), name="clip.mp4"): "file ends before",
    }.items():
        with pytest.raises(ClipError, match=message):
            ClipFile(media, tmp_path)
    with pytest.raises(ClipError, match="no root is given"):
        ClipFile(Media("clip.mp4"))


@pytest.mark.parametrize("kind", ["uniform", "fps", "consecutive"])
def test_pairs_give_the_same_frames(tmp_path: Path, kind: str) -> None:
    """Source and target differ in codec and frame rate, as edited clips do; the numbers are the source's."""
    source = ClipFile(encode(tmp_path / "source", Encoding("libx264")))
    target = ClipFile(encode(tmp_path / "target", Encoding("mpeg4", ".avi", options={"bf": "2"})))
    sampling = Sampling(kind, fps=6.0, stride=4)
    numbers, (one, two) = sample_together([source, target], 4, sampling, numpy_rng("frames", "key"), 0.5, 1.5)
    assert read_numbers(one) == read_numbers(two) == numbers
    assert 12 <= numbers[0] < numbers[-1] < 36
    if kind == "fps":
        assert numbers == [12, 16, 20, 24]


def test_pairs_of_unequal_length_are_an_error(tmp_path: Path) -> None:
    source = ClipFile(encode(tmp_path / "source", Encoding("libx264", num_frames=8)))
    target = ClipFile(encode(tmp_path / "target", Encoding("libx264", num_frames=9)))
    with pytest.raises(ClipError, match=r"target\.mp4: has 9 frames, but .*source\.mp4 has 8"):
        sample_together([source, target], 4, Sampling(), numpy_rng("frames"))
    with pytest.raises(ClipError, match=r"source\.mp4: 9 frames with a stride of 1 span 9 frames; it has 8"):
        sample_together([source], 9, Sampling("consecutive"), numpy_rng("frames"))


def test_frames_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    file = ClipFile(encode(tmp_path / "clip", Encoding("libx264", num_frames=8)))
    for number in (8, -1):
        with pytest.raises(ClipError, match=rf"has frames 0 to 7, no frame {number}"):
            file.at([0, number])
    assert file.at([]).shape == (0, 64, 64, 3)
    assert len(file.pick(20)) == 20


def test_written_clips_are_read_by_decord(tmp_path: Path) -> None:
    write_clip(tmp_path / "out.mp4", torch.zeros(12, 3, 32, 32))
    assert ClipFile(tmp_path / "out.mp4").reader == "decord"
