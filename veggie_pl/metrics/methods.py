"""What is scored is a method: a batch in, clips out. Here are those without a model, which bound what one can score."""

from typing import Protocol, runtime_checkable

import lightning as L
from torch import Tensor

from veggie_pl.batch import Batch, Clips
from veggie_pl.errors import UseError
from veggie_pl.models.codec import Codec


@runtime_checkable
class Method(Protocol):
    """What ``test`` scores: ``VeggieModule``, a class of yours (``--model.method``), files that lie on disk."""

    name: str  # how reports call it

    def edit_batch(self, batch: Batch) -> Clips:
        """Edit held-out examples as instructed."""
        ...


class CopySource:
    """Changes nothing: what PSNR outside the edit, and any score that rewards caution, gives for free."""

    name = "copy the source"

    def edit_batch(self, batch: Batch) -> Clips:
        """Return the source."""
        return batch.source


class Oracle:
    """The exact answer, through the codec and, for grounding, through the mask's decoder: no model can score more.

    Args:
        codec: Pixels to latents and back.
    """

    name = "oracle"

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    def edit_batch(self, batch: Batch) -> Clips:
        """Return the target as the codec gives it back.

        Raises:
            UseError: If the benchmark has none.
        """
        if batch.target is None:
            raise UseError(f"the oracle needs targets, but {batch.key[0]} has none")
        return self.codec.decode(self.codec.encode_target(batch.target, []))


class MethodModule(L.LightningModule):
    """Lets a trainer test a method that is no LightningModule."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method, self.name, self.seed = method, method.name, 0

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Edit the batch; callbacks score it."""
        return {"edited": self.method.edit_batch(batch)}
