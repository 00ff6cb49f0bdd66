"""Clips written by another encoder than ours (opencv's MPEG-4), and files that are no clips."""

from pathlib import Path

import cv2
import numpy as np


def pattern(frames: int, width: int, height: int) -> np.ndarray:
    """A bright square that moves right over a gradient: (f, h, w, 3), RGB."""
    x = np.linspace(0, 120, width)[None, :, None]
    clip = np.broadcast_to(x, (height, width, 3)).astype(np.uint8)[None].repeat(frames, 0).copy()
    for number, frame in enumerate(clip):
        left = number * (width - 8) // max(frames - 1, 1)
        frame[height // 2 : height // 2 + 8, left : left + 8] = (250, 40, 40)
    return clip


def write_fake(path: Path, frames: int = 10, width: int = 64, height: int = 48, fps: float = 12.0) -> Path:
    """An mp4 of the pattern; sides must be even for this encoder."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    for frame in pattern(frames, width, height):
        writer.write(frame[..., ::-1])
    writer.release()
    return path


def bad_files(folder: Path) -> dict[str, Path]:
    """One file of each kind that is no clip."""
    good = write_fake(folder / "good.mp4").read_bytes()
    files = {
        "truncated": good[: len(good) // 3],
        "empty": b"",
        "text": b"this is no video at all\n" * 50,
        "noise": bytes(np.random.default_rng(0).integers(0, 256, 4000, dtype=np.uint8)),
    }
    paths = {name: folder / f"{name}.mp4" for name in files}
    for name, content in files.items():
        paths[name].write_bytes(content)
    picture = folder / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return {**paths, "picture": picture, "missing": folder / "missing.mp4", "folder": folder}
