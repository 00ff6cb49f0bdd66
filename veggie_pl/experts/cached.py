"""What experts said before, kept on disk by the content of what they saw; each wrapper is the expert it wraps."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.experts.detections import Detections, Detector
from veggie_pl.experts.protocols import (
    FrameFeatures,
    FrameQuality,
    ImageText,
    Judge,
    Judgement,
    Question,
    Vector,
    Vectors,
)
from veggie_pl.files import whole_file
from veggie_pl.tensor_digest import bytes_of

log = logging.getLogger(__name__)


class Kept:
    """Answers in a folder, one file each; any number of processes may share it.

    A file that is torn, or holds another answer than its name says, is made again, with a warning.

    Args:
        folder: Grows without bound; deleting it, or any file in it, is safe at any time.
        expert: Digest of what answers.
    """

    def __init__(self, folder: str | Path, expert: str) -> None:
        self.folder, self.expert = Path(folder), expert

    def key(self, *content: Tensor | str) -> str:
        """Name an answer by expert and by what was asked: pixels bit for bit, and words."""
        digest = hashlib.blake2b(self.expert.encode(), digest_size=16)
        for part in content:
            if isinstance(part, str):
                digest.update(f"\0{len(part)} {part}".encode())
            else:
                digest.update(f"\0{part.dtype} {tuple(part.shape)} ".encode())
                digest.update(bytes_of(part))
        return digest.hexdigest()

    def tensors(self, key: str, names: set[str], make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """Return tensors of these names, kept or made now."""
        place = self._place(key, "safetensors")
        if place.is_file():
            try:
                with safe_open(place, framework="pt") as file:
                    if (file.metadata() or {}).get("key") == key and {*file.keys()} == names:
                        return {name: file.get_tensor(name) for name in names}
                _warn(place, "it holds something else")
            except (SafetensorError, OSError, ValueError) as problem:
                _warn(place, problem)
        made = {name: tensor.contiguous() for name, tensor in make().items()}
        with whole_file(place, shared=True) as partial:
            save_file(made, partial, metadata={"key": key})
        return made

    def record(self, key: str) -> Any:
        """Return what ``put`` kept under a key; None if nothing whole is there."""
        place = self._place(key, "json")
        if place.is_file():
            try:
                said = json.loads(place.read_text(encoding="utf-8"))
                if said["key"] == key:
                    return said["answer"]
                _warn(place, "it holds something else")
            except (OSError, ValueError, KeyError, TypeError) as problem:
                _warn(place, problem)
        return None

    def put(self, key: str, answer: Any) -> None:
        """Keep what JSON can hold."""
        with whole_file(self._place(key, "json"), shared=True) as partial:
            partial.write_text(json.dumps({"key": key, "answer": answer}, ensure_ascii=False), encoding="utf-8")

    def _place(self, key: str, suffix: str) -> Path:
        place = self.folder / key[:2] / f"{key}.{suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        return place


def _warn(place: Path, problem: object) -> None:
    log.warning("%s is damaged (%s) and will be made again", place, " ".join(str(problem).split()))


class CachedFeatures:
    """Implements ``FrameFeatures`` by another one, whose vectors are kept.

    Args:
        expert: Makes them.
        folder: Keeps them, see ``Kept``.
    """

    def __init__(self, expert: FrameFeatures, folder: str) -> None:
        self.expert, self.digest = expert, expert.digest
        self.kept = Kept(folder, expert.digest)

    def embed_frames(self, frames: Clip) -> Vectors:
        """Return one vector of unit length per frame, float32, on the CPU."""
        key = self.kept.key("frames", frames)
        return self.kept.tensors(key, {"vectors"}, lambda: {"vectors": self.expert.embed_frames(frames)})["vectors"]


class CachedImageText(CachedFeatures):
    """Implements ``ImageText`` by another one, whose vectors are kept.

    Args:
        expert: Makes them.
        folder: Keeps them, see ``Kept``.
    """

    def __init__(self, expert: ImageText, folder: str) -> None:
        super().__init__(expert, folder)
        self.words = expert

    def embed_text(self, text: str) -> Vector:
        """Return a vector of unit length, float32, on the CPU."""
        key = self.kept.key("text", text)
        return self.kept.tensors(key, {"vector"}, lambda: {"vector": self.words.embed_text(text)})["vector"]


class CachedDetector:
    """Implements ``Detector`` by another one, whose boxes are kept.

    Args:
        expert: Finds them; has to have a ``digest``.
        folder: Keeps them, see ``Kept``.

    Raises:
        UseError: If the detector has no digest to tell it from others.
    """

    def __init__(self, expert: Detector, folder: str) -> None:
        digest = getattr(expert, "digest", None)
        if not isinstance(digest, str):
            raise UseError(f"{type(expert).__name__} has no digest, so what it finds cannot be kept: give it one")
        self.expert, self.digest, self.kept = expert, digest, Kept(folder, digest)

    def detect(self, frames: Clip, phrase: str) -> list[Detections]:
        """Return one ``Detections`` per frame."""

        def make() -> dict[str, Tensor]:
            found = self.expert.detect(frames, phrase)
            counts = torch.tensor([len(one.scores) for one in found])
            boxes, scores = (torch.cat([getattr(one, name) for one in found]) for name in ("boxes", "scores"))
            return {"boxes": boxes, "scores": scores, "counts": counts}

        found = self.kept.tensors(self.kept.key("detect", phrase, frames), {"boxes", "scores", "counts"}, make)
        counts = found["counts"].tolist()
        parts = zip(torch.split(found["boxes"], counts), torch.split(found["scores"], counts), strict=True)
        return [Detections(boxes, scores) for boxes, scores in parts]


class CachedQuality:
    """Implements ``FrameQuality`` by another one, whose numbers are kept.

    Args:
        expert: Rates.
        folder: Keeps the numbers, see ``Kept``.
    """

    def __init__(self, expert: FrameQuality, folder: str) -> None:
        self.expert, self.name, self.digest = expert, expert.name, expert.digest
        self.kept = Kept(folder, expert.digest)

    def quality(self, frames: Clip) -> float:
        """Return one number for the clip."""
        key = self.kept.key("quality", frames)

        def make() -> dict[str, Tensor]:
            return {"quality": torch.tensor(self.expert.quality(frames), dtype=torch.float64)}

        return float(self.kept.tensors(key, {"quality"}, make)["quality"])


class CachedJudge:
    """Implements ``Judge`` by another one, whose judgements are kept, raw replies and all.

    A judgement with failures is not kept: the next run asks again.

    Args:
        expert: Judges.
        folder: Keeps what it says, see ``Kept``.
    """

    def __init__(self, expert: Judge, folder: str) -> None:
        self.expert, self.digest, self.kept = expert, expert.digest, Kept(folder, expert.digest)
        self.name, self.axes, self.scale = expert.name, expert.axes, expert.scale
        self.needs_checklist = expert.needs_checklist

    def judge(self, question: Question) -> Judgement:
        """Rate one edit."""
        words = (str(question.skill), question.instruction, json.dumps(question.checklist))
        key = self.kept.key("judge", *words, question.source, question.edited)
        if (said := self.kept.record(key)) is not None:
            try:
                return Judgement(said["scores"], tuple(said["replies"]), (), said["settings"])
            except (KeyError, TypeError) as problem:
                _warn(self.kept.folder, problem)
        judgement = self.expert.judge(question)
        if not judgement.failures:
            self.kept.put(key, asdict(judgement))
        return judgement
