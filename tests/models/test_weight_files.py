"""Weights on disk as people have them: loaded whole, or one error with counts and names."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import MotionAdapter
from safetensors.torch import load_file, save_file
from support.checkpoints import SD_UNET, SD_VAE, sd_unet, sd_vae, write_original
from support.families import FAMILIES
from support.parts import NANO_MLLM
from torch import Tensor

from veggie_pl.models import KlCodec, Mllm, VidDM
from veggie_pl.models.weight_files import check_finite, find_weights, unwrapped

WRAPPERS = ["module.", "_orig_mod.", "base_model.model.", "module._orig_mod.", "_orig_mod.module.base_model.model."]
MLLM, PART = "model.safetensors", "diffusion_pytorch_model.safetensors"
SHARDS = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for family, make in FAMILIES.items():
        torch.manual_seed(0)
        made[family] = Path(make(tmp_path_factory.mktemp(family)))
    return made


def rewritten(folder: Path, to: Path, files: dict[str, dict[str, Tensor]], name: str = MLLM) -> str:
    """A copy of a folder with other files of weights."""
    shutil.copytree(folder, to)
    (to / name).unlink()
    for file, state in files.items():
        save_file(state, to / file, metadata={"format": "pt"})
    return str(to)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("family", FAMILIES)
def test_mllm_of_every_family_is_whole_or_an_error(family: str, folders: dict[str, Path], tmp_path: Path) -> None:
    folder = folders[family]
    state, whole = load_file(folder / MLLM), Mllm(str(folder)).state_dict()
    first, *_, last = sorted(key for key in state if "layers" in key or "blocks" in key)

    wrapped = {f"module._orig_mod.{key}": value for key, value in state.items()}
    assert same(Mllm(rewritten(folder, tmp_path / "wrapped", {MLLM: wrapped})).state_dict(), whole)
    wrapped.pop(f"module._orig_mod.{last}")
    with pytest.raises(ValueError, match=r"does not hold what its config\.json says: 1 missing keys, such as "):
        Mllm(rewritten(folder, tmp_path / "wrapped, one is missing", {MLLM: wrapped}))

    lacks = {key: value for key, value in state.items() if key not in (first, last)}
    with pytest.raises(ValueError, match=r"2 missing keys, such as [^;]*, [^;]*$"):
        Mllm(rewritten(folder, tmp_path / "lacks", {MLLM: lacks}))
    with pytest.raises(ValueError, match=r"1 unexpected keys, such as .*gone$"):
        Mllm(rewritten(folder, tmp_path / "extra", {MLLM: {**state, "gone": torch.zeros(1)}}))
    narrow = {**state, last: state[last][:-1].contiguous()}
    with pytest.raises(ValueError, match=r"1 of another shape: .* is \[.*\], the config wants \[.*\]$"):
        Mllm(rewritten(folder, tmp_path / "narrow", {MLLM: narrow}))


@pytest.mark.parametrize("prefix", WRAPPERS)
def test_what_wrappers_put_before_names_is_taken_off(prefix: str, tmp_path: Path) -> None:
    state = load_file(NANO_MLLM / MLLM)
    folder = rewritten(NANO_MLLM, tmp_path / "m", {MLLM: {prefix + key: value for key, value in state.items()}})
    mllm, whole = Mllm(folder), Mllm(str(NANO_MLLM))
    assert same(mllm.state_dict(), whole.state_dict())
    mllm.save_pretrained(str(tmp_path / "again"))  # and stays off
    assert load_file(tmp_path / "again" / MLLM).keys() == state.keys()


def test_a_wrapper_inside_names_is_taken_off(tmp_path: Path) -> None:
    state = load_file(NANO_MLLM / MLLM)
    inside = {key.replace("language_model.", "language_model._orig_mod.", 1): value for key, value in state.items()}
    assert inside.keys() != state.keys()
    folder = rewritten(NANO_MLLM, tmp_path / "m", {MLLM: inside})
    assert same(Mllm(folder).state_dict(), Mllm(str(NANO_MLLM)).state_dict())


def test_names_that_would_collide_keep_their_wrappers() -> None:
    assert unwrapped(["module.a", "a"]) is None
    assert unwrapped(["a", "b"]) is None
    assert unwrapped(["module.a", "b"]) == {"module.a": "a", "b": "b"}
    assert unwrapped(["down.motion_modules.0.a", "module_list.a"]) is None  # parts of other names


def test_tied_weights_may_be_absent(tmp_path: Path) -> None:
    state = load_file(NANO_MLLM / MLLM)
    assert not any("lm_head" in key for key in state)
    assert json.loads((NANO_MLLM / "config.json").read_text())["tie_word_embeddings"]
    Mllm(str(NANO_MLLM))
    table = next(key for key in state if "embed_tokens" in key)
    without = {key: value for key, value in state.items() if key != table}
    with pytest.raises(ValueError, match=r"missing keys, such as .*(embed_tokens|lm_head)"):
        Mllm(rewritten(NANO_MLLM, tmp_path / "m", {MLLM: without}))


def shards() -> dict[str, dict[str, Tensor]]:
    state = load_file(NANO_MLLM / MLLM)
    names = sorted(state)
    return {file: {key: state[key] for key in names[place::2]} for place, file in enumerate(SHARDS)}


def write_index(folder: Path, files: dict[str, dict[str, Tensor]], name: str = f"{MLLM}.index.json") -> None:
    places = {key: file for file, state in files.items() for key in state}
    (folder / name).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))


def test_shards_are_all_there_or_it_is_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files, whole = shards(), Mllm(str(NANO_MLLM)).state_dict()
    folder = Path(rewritten(NANO_MLLM, tmp_path / "m", files))
    with pytest.raises(ValueError, match=r"2 shards, such as model-00001.*, but no model\.safetensors\.index\.json"):
        Mllm(str(folder))
    write_index(folder, files)
    assert same(Mllm(str(folder)).state_dict(), whole)
    (folder / SHARDS[1]).rename(tmp_path / "kept")
    with pytest.raises(ValueError, match=r"lacks 1 of the 2 files of .*index\.json, such as model-00002-of-00002"):
        Mllm(str(folder))
    shutil.copy(folder / SHARDS[0], folder / SHARDS[1])
    with pytest.raises(ValueError, match="weights that another file holds, too, such as"):
        Mllm(str(folder))
    (folder / SHARDS[1]).write_bytes((tmp_path / "kept").read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model-00002.* is no whole safetensors file \([\d,]+ bytes\)"):
        Mllm(str(folder))
    (folder / f"{MLLM}.index.json").write_text("{")
    with pytest.raises(ValueError, match="is no index of weights"):
        Mllm(str(folder))


def test_a_variant_is_read_where_there_is_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "veggie_pl")
    half = {key: value.half() for key, value in load_file(NANO_MLLM / MLLM).items()}
    whole = {key: value.half().float() for key, value in Mllm(str(NANO_MLLM)).state_dict().items()}
    folder = Path(rewritten(NANO_MLLM, tmp_path / "m", {"model.fp16.safetensors": half}))
    assert same(Mllm(str(folder)).state_dict(), whole)
    assert "read from the fp16 variant" in caplog.text

    names = sorted(half)
    files = {f"model.fp16-0000{n + 1}-of-00002.safetensors": {key: half[key] for key in names[n::2]} for n in range(2)}
    split = Path(rewritten(NANO_MLLM, tmp_path / "split", files))
    write_index(split, files, "model.safetensors.index.fp16.json")
    assert same(Mllm(str(split)).state_dict(), whole)

    save_file(half, folder / "model.bf16.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"bf16 and fp16 weights, but no model\.safetensors: keep one"):
        Mllm(str(folder))


def test_no_weights_at_all_says_what_is_there(tmp_path: Path) -> None:
    folder = Path(rewritten(NANO_MLLM, tmp_path / "m", {}))
    with pytest.raises(ValueError, match=r"has no model\.safetensors, no .*index\.json and no variant"):
        Mllm(str(folder))
    (folder / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"has no model\.safetensors, but pytorch_model\.bin; pickles are not read"):
        Mllm(str(folder))


def test_values_have_to_be_numbers(tmp_path: Path) -> None:
    state = load_file(NANO_MLLM / MLLM)
    name = sorted(state)[3]
    state[name] = state[name].clone()
    state[name].view(-1)[0] = torch.nan
    with pytest.raises(ValueError, match="holds 1 weights with NaN or infinite values, such as "):
        Mllm(rewritten(NANO_MLLM, tmp_path / "m", {MLLM: state}))
    check_finite({"whole": torch.zeros(2), "number": torch.tensor(3)}, "here")
    with pytest.raises(ValueError, match=r"here holds 1 .* such as broken"):
        check_finite({"whole": torch.zeros(2), "broken": torch.tensor([0, torch.inf])}, "here")


def test_adapters_beside_weights_are_no_silent_part_of_them(tmp_path: Path) -> None:
    folder = shutil.copytree(NANO_MLLM, tmp_path / "m")
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "another/model"}')
    with pytest.raises(ValueError, match=r"holds adapters beside its weights .*name that one as `adapters`"):
        Mllm(str(folder))


def adapter() -> MotionAdapter:
    torch.manual_seed(2)
    return MotionAdapter(motion_num_attention_heads=2, motion_norm_num_groups=4, block_out_channels=(16, 32))


def write_part(kind: str, folder: Path) -> tuple[Path, dict[str, Tensor]]:
    """A folder of diffusers, and the file of its weights."""
    model = {"unet": sd_unet, "vae": sd_vae, "adapter": adapter}[kind]()
    model.save_pretrained(folder)
    return folder / PART, load_file(folder / PART)


def read_part_of(kind: str, folder: Path) -> dict[str, Tensor]:
    match kind:
        case "unet":
            state: dict[str, Tensor] = VidDM(SD_UNET, weights=str(folder)).unet.state_dict()
            return state
        case "vae":
            return dict(KlCodec(str(folder), SD_VAE).vae.state_dict())
    motion = VidDM(SD_UNET, video=True, motion_adapter=str(folder)).unet.state_dict()
    return {key: value for key, value in motion.items() if "motion_modules" in key}


@pytest.mark.parametrize("kind", ["unet", "vae", "adapter"])
def test_parts_of_diffusers_are_whole_or_an_error(kind: str, tmp_path: Path) -> None:
    path, state = write_part(kind, tmp_path / kind)
    whole, name = read_part_of(kind, path.parent), next(key for key in sorted(state) if state[key].ndim > 1)

    def write(changed: dict[str, Tensor]) -> None:
        save_file(changed, path, metadata={"format": "pt"})

    for prefix in WRAPPERS:
        write({prefix + key: value for key, value in state.items()})
        assert same(read_part_of(kind, path.parent), whole), prefix
    wrong = {
        "1 missing keys, such as ": {key: value for key, value in state.items() if key != name},
        "1 unexpected keys, such as gone": {**state, "gone": torch.zeros(1)},
        "1 of another shape: ": {**state, name: state[name][:-1].contiguous()},
        "NaN or infinite values, such as ": {**state, name: torch.full_like(state[name], torch.nan)},
    }
    for message, changed in wrong.items():
        write(changed)
        with pytest.raises(ValueError, match=message) as raised:
            read_part_of(kind, path.parent)
        assert "\n" not in str(raised.value)
    write({key: value.half() for key, value in state.items()})
    path.rename(path.with_name("diffusion_pytorch_model.fp16.safetensors"))
    half = read_part_of(kind, path.parent)
    assert all(torch.equal(half[key], value.half().float()) for key, value in whole.items())


def test_one_file_with_more_than_the_unet_it_says_is_an_error(tmp_path: Path) -> None:
    path = write_original(tmp_path / "o.safetensors", sd_unet(), sd_vae())
    state = load_file(path)
    save_file({f"module.{key}": value for key, value in state.items()}, path)
    assert same(read_part_of("unet", path), dict(sd_unet().state_dict()))
    save_file({**state, "model.diffusion_model.gone.weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"of \d+ weights under model\.diffusion_model\. diffusers knows \d+"):
        read_part_of("unet", path)


def test_the_plain_file_counts_over_its_variants(tmp_path: Path) -> None:
    for name in ("model.fp16.safetensors", "model.safetensors"):
        (tmp_path / name).write_bytes(b"")
    assert find_weights(tmp_path, "model").files == [tmp_path / "model.safetensors"]
    with pytest.raises(ValueError, match=re.escape("model.safetensors is no whole safetensors file (0 bytes)")):
        find_weights(tmp_path, "model").slices()


def test_hidden_files_are_no_weights(tmp_path: Path) -> None:
    for name in ("._model-00001-of-00002.safetensors", "._pytorch_model.bin", "._model.safetensors", ".DS_Store"):
        (tmp_path / name).write_bytes(b"of a file system")
    with pytest.raises(ValueError, match=r"has no model.safetensors, no .* and no variant such as"):
        find_weights(tmp_path, "model")
