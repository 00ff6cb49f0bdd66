import copy
from pathlib import Path

import pytest
import torch
from support.checkpoints import SD_VAE, sd_vae

from veggie_pl.batch import ClipNames
from veggie_pl.models import KlCodec, PixelCodec
from veggie_pl.models.codec import Codec


@pytest.fixture
def kl(tmp_path: Path) -> KlCodec:
    sd_vae().save_pretrained(tmp_path / "vae")
    return KlCodec(str(tmp_path / "vae")).eval()


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_pixels_survive_exactly() -> None:
    codec, clips = PixelCodec(4), torch.rand(2, 3, 3, 16, 24) * 2 - 1
    latents = codec.encode_source(clips)
    assert latents.shape == (2, 3, 48, 4, 6)
    assert torch.equal(codec.decode(latents), clips)
    assert torch.equal(codec.encode_target(clips, generators(0, 1)), latents)
    assert torch.equal(codec.encode_mode(clips), latents)
    assert (codec.decode(latents * 9).abs() <= 1).all()


def test_kl_source_is_the_mode_and_target_a_scaled_sample(kl: KlCodec) -> None:
    clips = torch.rand(2, 3, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        posterior = kl.vae.encode(clips.flatten(0, 1)).latent_dist
        assert torch.allclose(kl.encode_source(clips).flatten(0, 1), posterior.mode())
        assert torch.allclose(kl.encode_mode(clips).flatten(0, 1), posterior.mode() * kl.vae.config.scaling_factor)
        target = kl.encode_target(clips, generators(3, 4)) / kl.vae.config.scaling_factor
        noise = torch.stack([torch.randn(3, 4, 8, 8, generator=g) for g in generators(3, 4)]).flatten(0, 1)
        assert torch.allclose(target.flatten(0, 1), posterior.mean + posterior.std * noise, atol=1e-5)
        decoded = kl.vae.decode(posterior.mean).sample.clamp(-1, 1)
        scaled = posterior.mean.unflatten(0, (2, 3)) * kl.vae.config.scaling_factor
        assert torch.allclose(kl.decode(scaled).flatten(0, 1), decoded, atol=1e-4)


def test_kl_sample_depends_on_its_own_generator_only(kl: KlCodec) -> None:
    clips = torch.rand(2, 1, 3, 16, 16)
    with torch.no_grad():
        both = kl.encode_target(clips, generators(3, 4))
        alone = kl.encode_target(clips[1:], generators(4))
    assert torch.allclose(both[1], alone[0], atol=1e-5)


def test_source_and_target_are_encoded_as_one_by_one(kl: KlCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = torch.rand(2, 2, 3, 3, 16, 16) * 2 - 1
    calls: list[int] = []
    hook = kl.vae.encoder.register_forward_pre_hook(lambda _, given: calls.append(len(given[0])))
    with torch.no_grad():
        alone = kl.encode_source(source), kl.encode_target(target, generators(3, 4))
        both = kl.encode_both(source, target, generators(3, 4))
        clips = torch.cat([source, target])
        whole = kl._encode(clips)  # as on a GPU
        monkeypatch.setattr("veggie_pl.models.codec.MOST_PIXELS", 5 * 16 * 16)
        cut = kl._encode(clips)
    hook.remove()
    assert calls == [6, 6, 3, 3, 3, 3, 12, 5, 5, 2]
    assert all(torch.allclose(*pair, atol=1e-5) for pair in zip(both, alone, strict=True))
    assert all(torch.allclose(*pair, atol=1e-5) for pair in zip(whole, cut, strict=True))
    assert torch.allclose(whole[0][:2], both[0], atol=1e-5)


def test_latents_on_a_cpu_do_not_depend_on_the_batch(kl: KlCodec) -> None:
    source, target = torch.rand(2, 9, 1, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        whole = kl.encode_both(source, target, generators(*range(9)))
        for rows in ([0], [2, 3], [4, 5, 6, 7]):
            few = kl.encode_both(source[rows], target[rows], generators(*rows))
            assert all(torch.equal(one, all_of[rows]) for one, all_of in zip(few, whole, strict=True))


def test_kl_weights_of_sixteen_bits_compute_in_sixteen_bits(kl: KlCodec) -> None:
    half = copy.deepcopy(kl)
    half.vae.to(torch.bfloat16)
    clips = torch.rand(1, 2, 3, 16, 16) * 2 - 1
    kinds: set[torch.dtype] = set()
    half.vae.encoder.conv_norm_out.register_forward_hook(lambda *args: kinds.add(args[2].dtype))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = half.encode_source(clips)
    assert kinds == {torch.bfloat16}
    assert found.dtype == torch.float32
    with torch.no_grad():
        expected = kl.encode_source(clips)
    assert (found - expected).norm() < 0.1 * expected.norm()


def test_kl_folder_round_trip(kl: KlCodec, tmp_path: Path) -> None:
    kl.save_pretrained(str(tmp_path / "again"))
    again = KlCodec.from_pretrained(str(tmp_path / "again"))
    assert all(torch.equal(a, b) for a, b in zip(kl.parameters(), again.parameters(), strict=True))


FLOW_VAE = {**SD_VAE, "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False}
SCALES = {"scaling_factor": 1.5, "shift_factor": 0.5}  # of 16-channel codecs; SD3's are 1.5305 and 0.0609


def test_source_and_target_of_sd3_and_flux_share_one_scale() -> None:
    torch.manual_seed(0)
    codec = KlCodec(None, {**FLOW_VAE, **SCALES}).eval()
    clips = torch.rand(2, 3, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        mean, std = codec._posterior(clips)
        source, target = codec.encode_both(clips, clips, generators(3, 4))
        assert source.shape == (2, 3, 16, 8, 8)
        assert torch.equal(source, (mean - 0.5) * 1.5)
        torch.testing.assert_close(codec.encode_source(clips), source)
        noise = torch.stack([torch.randn(3, 16, 8, 8, generator=g) for g in generators(3, 4)])
        torch.testing.assert_close(target, source + 1.5 * std * noise)
        decoded = codec.vae.decode(mean.flatten(0, 1)).sample.clamp(-1, 1)
        torch.testing.assert_close(codec.decode(source).flatten(0, 1), decoded, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shift", [None, 0.5])
def test_scale_of_the_source_can_be_told_and_is_kept(shift: float | None, tmp_path: Path) -> None:
    config = {**SD_VAE, **SCALES, "shift_factor": shift}
    by_kind, other = KlCodec(None, config), KlCodec(None, config, scale_source=shift is None)
    other.vae.load_state_dict(by_kind.vae.state_dict())
    clips = torch.rand(1, 1, 3, 16, 16)
    with torch.no_grad():
        scaled, plain = (one.encode_source(clips) for one in ((other, by_kind) if shift is None else (by_kind, other)))
        torch.testing.assert_close(scaled, (plain - (shift or 0)) * 1.5)
        for name, codec in (("by_kind", by_kind), ("other", other)):
            codec.save_pretrained(str(tmp_path / name))
            again = KlCodec(str(tmp_path / name), **codec.options)
            assert torch.equal(again.encode_source(clips), codec.encode_source(clips))
    assert [bool(codec.options) for codec in (by_kind, other)] == [False, True]


@pytest.mark.parametrize("codec", ["pixel", "kl"])
def test_codecs_have_one_interface(codec: str, kl: KlCodec) -> None:
    made = PixelCodec(4) if codec == "pixel" else kl
    assert isinstance(made, Codec)
    clips = torch.rand(1, 2, 3, 16, 16)
    with torch.no_grad():
        latents = made.encode_source(clips)
        assert latents.shape == (1, 2, made.channels, 16 // made.factor, 16 // made.factor)
        assert made.decode(latents).shape == clips.shape


def test_kl_hands_out_float32_under_autocast(kl: KlCodec) -> None:
    clips = torch.rand(1, 2, 3, 16, 16) * 2 - 1
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        source, target = kl.encode_source(clips), kl.encode_target(clips, generators(0))
        pixels = kl.decode(target)
    assert source.dtype == target.dtype == pixels.dtype == torch.float32


def test_cache_gives_what_the_encoder_gives_and_does_not_ask_it_twice(kl: KlCodec, tmp_path: Path) -> None:
    source, target = torch.rand(2, 3, 2, 3, 16, 16) * 2 - 1
    names = [ClipNames(f"s{row}", f"t{row}") for row in range(3)]
    cached = KlCodec(str(tmp_path / "vae"), cache=str(tmp_path / "cache")).eval()
    asked: list[int] = []
    cached.vae.encoder.register_forward_hook(lambda module, inputs, output: asked.append(len(inputs[0])))
    with torch.no_grad():
        for rows in ([0, 1], [1, 2], [0, 2]):  # one example comes again beside a new one
            clips, called = (source[rows], target[rows]), [names[row] for row in rows]
            ours = cached.encode_both(*clips, generators(*rows), called)
            theirs = kl.encode_both(*clips, generators(*rows))
            assert all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True))
    assert asked == [2] * 6  # clip by clip
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 6
    with torch.no_grad():
        cached.encode_both(source, target, generators(0, 1, 2))  # without names all is encoded
    assert asked[6:] == [2] * 6


@pytest.mark.parametrize("number", [1, 2, 3])
def test_pictures_are_encoded_two_by_two_and_as_without_a_cache(kl: KlCodec, number: int, tmp_path: Path) -> None:
    """One frame alone has a kernel of its own, which rounds otherwise."""
    source, target = torch.rand(2, number, 1, 3, 16, 16) * 2 - 1
    names = [ClipNames("one", f"t{row}") for row in range(number)]  # all have one source
    source[:] = source[:1]
    cached = KlCodec(str(tmp_path / "vae"), cache=str(tmp_path / "cache")).eval()
    asked: list[int] = []
    cached.vae.encoder.register_forward_hook(lambda module, inputs, output: asked.append(len(inputs[0])))
    with torch.no_grad():
        found = cached.encode_both(source, target, generators(*range(number)), names)
        expected = kl.encode_both(source, target, generators(*range(number)))
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    assert asked == [2] * (1 + number // 2)
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 1 + number
