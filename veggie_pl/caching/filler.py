"""Makes what caches lack of examples, just as training would."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from veggie_pl.batch import Batch, ClipNames
from veggie_pl.caching.work import Shape
from veggie_pl.models.cache import TensorCache, caches_of


class Filler:
    """Codec and vision tower of a module, in the precision of its trainer.

    Args:
        module: A ``VeggieModule`` with the weights of the run, frozen as in the run.
        context: What the trainer computes in, such as autocast.
        convert: What the trainer does to a batch.
        device: Where to compute.

    Raises:
        UseError: If a batch has no shape that the codec takes.
    """

    def __init__(
        self,
        module: Any,
        context: Callable[[], AbstractContextManager[Any]],
        convert: Callable[[Batch], Batch],
        device: torch.device,
    ) -> None:
        self.module, self.context, self.convert, self.device = module, context, convert, device
        self.caches = caches_of(module)
        self.dtype = convert(_one_pixel()).source.dtype
        with context():
            self.precisions = {name: cache.precision(device.type) for name, cache in self.caches.items()}
        for cache in self.caches.values():
            cache.strict = True
            cache.prepare()

    def has(self, names: ClipNames, shape: Shape) -> bool:
        """Tell whether all is kept of an example whose clips have this shape; nothing is read."""
        return all(cache.has(key) for cache, key in self._keys(names, shape))

    def counts(self) -> Counter[str]:
        """Entries found, made and damaged so far, of all caches together."""
        found = Counter[str]()
        for cache in self.caches.values():
            found.update(cache.counts)
        return found

    @torch.no_grad()
    def fill(self, batch: Batch) -> None:
        """Keep what is lacking of a batch.

        Raises:
            CacheError: If a folder takes no more.
        """
        batch = self.convert(batch.to(self.device))
        with self.context():
            if "latents" in self.caches:
                assert batch.target is not None
                called = [one.source for one in batch.names] + [one.target for one in batch.names]
                self.module.vae.kept(torch.cat([batch.source, batch.target]), called)
            if "features" in self.caches:
                mllm = self.module.mllm
                mllm.features(mllm.vision_inputs(batch.source), batch.source, batch.names)

    def flush(self) -> None:
        """Write what is on its way from a device."""
        for cache in self.caches.values():
            cache.flush()

    def _keys(self, names: ClipNames, shape: Shape) -> Sequence[tuple[TensorCache, str]]:
        frames, height, width = shape
        clip = (frames, 3, height, width)
        found = []
        if "latents" in self.caches:
            keys = self.module.vae.cache_keys(names, clip, self.dtype, self.precisions["latents"])
            found += [(self.caches["latents"], key) for key in keys]
        if "features" in self.caches:
            (key,) = self.module.mllm.features.keys([names], clip, self.dtype, self.precisions["features"])
            found.append((self.caches["features"], key))
        return found


def _one_pixel() -> Batch:
    clips = torch.zeros(1, 1, 3, 1, 1)
    return Batch(clips, clips, torch.zeros(1, 1, 1, 1, dtype=torch.bool), [], torch.zeros(1, dtype=torch.long))
