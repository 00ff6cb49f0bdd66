"""A training step as one CUDA graph: its thousands of kernels are replayed at once, without Python between them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from veggie_pl.batch import Batch
from veggie_pl.errors import UseError
from veggie_pl.training.capture import CudaTape, Tape, recorded

log = logging.getLogger(__name__)

Asked = tuple[tuple[Any, ...], dict[str, Any]]


class GraphedLoss:
    """Stands for ``VeggieModule.loss_of`` in training: one graph for each shape of a batch, captured when it comes.

    What the graph reads lies in buffers of its own, into which each batch is copied: frames, latents, noise, its level,
    what is left out, and the prompt as token ids. All chance is drawn before, outside of the graph, so that it stays a
    function of (seed, example). Texts are filled up to a multiple of ``text_multiple`` tokens, or nearly every batch
    would have a shape of its own. Gradients of parameters lie in buffers of the graph, too, until its next replay.

    Args:
        module: A ``VeggieModule`` on its device, frozen as it will be trained.
        text_multiple: Tokens.
        most: Graphs; batches of further shapes go without.
        tape: Makes what records one of them.
    """

    def __init__(
        self,
        module: Any,
        text_multiple: int = 16,
        most: int = 8,
        tape: Callable[[], Tape] = CudaTape,
    ) -> None:
        self.module, self.text_multiple, self.most, self.tape = module, text_multiple, most, tape
        self.eager: Callable[..., Tensor] = type(module).loss_of
        self.prompt: Any = module.mllm.prompt
        self.asked: dict[tuple[int, ...], Asked] = {}  # shape of clips -> how the MLLM asks, beside texts and places
        self.replays: dict[tuple[Any, ...], Callable[..., Tensor]] = {}
        self.step = _Step(module)
        named = [(name, p) for name, p in self.step.named_parameters() if p.requires_grad]
        self.names, self.learning = [name for name, _ in named], [p for _, p in named]
        self.held: list[Any] = []  # what graphs read beside their buffers: it must not be freed
        self.is_full = False

    def __call__(self, batch: Batch, drawn: Any) -> Tensor:
        """Replay, or capture first; where no gradient is wanted, or there are graphs enough, compute as ever."""
        if not torch.is_grad_enabled():
            return self.eager(self.module, batch, drawn)
        layout = self._layout(batch, drawn)
        given = _tensors(batch, drawn, layout)
        kept = {name: value for name, value in vars(layout).items() if not isinstance(value, Tensor)}
        mixed = torch.is_autocast_enabled(self.module.device.type)
        kind = (*((tuple(one.shape), one.dtype) for one in given), *kept.items(), mixed)
        if kind not in self.replays:
            if len(self.replays) == self.most:
                if not self.is_full:
                    log.info("%d CUDA graphs are there; batches of further shapes go without", self.most)
                self.is_full = True
                return self.eager(self.module, batch, drawn)
            self.replays[kind] = self._captured(batch, drawn, layout, given)
        return self.replays[kind](*given, *self.learning)

    def _captured(self, batch: Batch, drawn: Any, layout: Any, given: Sequence[Tensor]) -> Callable[..., Tensor]:
        masks: list[Any] = []
        with self._asked_through(_Fixed(layout)), self._placeholders(masks, known=False):
            self.eager(self.module, batch, drawn)
        self.held.append(masks)

        def compute(tensors: Sequence[Tensor], learning: Sequence[Tensor]) -> Tensor:
            inputs = iter(tensors)
            own = replace(batch, source=next(inputs), target=None)
            again = replace(
                drawn,
                frame_index=next(inputs),
                source=next(inputs),
                target=next(inputs),
                draws=replace(drawn.draws, **{name: next(inputs) for name in _drawn(drawn)}),
            )
            fixed = replace(layout, **{name: next(inputs) for name in _names(layout)})
            named = dict(zip(self.names, learning, strict=True))
            with self._asked_through(_Fixed(fixed)), self._placeholders(masks, known=True):
                loss: Tensor = torch.func.functional_call(self.step, named, (own, again))
            return loss

        kind = self.module.device.type
        mixed, dtype = torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)
        try:
            # A cache of casts would be filled before the capture and freed after it.
            with torch.autocast(kind, dtype, enabled=mixed, cache_enabled=False):
                return recorded(compute, given, self.learning, self.tape())
        except RuntimeError as error:
            said = str(error).strip().partition("\n")[0]
            raise UseError(f"this step cannot be one CUDA graph ({said}): train without CudaGraphs") from error

    def _layout(self, batch: Batch, drawn: Any) -> Any:
        """Lay out the prompts as the MLLM does in its forward pass, and fill them up."""
        shape = tuple(batch.source.shape)
        if shape not in self.asked:
            noting = _Noting(self.prompt)
            with self._asked_through(noting), torch.no_grad():
                self.eager(self.module, batch, drawn)
            self.asked[shape] = noting.asked
        rest, options = self.asked[shape]
        before = self.prompt.text_multiple
        self.prompt.text_multiple = self.text_multiple
        try:
            return self.prompt.layout(batch.instruction, drawn.frame_index, *rest, **options)
        finally:
            self.prompt.text_multiple = before

    @contextmanager
    def _asked_through(self, prompt: Any) -> Iterator[None]:
        """Let the MLLM ask another prompt, and read a prefix on its own: here, nothing is launched twice."""
        mllm = self.module.mllm
        before, mllm.prompt, mllm.frozen_prefix = mllm.frozen_prefix, prompt, bool(mllm.frozen_prefix)
        try:
            yield
        finally:
            mllm.prompt, mllm.frozen_prefix = self.prompt, before

    @contextmanager
    def _placeholders(self, masks: list[Any], known: bool) -> Iterator[None]:
        """Note where a model finds the placeholders of its frames, or tell it: in prompts of one shape always there.

        transformers words a message with their number at every call, and waits for the device to have it counted.
        """
        base = self.module.mllm.model.base_model
        own = getattr(base, "get_placeholder_mask", None)
        left = iter(masks)

        def find(*args: Any, **options: Any) -> Any:
            if known:
                return next(left)
            assert own is not None
            masks.append(own(*args, **options))
            return masks[-1]

        if own is not None:
            base.get_placeholder_mask = find
        try:
            yield
        finally:
            vars(base).pop("get_placeholder_mask", None)


class _Step(nn.Module):
    """The loss as a forward pass, so that other tensors can stand for the parameters."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, batch: Batch, drawn: Any) -> Tensor:
        """Compute it."""
        loss: Tensor = type(self.module).loss_of(self.module, batch, drawn)
        return loss


