"""Task tokens beside the empty prompt: at first the model under it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from support.denoisers import inputs, tiny

from veggie_pl.errors import UseError


def prompt(folder: Path, rows: int = 2) -> tuple[str, torch.Tensor]:
    states = torch.randn(rows, 16, generator=torch.Generator().manual_seed(2))
    save_file({"states": states}, folder / "empty.safetensors")
    return str(folder / "empty.safetensors"), states


@pytest.mark.parametrize("name", ["wan", "vace", "cogvideox"])
@pytest.mark.parametrize("frames", [1, 3])
def test_tokens_beside_the_empty_prompt_are_nothing_at_first_and_then_matter(
    name: str, frames: int, tmp_path: Path
) -> None:
    path, states = prompt(tmp_path)
    model = tiny(name, tokens_join="beside", prompt=path, prompt_rows=8)
    plain = tiny(name, context="shared", tokens_per_frame=8)  # of one latent frame's text
    noisy, source, timestep, tokens = inputs(frames)
    empty = torch.cat([states, torch.zeros(6, 16)]).expand(2, 1, -1, -1)
    with torch.no_grad():
        wanted = plain.run(
            torch.cat([noisy, source], 2) if plain.source == "channels" else noisy, source, timestep, empty
        )
    out = model(noisy, source, timestep, tokens)
    torch.testing.assert_close(out, wanted, rtol=0, atol=0 if frames == 1 and name != "cogvideox" else 1e-6)
    assert torch.equal(out, model(noisy, source, timestep, 3 * tokens))
    out.square().mean().backward()
    with torch.no_grad():
        model.beside.layer.weight -= 10 * model.beside.layer.weight.grad
    assert not torch.allclose(model(noisy, source, timestep, tokens), out)


def test_the_prompt_is_kept_in_the_folder(tmp_path: Path) -> None:
    path, _ = prompt(tmp_path)
    model = tiny("wan", tokens_join="beside", prompt=path, prompt_rows=8)
    model.save_pretrained(tmp_path / "kept")
    again = type(model).from_pretrained(tmp_path / "kept", low_cpu_mem_usage=False)
    assert again.config.prompt is None
    assert torch.equal(again(*inputs()), model(*inputs()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt_rows": 1}, "one tensor of at most 1 x 16"),
        (
            {"prompt": "nowhere.safetensors"},
            r"prompt nowhere.safetensors is no .safetensors file.*`python -m veggie_pl prompt FOLDER -o nowhere",
        ),
        ({"tokens_join": "replace"}, "prompt goes with tokens_join"),
        ({"prompt_rows": 2}, "3 task tokens, but a prompt has 2 states"),
    ],
)
def test_what_does_not_fit_is_one_error(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    path, _ = prompt(tmp_path)
    with pytest.raises(UseError, match=said):
        tiny("wan", **{"tokens_join": "beside", "prompt": path, "prompt_rows": 8, **changes})(*inputs())
