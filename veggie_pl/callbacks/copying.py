"""Does the model change anything, or copy its source?"""

from collections import defaultdict
from typing import Any

from jaxtyping import Float
from lightning import LightningModule, Trainer
from torch import Tensor

from veggie_pl.batch import Batch
from veggie_pl.callbacks.held_out import HeldOut
from veggie_pl.callbacks.skill_loss import gathered

COPIED = 0.1  # part of the target's change below which an edit is a copy
LEAST = 1e-4  # mean change of a target, of [-1, 1], below which there is nothing to copy


class Copying(HeldOut):
    """Log how much of the change that was asked for validation's edits make.

    ``val/change_made/SKILL`` is the distance of edits from their sources over that of their targets: 0 is a copy, 1 as
    much change as there should be, if not the right one. Distances are mean absolute differences where the answer
    differs from the source, summed over the skill's samples before they are divided. ``val/copied`` is the share of all
    samples that make less than a tenth of their change. Samples without a target say nothing.
    """

    def __init__(self) -> None:
        self._seen: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)

    def begin(self) -> None:
        """Start new sums."""
        self._seen = defaultdict(dict)

    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Measure both distances of each sample."""
        if split != "val" or batch.target is None:
            return
        made, asked = changes(outputs["edited"], batch)
        for skill, index, own, whole in zip(
            batch.skill, batch.index.tolist(), made.tolist(), asked.tolist(), strict=True
        ):
            if whole > LEAST:
                self._seen[str(skill)][index] = own, whole

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the changes of each skill."""
        seen: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)
        for own in gathered(dict(self._seen)):
            for skill, found in own.items():
                seen[skill] |= found
        pairs = {skill: list(found.values()) for skill, found in seen.items()}
        values = {
            f"val/change_made/{skill}": sum(own for own, _ in found) / sum(whole for _, whole in found)
            for skill, found in pairs.items()
        }
        if every := [pair for found in pairs.values() for pair in found]:
            values["val/copied"] = sum(own < COPIED * whole for own, whole in every) / len(every)
            pl_module.log_dict(values, sync_dist=True)


def changes(edited: Float[Tensor, "b f 3 h w"], batch: Batch) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Mean absolute change of edits and of targets inside the mask of each sample; over all where a mask is empty."""
    assert batch.target is not None
    mask = batch.mask | ~batch.mask.flatten(1).any(1)[:, None, None, None]
    inside = mask[:, :, None].to(batch.source.dtype)
    count = 3 * inside.flatten(1).sum(1)

    def change(clips: Tensor) -> Tensor:
        return ((clips.float() - batch.source).abs() * inside).flatten(1).sum(1) / count

    return change(edited), change(batch.target)