class _Noting:
    """A prompt that notes how it is asked."""

    def __init__(self, prompt: Any) -> None:
        self.prompt = prompt
        self.asked: Asked = ((), {})

    def layout(self, instructions: list[str], frame_index: Tensor, *rest: Any, **options: Any) -> Any:
        """Lay out."""
        self.asked = rest, options
        return self.prompt.layout(instructions, frame_index, *rest, **options)


class _Fixed:
    """A prompt that gives one layout, whatever it is asked."""

    def __init__(self, layout: Any) -> None:
        self.fixed = layout

    def layout(self, *asked: Any, **options: Any) -> Any:
        """Give it."""
        return self.fixed


def _names(layout: Any) -> list[str]:
    return [name for name, value in vars(layout).items() if isinstance(value, Tensor)]


def _tensors(batch: Batch, drawn: Any, layout: Any) -> list[Tensor]:
    """All that the loss is computed from, in the order in which it is taken apart again."""
    first = [batch.source, drawn.frame_index, drawn.source, drawn.target]
    draws = [getattr(drawn.draws, name) for name in _drawn(drawn)]
    return [*first, *draws, *(getattr(layout, name) for name in _names(layout))]


def _drawn(drawn: Any) -> list[str]:
    return [name for name, value in vars(drawn.draws).items() if value is not None]
