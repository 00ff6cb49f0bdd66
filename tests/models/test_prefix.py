"""A prefix on its own: what it saves is counted, what it costs decides, and keys and values are not copied."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from support.families import FAMILIES
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoConfig, AutoModelForImageTextToText
from transformers.initialization import no_init_weights

from veggie_pl.models import Mllm
from veggie_pl.models.prefix import OPERATIONS, Decoder, prefix_cache
from veggie_pl.planning.meter import Meter

LLAVA = Path(__file__).resolve().parent.parent.parent / "conf/backbone/models/llava-onevision-qwen2-7b-ov-hf"
# Samples, frames, seconds of a step straightforward and with frozen prefix: H100, three days (docs/BENCHMARKS.md).
MEASURED = [
    (4, 1, 0.308, 0.369),
    (1, 8, 0.420, 0.380),
    (4, 1, 0.281, 0.297),
    (1, 8, 0.418, 0.404),
    (2, 8, 0.757, 0.663),
    (4, 1, 0.259, 0.336),
    (2, 8, 0.750, 0.657),
]
SEEN, TEXT, ASKED = 196, 41, 32  # tokens of a frame, of all that is written and the newline, queries of a frame


@pytest.fixture(scope="module")
def llava() -> Decoder:
    with torch.device("meta"), no_init_weights():
        return Decoder.of(AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(LLAVA)))


@pytest.fixture
def mllm(tmp_path: Path) -> Mllm:
    torch.manual_seed(0)
    return Mllm(FAMILIES["llava_onevision"](tmp_path)).requires_grad_(False).eval()


def ask(mllm: Mllm, texts: list[str]) -> tuple[Tensor, Tensor]:
    queries = torch.randn(2, 3, 4, mllm.width, generator=torch.Generator().manual_seed(1)).requires_grad_()
    source = torch.linspace(-1, 1, 2 * 3 * 3 * 32 * 32).view(2, 3, 3, 32, 32)
    hidden = mllm(source, texts, queries, torch.arange(3).expand(2, -1))
    weight = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(2))
    (grad,) = torch.autograd.grad((weight * hidden).sum(), queries)
    return hidden.detach(), grad


@pytest.mark.parametrize(("batch", "frames", "straightforward", "frozen_prefix"), MEASURED)
def test_what_was_measured_faster_is_chosen(
    llava: Decoder, batch: int, frames: int, straightforward: float, frozen_prefix: float
) -> None:
    pays = llava.prefix_pays(batch, SEEN * frames + TEXT, ASKED * frames, "cuda")
    assert pays == (frozen_prefix < straightforward)
    assert llava.prefix_pays(batch, SEEN * frames + TEXT, ASKED * frames, "cpu")


def test_more_samples_make_it_pay(llava: Decoder) -> None:
    assert (llava.layers, llava.heads, llava.head_width) == (28, 28, 128)
    found = [llava.prefix_pays(batch, SEEN + TEXT, ASKED, "cuda") for batch in (1, 2, 4, 8, 16, 32)]
    assert found == [False, False, False, True, True, True]


@pytest.mark.parametrize("family", ["llava_onevision", "llava"])
def test_what_it_saves_is_what_the_meter_counts(family: str, tmp_path: Path) -> None:
    mllm = Mllm(FAMILIES[family](tmp_path)).requires_grad_(False).eval()
    counted = []
    for way in (False, True):
        mllm.frozen_prefix = way
        with Meter(mllm, lambda name: "all") as meter:
            ask(mllm, ["remove it"] * 2)
        counted.append(meter.costs["all"].flops)
    tokens = (mllm.tokens_per_frame, mllm.extra_tokens, None)
    length = mllm.prompt.layout(["remove it"] * 2, torch.arange(3).expand(2, -1), 4, *tokens).ids.shape[1]
    assert counted[0] - counted[1] == mllm.decoder_costs.saved(2, length - 12, 12) > 0


class Operations(TorchDispatchMode):
    """Counts operations that a GPU would launch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not func.is_view:
            self.found[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def test_what_it_costs_is_one_more_pass_and_no_more(mllm: Mllm) -> None:
    found: list[Counter[str]] = []
    for way in (False, True):
        mllm.frozen_prefix = way
        with torch.no_grad(), Operations() as none:  # without gradient it is read whole
            mllm(torch.zeros(2, 3, 3, 32, 32), ["remove it"] * 2, torch.zeros(2, 3, 4, 32), torch.zeros(2, 3).long())
        queries = torch.zeros(2, 3, 4, 32, requires_grad=True)
        with Operations() as one:
            mllm(torch.zeros(2, 3, 3, 32, 32), ["remove it"] * 2, queries, torch.zeros(2, 3).long())
        found += [none.found, one.found]
    whole, prefix = found[1], found[3]
    layers = mllm.decoder_costs.layers
    assert found[0] == found[2]
    assert abs((prefix.total() - whole.total()) / layers - OPERATIONS) < 0.1 * OPERATIONS
    assert prefix["tril"] == 1  # one mask, of the queries; the prefix needs none
    assert "lift_fresh" not in prefix  # nothing is made on the host
    # Keys and values are joined in the one pass that needs both, and both halves of rotary positions in two.
    assert prefix["cat"] - whole["cat"] == layers * (2 + 2) + 1


def test_keys_and_values_are_kept_as_they_are_and_joined_once() -> None:
    cache = prefix_cache()
    keys, values, more = torch.randn(2, 1, 2, 5, 4), torch.randn(2, 1, 2, 5, 4), torch.randn(1, 2, 3, 4)
    for place in (0, 1):
        kept = cache.update(keys[place], values[place], place)
        assert kept[0].data_ptr() == keys[place].data_ptr()
        joined = cache.update(more, more, place)
        assert torch.equal(joined[0], torch.cat([keys[place], more], -2))
        assert torch.equal(joined[1], torch.cat([values[place], more], -2))
        assert cache.get_seq_length(place) == 5
        assert cache.get_mask_sizes(3, place) == (8, 0)


@pytest.mark.parametrize("texts", [["remove it"] * 2, ["remove it", "highlight the large blue star"]])
def test_auto_takes_the_way_that_pays_with_equal_gradients(
    mllm: Mllm, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mllm.frozen_prefix == "auto"
    passes: list[bool] = []
    mllm.model.base_model.register_forward_pre_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    asked: list[Any] = []
    found = []
    for pays in (True, False):
        monkeypatch.setattr(Decoder, "prefix_pays", lambda self, *shape, pays=pays: (asked.append(shape), pays)[1])
        found.append(ask(mllm, texts))
    assert passes == [False, True, True]
    length = len(mllm.prompt.text_ids(max(texts, key=len)))
    before = len(mllm.prompt.before) + 3 * mllm.tokens_per_frame + mllm.extra_tokens + length
    assert asked == [(2, before, 12, "cpu")] * 2
    for one, other in zip(*found, strict=True):
        assert (one - other).norm() < 1e-6 * other.norm()
    mllm.gradient_checkpointing = True  # layers run twice either way
    ask(mllm, texts)
    assert passes[3:] == [False, True]


@pytest.mark.gpu
def test_few_tokens_are_read_whole_on_a_gpu(mllm: Mllm) -> None:
    mllm.cuda()
    passes: list[bool] = []
    mllm.model.base_model.register_forward_pre_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    found = []
    for way in ("auto", True):
        mllm.frozen_prefix = way  # type: ignore[assignment]
        queries = torch.ones(2, 3, 4, mllm.width, device="cuda", requires_grad=True)
        source, places = torch.zeros(2, 3, 3, 32, 32, device="cuda"), torch.arange(3, device="cuda").expand(2, -1)
        hidden = mllm(source, ["remove it"] * 2, queries, places)
        weight = torch.linspace(-1, 1, hidden.numel(), device="cuda").view(hidden.shape)
        found.append(torch.autograd.grad((weight * hidden).sum(), queries)[0])
    assert passes == [True, False, True]
    assert (found[0] - found[1]).norm() < 1e-5 * found[1].norm()
