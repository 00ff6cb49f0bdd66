"""Tensors kept on disk are given back to the network that made them, in the precision it made them in."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.checkpoints import SD_VAE, sd_vae
from support.parts import NANO_MLLM
from torch import Tensor, nn

from veggie_pl.batch import ClipNames
from veggie_pl.models import KlCodec, Mllm
from veggie_pl.models.cache import CacheError, TensorCache, settings_of

PRECISIONS = (None, torch.bfloat16, torch.float16)


def autocast(precision: torch.dtype | None) -> torch.autocast:
    return torch.autocast("cpu", precision or torch.bfloat16, enabled=precision is not None)


def kept(folder: Path) -> int:
    return len(list(folder.rglob("*.safetensors")))


def key(cache: TensorCache, name: str = "a", kind: str = "x", shape: tuple[int, ...] = (2, 3), **how: object) -> str:
    (found,) = cache.keys([name], kind, shape, **{"dtype": torch.float32, "precision": cache.precision("cpu"), **how})
    return found


def test_keys_know_the_precision_of_autocast_of_weights_and_of_products(tmp_path: Path) -> None:
    network = nn.Linear(3, 3)
    keys = {}
    for weights in (torch.float32, torch.bfloat16, torch.float16):
        for precision in PRECISIONS:
            cache = TensorCache(tmp_path, nn.Linear(3, 3).to(weights))
            cache.network.load_state_dict(network.state_dict())
            with autocast(precision):
                keys[weights, precision] = key(cache)
                assert key(cache) == keys[weights, precision]
    assert len(set(keys.values())) == 9
    cache = TensorCache(tmp_path, network)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("highest")
        highest = key(cache)
        torch.set_float32_matmul_precision("medium")
        assert key(cache) != highest
    finally:
        torch.set_float32_matmul_precision(before)


def test_keys_know_name_kind_shape_type_settings_and_weights(tmp_path: Path) -> None:
    network = nn.Linear(3, 3)
    cache = TensorCache(tmp_path, network)
    keys = [key(cache), key(cache, "b"), key(cache, kind="y"), key(cache, shape=(3, 2))]
    keys += [key(cache, dtype=torch.bfloat16), key(TensorCache(tmp_path, network, "other"))]
    keys += [key(TensorCache(tmp_path, nn.Linear(3, 3)))]
    assert len(set(keys)) == 7
    assert key(TensorCache(tmp_path / "elsewhere", network)) == keys[0]
    assert key(cache, "") == ""


def test_keys_see_weights_that_are_cast_after_the_first(tmp_path: Path) -> None:
    cache = TensorCache(tmp_path, nn.Linear(3, 3))
    whole = key(cache)
    cache.network.bfloat16()
    assert key(cache) != whole


def test_autocast_switched_off_is_none(tmp_path: Path) -> None:
    cache = TensorCache(tmp_path, nn.Linear(3, 3))
    with torch.autocast("cpu", torch.bfloat16, enabled=False):
        off = key(cache)
    with torch.autocast("cpu", torch.float16), torch.autocast("cpu", torch.bfloat16, enabled=False):
        inner = key(cache)
    assert off == inner == key(cache)


def test_settings_tell_what_is_computed_and_not_where_it_lay() -> None:
    nested = {"vision_config": {"patch_size": 2, "dtype": "float32"}, "_name_or_path": "a"}
    assert settings_of(nested) == settings_of({**nested, "_name_or_path": "b", "transformers_version": "4"})
    assert settings_of(nested) != settings_of({"vision_config": {"patch_size": 4}})


def test_what_is_made_once_is_found_and_a_clip_that_comes_twice_is_made_once(tmp_path: Path) -> None:
    cache = TensorCache(tmp_path, nn.Linear(3, 3))
    made: list[list[int]] = []

    def make(rows: list[int]) -> list[dict[str, Tensor]]:
        made.append(rows)
        return [{"x": torch.tensor([float(row)])} for row in rows]

    keys = [key(cache, name) for name in ("a", "b", "a", "", "")]
    assert [one["x"].item() for one in cache.each(keys, make)] == [0, 1, 0, 3, 4]
    assert [one["x"].item() for one in cache.each(keys[1:], make)] == [1, 0, 2, 3]
    assert made == [[0, 1, 3, 4], [2, 3]]  # clips without a name are made again
    assert cache.counts == {"made": 6, "found": 2}
    assert kept(tmp_path) == 2
    assert cache.has(keys[0])
    assert not cache.has(key(cache, "c"))


@pytest.mark.parametrize("fault", ["torn", "empty", "foreign"])
def test_damaged_and_foreign_entries_are_counted_and_made_again(
    fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = TensorCache(tmp_path, nn.Linear(3, 3))
    keys = [key(cache, name) for name in "ab"]
    cache.each(keys, lambda rows: [{"x": torch.zeros(9)} for _ in rows])
    one, two = sorted(tmp_path.rglob("*.safetensors"))
    for path, other in ((one, two), (two, one)):
        if fault == "foreign":
            save_file(load_file(path), path, {"key": other.stem})
        else:
            path.write_bytes(b"" if fault == "empty" else path.read_bytes()[:-3])
    found = cache.each(keys, lambda rows: [{"x": torch.ones(9)} for _ in rows])
    assert all(bool((one["x"] == 1).all()) for one in found)
    assert cache.counts["damaged"] == 2
    assert [record.message.count("is damaged") for record in caplog.records] == [1]  # told once
    cache.each(keys, lambda rows: pytest.fail("made a third time"))


def test_a_folder_that_takes_no_more_stops_the_keeping_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = TensorCache(tmp_path / "file", nn.Linear(3, 3))
    for _ in range(2):
        cache.put(key(cache), {"x": torch.zeros(1)})
    assert [record.message.count("takes no more") for record in caplog.records] == [1]
    strict = TensorCache(tmp_path / "file", nn.Linear(3, 3))
    strict.strict = True
    with pytest.raises(CacheError, match=r"file takes no more \(.*\): make room, or name another folder"):
        strict.put(key(strict), {"x": torch.zeros(1)})


@pytest.mark.gpu
def test_what_is_on_a_gpu_is_written_by_the_next_call(tmp_path: Path) -> None:
    cache = TensorCache(tmp_path, nn.Linear(3, 3).to("cuda"))
    cache.prepare()
    torch.cuda.set_sync_debug_mode("error")
    try:
        cache.put(key(cache), {"x": torch.ones(2, device="cuda")})
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert kept(tmp_path) == 0
    (found,) = cache.each([key(cache)], lambda rows: pytest.fail("made again"))
    assert torch.equal(found["x"], torch.ones(2))


@pytest.mark.parametrize("first", PRECISIONS)
def test_latents_are_those_of_their_precision(first: torch.dtype | None, tmp_path: Path) -> None:
    sd_vae().save_pretrained(tmp_path / "vae")
    plain = KlCodec(str(tmp_path / "vae")).eval()
    cached = KlCodec(str(tmp_path / "vae"), cache=str(tmp_path / "cache")).eval()
    source, target = torch.rand(2, 1, 1, 3, 16, 16) * 2 - 1
    for precision in (first, *PRECISIONS, first):
        with torch.no_grad(), autocast(precision):
            found, expected = (
                codec.encode_both(source, target, [torch.Generator()], [ClipNames("s", "t")])
                for codec in (cached, plain)
            )
        assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True)), precision
    assert kept(tmp_path / "cache") == 6


def test_latents_are_of_one_network_and_its_settings(tmp_path: Path) -> None:
    source, target = torch.rand(2, 1, 1, 3, 16, 16)
    other = {**SD_VAE, "norm_num_groups": 2}  # weights of the same shapes
    for seed, config, entries in ((0, SD_VAE, 2), (0, SD_VAE, 2), (0, other, 4), (1, SD_VAE, 6)):
        torch.manual_seed(seed)
        codec = KlCodec(None, config, cache=str(tmp_path)).eval()
        with torch.no_grad():
            codec.encode_both(source, target, [torch.Generator()], [ClipNames("s", "t")])
        assert kept(tmp_path) == entries


@pytest.mark.parametrize("first", PRECISIONS)
def test_features_are_those_of_their_precision(first: torch.dtype | None, tmp_path: Path) -> None:
    options = {"pretrained": False, "num_slots": 8, "attention": "eager"}
    torch.manual_seed(0)
    plain = Mllm(str(NANO_MLLM), **options).requires_grad_(False).eval()
    cached = Mllm(str(NANO_MLLM), cache=str(tmp_path), **options).requires_grad_(False).eval()
    cached.load_state_dict(plain.state_dict())
    source, queries = torch.rand(2, 1, 3, 32, 32) * 2 - 1, torch.randn(2, 1, 2, plain.width)
    names = [ClipNames("a", "x"), ClipNames("b", "y")]
    for precision in (first, *PRECISIONS, first):
        with autocast(precision):
            asked = (source, ["x", "y"], queries, torch.zeros(2, 1, dtype=torch.long))
            found, expected = (mllm(*asked, names=names) for mllm in (cached, plain))
        assert torch.equal(found, expected), precision
    assert kept(tmp_path) == 6
    with torch.no_grad():
        cached(*asked)  # nobody knows what these are
    assert kept(tmp_path) == 6
