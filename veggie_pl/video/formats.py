"""Kinds of files: which names are taken for pictures and videos, and what a file is by how it begins."""

from pathlib import Path

from veggie_pl.video.readers.whole_boxes import BOXES, PADDING

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
VIDEOS = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".gif", ".avif"})  # those that may move
HEAD = 192  # bytes by which a kind of file is told; an MPEG transport stream shows in its second packet, at 188

PNG, JPEG, GIF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", (b"GIF87a", b"GIF89a")
_PICTURES = {PNG: ".png", JPEG: ".jpg", b"BM": ".bmp", b"II*\0": ".tif", b"MM\0*": ".tif"} | dict.fromkeys(GIF, ".gif")
_VIDEOS = {
    b"\x1a\x45\xdf\xa3": ".mkv",
    b"OggS": ".ogv",
    b"FLV": ".flv",
    b"\x30\x26\xb2\x75": ".asf",
    b"DKIF": ".ivf",
    b"\0\0\1\xba": ".mpg",  # program and video streams
    b"\0\0\1\xb3": ".mpg",
}


def picture_kind(head: bytes) -> str:
    """Give the suffix of the picture format that a file begins as, such as ".png"; empty for other files."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if is_avif(head):
        return ".avif"
    return next((suffix for start, suffix in _PICTURES.items() if head.startswith(start)), "")


def video_kind(head: bytes) -> str:
    """Give the suffix of the kind of video that a file begins as, such as ".mkv"; empty for other files."""
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return ".avi"
    if head[:1] == b"\x47" == head[188:189]:  # packets of an MPEG transport stream
        return ".ts"
    if head[4:8] in BOXES | PADDING and not is_avif(head):
        return ".mp4"
    return next((suffix for start, suffix in _VIDEOS.items() if head.startswith(start)), "")


def is_picture(head: bytes) -> bool:
    """Tell whether a file that begins with these ``HEAD`` bytes is one of our picture formats."""
    return bool(picture_kind(head))


def is_avif(head: bytes) -> bool:
    """Tell whether a file begins as an AVIF, still or animated: FFmpeg would take it for an MP4 of one frame."""
    if head[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[place : place + 4] for place in range(16, end, 4))}
    return not brands.isdisjoint((b"avif", b"avis"))


def is_clip(path: Path) -> bool:
    """Tell whether a file begins as pictures and videos do, whatever its name; reading it may still fail."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return bool(picture_kind(head) or video_kind(head))
