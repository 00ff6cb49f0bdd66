"""CLIP and SigLIP called directly: frames and text as vectors of one space."""

import json
import string
from functools import cached_property
from pathlib import Path

import torch
from transformers import AutoModel

from veggie_pl.batch import Clip, is_blank
from veggie_pl.errors import UseError
from veggie_pl.experts.frozen import Frozen, chunks, pictures, unit
from veggie_pl.experts.protocols import Vector, Vectors


class ClipExpert:
    """Implements ``ImageText`` by a CLIP (arXiv:2103.00020) or SigLIP (arXiv:2303.15343) folder.

    Text that is longer than the model reads is cut by the tokenizer, which keeps the closing token: CLIP pools there.
    SigLIP was trained on lower case padded to full length, and its first tokenizer on text without punctuation.

    Args:
        folder: A transformers folder of type clip or siglip; siglip2 with pictures of one fixed size has type siglip.
        device: "auto" is a GPU where there is one.
        chunk: Frames that go through the image tower together.

    Raises:
        UseError: If the folder holds no such model, or not all of it.
    """

    def __init__(self, folder: str, device: str = "auto", chunk: int = 16) -> None:
        self.chunk = chunk
        self.frozen = Frozen(AutoModel, folder, "a model of images and text", ("clip", "siglip"), device)
        self.processor, self.tokenizer = self.frozen.image_processor(), self.frozen.tokenizer()
        self.max_tokens = int(self.frozen.model.config.text_config.max_position_embeddings)
        declared = _tokenizer_class(folder) or type(self.tokenizer).__name__
        self.drops_punctuation = declared.startswith("SiglipTokenizer")

    @cached_property
    def digest(self) -> str:
        """Class, folder content and settings."""
        return self.frozen.digest(self)

    @torch.no_grad()
    def embed_frames(self, frames: Clip) -> Vectors:
        """Return one vector of unit length per frame, float32, on the CPU."""
        model, device = self.frozen.model, self.frozen.device
        found = []
        for part in chunks(frames, self.chunk):
            pixels = self.processor(images=pictures(part), return_tensors="pt")["pixel_values"]
            found.append(unit(model.get_image_features(pixel_values=pixels.to(device)).pooler_output))
        return torch.cat(found)

    @torch.no_grad()
    def embed_text(self, text: str) -> Vector:
        """Return a vector of unit length, float32, on the CPU.

        Args:
            text: A caption; what is beyond the model's length (77 tokens of CLIP, 64 of SigLIP) is cut.

        Raises:
            UseError: If it is empty.
        """
        if is_blank(text):
            raise UseError(f"there is no text to compare with: {text!r}")
        is_clip = self.frozen.kind == "clip"
        inputs = self.tokenizer(
            text if is_clip else self._as_siglip_reads(text),
            padding=False if is_clip else "max_length",
            truncation=True,
            max_length=self.max_tokens,
            return_tensors="pt",
        )
        names = ("input_ids", "attention_mask") if is_clip else ("input_ids",)  # SigLIP reads its padding, too
        given = {name: inputs[name].to(self.frozen.device) for name in names}
        return unit(self.frozen.model.get_text_features(**given).pooler_output[0])

    def _as_siglip_reads(self, text: str) -> str:
        """Lower case; without punctuation where the folder's tokenizer class drops it, whichever reads it here."""
        if self.drops_punctuation:
            text = text.translate(str.maketrans("", "", string.punctuation))
        return " ".join(text.lower().split())


def _tokenizer_class(folder: str) -> str:
    """Read the class of tokenizer that a folder asks for; empty if it asks for none."""
    try:
        return str(json.loads(Path(folder, "tokenizer_config.json").read_text()).get("tokenizer_class") or "")
    except (OSError, ValueError, AttributeError):
        return ""
