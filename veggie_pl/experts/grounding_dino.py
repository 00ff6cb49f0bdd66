"""GroundingDINO: boxes around whatever a phrase names."""

import re
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import AutoModelForZeroShotObjectDetection

from veggie_pl.batch import Clip, is_blank
from veggie_pl.errors import UseError
from veggie_pl.experts.detections import Detections
from veggie_pl.experts.frozen import Frozen, chunks, pictures

TYPES = ("grounding-dino", "mm-grounding-dino")
_DELIMITERS = ".?"  # the model cuts text into phrases there


class GroundingDinoDetector:
    """Implements ``Detector`` by GroundingDINO (arXiv:2303.05499) or MM-GroundingDINO (arXiv:2401.02361).

    One phrase a call: lower case, closed by a full stop. The model says of each box how well it fits each token. The
    library takes the maximum over all tokens, [CLS], "." and [SEP] included, so that "red circle" fits any circle; we
    take the mean over the phrase's own tokens.

    Args:
        folder: A transformers folder of type grounding-dino or mm-grounding-dino.
        variant: A box's score: "mean" over the phrase's own tokens, or "published", the library's maximum over all.
        device: "auto" is a GPU where there is one.
        chunk: Frames that go through the model together.
        max_boxes: How many of a frame's boxes are kept, the best ones.

    Raises:
        UseError: If the folder holds no such model, or not all of it, or the variant is unknown.
    """

    def __init__(
        self,
        folder: str,
        variant: str = "mean",
        device: str = "auto",
        chunk: int = 4,
        max_boxes: int = 100,
    ) -> None:
        if variant not in ("mean", "published"):
            raise UseError(f"variant {variant!r} of GroundingDINO's score; the choices are mean, published")
        self.variant, self.chunk, self.max_boxes = variant, chunk, max_boxes
        self.frozen = Frozen(AutoModelForZeroShotObjectDetection, folder, "a detector of phrases", TYPES, device)
        self.processor, self.tokenizer = self.frozen.image_processor(), self.frozen.tokenizer()
        ids = self.tokenizer.convert_tokens_to_ids([*_DELIMITERS])
        self.around = {self.tokenizer.cls_token_id, self.tokenizer.sep_token_id, self.tokenizer.pad_token_id, *ids}

    @cached_property
    def digest(self) -> str:
        """Class, folder content and settings."""
        return self.frozen.digest(self, variant=self.variant, max_boxes=self.max_boxes)

    @torch.no_grad()
    def detect(self, frames: Clip, phrase: str) -> list[Detections]:
        """Return one ``Detections`` per frame for what ``phrase`` names, best first, none left out for a low score.

        Args:
            frames: Pixels in [-1, 1].
            phrase: Such as "red circle"; full stops and question marks in it are dropped, since each would end it.

        Raises:
            UseError: If the phrase is empty or has no token that the model knows.
        """
        ids = self._ids(phrase)
        inside = self._inside(ids)
        model, device = self.frozen.model, self.frozen.device
        found = []
        for part in chunks(frames, self.chunk):
            seen = self.processor(images=pictures(part), return_tensors="pt").to(device)
            text = {"input_ids": ids.expand(len(part), -1).to(device)}
            text["attention_mask"] = torch.ones_like(text["input_ids"])
            text["token_type_ids"] = torch.zeros_like(text["input_ids"])
            out = model(**seen, **text)
            likely = out.logits.float().sigmoid().cpu()  # (n, boxes, 256): 0 beyond the text
            scores = (
                likely.amax(-1) if self.variant == "published" else likely[..., : len(inside)][..., inside].mean(-1)
            )
            boxes = corners(out.pred_boxes.float().cpu())
            found += [self._best(*one) for one in zip(boxes, scores, strict=True)]
        return found

    def _best(self, boxes: Float[Tensor, "n 4"], scores: Float[Tensor, " n"]) -> Detections:
        order = scores.argsort(descending=True, stable=True)[: self.max_boxes]
        return Detections(boxes[order], scores[order])

    def _ids(self, phrase: str) -> Int[Tensor, " n"]:
        """Turn a phrase into "[CLS] red circle . [SEP]", cut to the model's length within the phrase."""
        words = " ".join(re.sub(rf"[{_DELIMITERS}]", " ", phrase).lower().split())
        if is_blank(words):
            raise UseError(f"there is nothing to look for in the phrase {phrase!r}")
        longest = int(self.frozen.model.config.max_text_len) - 3
        own = self.tokenizer(words, add_special_tokens=False, truncation=True, max_length=longest)["input_ids"]
        if all(token == self.tokenizer.unk_token_id for token in own):
            raise UseError(f"the detector in {self.frozen.folder} knows no word of the phrase {phrase!r}")
        stop = self.tokenizer.convert_tokens_to_ids(".")
        return torch.tensor([self.tokenizer.cls_token_id, *own, stop, self.tokenizer.sep_token_id])

    def _inside(self, ids: Int[Tensor, " n"]) -> Bool[Tensor, " n"]:
        """Tell which tokens are the phrase's own."""
        return torch.tensor([int(one) not in self.around for one in ids])


def corners(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Turn centre, width and height into x0, y0, x1, y1 within the frame, all as fractions of its sides."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], -1).clamp(0, 1)
