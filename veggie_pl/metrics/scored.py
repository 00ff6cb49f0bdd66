"""What is scored: edits beside what was asked, and what more than one measure needs, computed once."""

from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.batch import Batch, Clips, Masks
from veggie_pl.data.benchmark import Values
from veggie_pl.data.streams import VISIBLE_CHANGE
from veggie_pl.experts.detections import Detections
from veggie_pl.experts.flow import dense_flow
from veggie_pl.experts.protocols import Judgement, Question
from veggie_pl.masks.unpaint import unpaint
from veggie_pl.metrics import functional
from veggie_pl.metrics.experts_given import Experts
from veggie_pl.metrics.functional.fidelity import PEAK


class Scored:
    """Edits beside what was asked, and what more than one measure needs.

    Args:
        edited: Outputs in [-1, 1], float32.
        batch: What was asked, on the device of the outputs.
        experts: Who can be asked; None is nobody.
        joins: First frames of the windows that long clips were edited in, but for the first window's.
    """

    def __init__(
        self, edited: Clips, batch: Batch, experts: Experts | None = None, joins: tuple[int, ...] = ()
    ) -> None:
        self.edited, self.batch, self.experts = edited, batch, experts or Experts()
        self.joins = tuple(join for join in joins if 0 < join < edited.shape[1])
        self.notes: list[dict[str, Any]] = [{} for _ in batch.examples]  # what measures have to say of each sample

    def has(self, needs: tuple[str, ...]) -> bool:
        """Tell whether there is all that a measure needs: an exact target, experts by name, joins of windows."""
        there = {"target": self.batch.target is not None, "joins": bool(self.joins)}
        return all(there[need] if need in there else getattr(self.experts, need) is not None for need in needs)

    @property
    def target(self) -> Clips:
        """The exact answer, of those that have one: what needs it is not asked for otherwise."""
        assert self.batch.target is not None
        return self.batch.target

    @cached_property
    def decoded(self) -> Masks:
        """The region that each output points at, decoded from its mask colour."""
        samples = zip(self.edited, self.batch.source, self.batch.fill, strict=True)
        return torch.stack([unpaint(one, source, fill) for one, source, fill in samples])

    @cached_property
    def frame_iou(self) -> Float[Tensor, "b f"]:
        """Intersection over union of the decoded region, frame by frame, in [0, 1]."""
        return functional.region_jaccard(self.decoded, self.batch.mask)

    @cached_property
    def boundary(self) -> Float[Tensor, "b f"]:
        """F of the decoded region's contour, frame by frame, in [0, 1]."""
        return functional.boundary_f(self.decoded, self.batch.mask)

    @cached_property
    def likeness(self) -> Float[Tensor, "b f h w"]:
        """Structural similarity to the target at each pixel, in [-1, 1]."""
        return functional.ssim_map(self.edited, self.target).double()

    @cached_property
    def error(self) -> Float[Tensor, "b f h w"]:
        """Squared error against the target at each pixel, mean over the channels."""
        return functional.squared_error(self.edited, self.target)

    @cached_property
    def psnr_outside(self) -> Values:
        """PSNR to the target over what should stay, in dB."""
        return functional.psnr_of(self.error, ~self.batch.mask)

    @cached_property
    def change(self) -> Bool[Tensor, "b f h w"]:
        """Which pixels differ from the source by more than ``VISIBLE_CHANGE`` of the range, in any channel."""
        return (self.edited - self.batch.source).abs().amax(2) > PEAK * VISIBLE_CHANGE

    @cached_property
    def kept(self) -> Bool[Tensor, "b f h w"]:
        """Which pixels an edit should leave: all but the changed region, see ``functional.region_of_change``."""
        known = self.batch.mask.flatten(1).any(1)
        return torch.stack(
            [
                ~(mask if given else functional.region_of_change(change))
                for mask, change, given in zip(self.batch.mask, self.change, known.tolist(), strict=True)
            ]
        )

    @cached_property
    def kept_likeness(self) -> Values:
        """Structural similarity to the source over what an edit should leave, in [-1, 1].

        The source stands in for the changed region, so that windows at its edge see no change that was asked for.
        """
        left = torch.where(self.kept[:, :, None], self.edited, self.batch.source)
        return functional.mean_over(functional.ssim_map(left, self.batch.source).double(), self.kept)

    @cached_property
    def warp_errors(self) -> tuple[Float[Tensor, "b p"], Float[Tensor, "b p"]]:
        """Error of output and of source against their next frames, brought back by the source's flow, by pair."""
        rows = []
        for edited, source in zip(self.edited, self.batch.source, strict=True):
            flows = [dense_flow(source, backward).to(source) for backward in (False, True)]
            rows.append(functional.warp_errors(torch.stack([edited, source]), *flows))
        both = torch.stack(rows)
        return both[:, 0], both[:, 1]

    @cached_property
    def sharpness(self) -> Values:
        """How sharp each output is, mean over frames, in [0, 1]."""
        return _sharpness(self.edited)

    @cached_property
    def source_sharpness(self) -> Values:
        """How sharp each source is."""
        return _sharpness(self.batch.source)

    @cached_property
    def noise(self) -> Values:
        """Deviation of each output's noise in 8-bit levels, mean over frames."""
        return functional.noise_level(self.edited).mean(-1)

    @cached_property
    def source_noise(self) -> Values:
        """Deviation of each source's noise."""
        return functional.noise_level(self.batch.source).mean(-1)

    @cached_property
    def detections(self) -> list[list[Detections] | None]:
        """What the detector finds of each sample's phrase, by clip and frame; None for a sample without a phrase."""
        detector, batch = self.experts.detector, self.batch
        assert detector is not None
        return [
            detector.detect(clip, phrase) if phrase else None
            for clip, phrase in zip(self.edited, batch.phrase, strict=True)
        ]

    @cached_property
    def image_text_features(self) -> list[Float[Tensor, "f d"]]:
        """Features of each output's frames by the tower that also reads words."""
        assert self.experts.image_text is not None
        return [self.experts.image_text.embed_frames(clip) for clip in self.edited]

    @cached_property
    def frame_features(self) -> list[Float[Tensor, "f d"]]:
        """Features of each output's frames by the tower that sees only."""
        assert self.experts.features is not None
        return [self.experts.features.embed_frames(clip) for clip in self.edited]

    @cached_property
    def judgements(self) -> list[Judgement]:
        """What the judge says of each sample; replies and failures go to the notes."""
        judge, batch = self.experts.judge, self.batch
        assert judge is not None
        found = []
        clips = zip(batch.examples, batch.source, self.edited, self.notes, strict=True)
        for example, source, edited, note in clips:
            if judge.needs_checklist and not example.checklist:
                found.append(Judgement({}))
                continue
            one = judge.judge(
                Question(example.key, example.skill, example.instruction or "", source, edited, example.checklist)
            )
            note["judge"] = {
                "replies": list(one.replies),
                "failures": list(one.failures),
                "settings": dict(one.settings),
            }
            found.append(one)
        return found


def _sharpness(clips: Clips) -> Values:
    return 1 - functional.blur_effect(clips).mean(-1)
