"""States of the empty prompt: those that diffusers' pipelines make, written for configs to name."""

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file
from support import denoisers, image_transformers
from support.pipelines import CLIP, TEXT, WORDS, tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from veggie_pl.cli import main
from veggie_pl.errors import UseError
from veggie_pl.models.dit.empty_prompt import encode_empty_prompt

WIDTH = 24  # of image_transformers' tokens; the denoisers' are narrower


def ending(length: int = 16) -> Any:
    """A tokenizer that puts an end behind every text, as those of T5 and CLIP do."""
    found = tokenizer(length)
    found.backend_tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return found


def t5(width: int) -> Any:
    return T5EncoderModel(T5Config(**{**TEXT, "d_model": width})).eval()


def clip(kind: Any) -> Any:
    width = {"hidden_size": 10, "num_attention_heads": 2, "projection_dim": 5}
    ids = {"eos_token_id": 1, "bos_token_id": 3}
    return kind(CLIPTextConfig(**{**CLIP, **width}, vocab_size=len(WORDS), max_position_embeddings=77, **ids)).eval()


def pipeline(name: str) -> Any:
    torch.manual_seed(0)
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    if name == "wan":
        encoder = UMT5EncoderModel(UMT5Config(**{**TEXT, "d_model": 16})).eval()
        return diffusers.WanPipeline(ending(), encoder, None, scheduler)
    if name == "ltx":
        return diffusers.LTXPipeline(scheduler, None, t5(16), ending(), None)
    if name == "cogvideox":
        return diffusers.CogVideoXPipeline(ending(), t5(16), None, None, scheduler)
    if name == "sd3":
        both = (clip(CLIPTextModelWithProjection), ending(77)) * 2
        return diffusers.StableDiffusion3Pipeline(None, scheduler, None, *both, t5(WIDTH), ending())
    return diffusers.FluxPipeline(scheduler, None, clip(CLIPTextModel), ending(77), t5(WIDTH), ending(), None)


def wanted(name: str, pipe: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What the library's own pipeline encodes."""
    with torch.no_grad():
        if name == "sd3":
            states, _, pooled, _ = pipe.encode_prompt("", "", "", do_classifier_free_guidance=False)
            return states, pooled
        if name == "flux":
            states, pooled, _ = pipe.encode_prompt("", "")
            return states, pooled
        length = {"wan": 512, "ltx": 128, "cogvideox": 226}[name]
        states, *_ = pipe.encode_prompt("", do_classifier_free_guidance=False, max_sequence_length=length)
        return states, None


@pytest.mark.parametrize("name", ["wan", "ltx", "cogvideox", "sd3", "flux"])
def test_states_are_those_of_the_librarys_pipeline(name: str, tmp_path: Path) -> None:
    pipe = pipeline(name)
    pipe.save_pretrained(tmp_path)
    found = encode_empty_prompt(str(tmp_path))
    states, pooled = wanted(name, pipe)
    rows = 1 if name == "ltx" else states.shape[1]  # its mask leaves the end of the text alone
    assert found["prompt_embeds"].dtype == torch.float32
    # Weights mapped from a file lie at odd addresses, where kernels round otherwise.
    torch.testing.assert_close(found["prompt_embeds"], states[0, :rows], rtol=0, atol=2e-6)
    assert found["prompt_embeds"].abs().sum() > 0
    assert ("pooled_projections" in found) == (pooled is not None)
    if pooled is not None:
        torch.testing.assert_close(found["pooled_projections"], pooled[0], rtol=0, atol=2e-6)


def test_a_config_names_what_the_command_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("wan", "flux"):
        pipeline(name).save_pretrained(tmp_path / name)
        main(["prompt", str(tmp_path / name), "-o", str(tmp_path / f"{name}.safetensors")])
    video = denoisers.tiny("wan", tokens_join="beside", prompt=str(tmp_path / "wan.safetensors"), prompt_rows=512)
    states = load_file(tmp_path / "wan.safetensors")["prompt_embeds"]
    assert torch.equal(video.beside.states, states)
    assert states[1:].abs().sum() == 0  # Wan's padding
    place = str(tmp_path / "flux.safetensors")
    picture = image_transformers.denoiser("flux", pooled_start=place)
    assert torch.equal(picture.pooled.vector, load_file(place)["pooled_projections"])


def test_what_encodes_no_prompt_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"no diffusers folder with model_index\.json"):
        encode_empty_prompt(str(tmp_path))
    index = tmp_path / "model_index.json"
    index.write_text("no JSON")
    with pytest.raises(UseError, match="is no JSON of a pipeline"):
        encode_empty_prompt(str(tmp_path))
    index.write_text(json.dumps({"_class_name": "HunyuanVideoPipeline"}))
    with pytest.raises(UseError, match="holds a HunyuanVideoPipeline; the families that work are Wan, CogVideoX"):
        encode_empty_prompt(str(tmp_path))


def test_a_text_encoder_that_is_not_there_is_one_error_that_says_what_stands_in(tmp_path: Path) -> None:
    pipeline("sd3").save_pretrained(tmp_path)
    (tmp_path / "text_encoder_2").rename(tmp_path / "elsewhere")
    with pytest.raises(
        UseError, match=r"lacks text_encoder_2, .*a learned vector, zeros at first, for its pooled ones"
    ):
        encode_empty_prompt(str(tmp_path))
    (tmp_path / "elsewhere").rename(tmp_path / "text_encoder_2")
    next((tmp_path / "text_encoder_3").glob("*.safetensors")).unlink()
    with pytest.raises(UseError, match="cannot be read as those of a StableDiffusion3Pipeline"):
        encode_empty_prompt(str(tmp_path))
