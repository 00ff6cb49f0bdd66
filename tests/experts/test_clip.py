"""CLIP and SigLIP by folder, against transformers called directly, against stored values and at the edges of text."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from support.experts import clip_of
from transformers import AutoTokenizer, CLIPModel, SiglipModel

from veggie_pl.errors import UseError
from veggie_pl.experts import ClipExpert
from veggie_pl.experts.frozen import pictures
from veggie_pl.experts.protocols import FrameFeatures, ImageText

FRAMES = clip_of(5)
CAPTION = "a photo of the red circle"


@pytest.fixture(scope="module")
def expert(clip: str) -> ClipExpert:
    return ClipExpert(clip, device="cpu")


@pytest.fixture(scope="module")
def sig(siglip: str) -> ClipExpert:
    return ClipExpert(siglip, device="cpu")


def test_likeness_is_that_of_clip_model(expert: ClipExpert, clip: str) -> None:
    model = CLIPModel.from_pretrained(clip).eval()
    pixels = expert.processor(images=pictures(FRAMES), return_tensors="pt")["pixel_values"]
    text = AutoTokenizer.from_pretrained(clip)([CAPTION], return_tensors="pt")
    with torch.no_grad():
        expected = model(pixel_values=pixels, **text).logits_per_image[:, 0] / model.logit_scale.exp()
    assert isinstance(expert, ImageText)
    assert isinstance(expert, FrameFeatures)
    torch.testing.assert_close(expert.embed_frames(FRAMES) @ expert.embed_text(CAPTION), expected, atol=1e-6, rtol=0)


def test_likeness_is_that_of_siglip_model(sig: ClipExpert, siglip: str) -> None:
    model = SiglipModel.from_pretrained(siglip).eval()
    pixels = sig.processor(images=pictures(FRAMES), return_tensors="pt")["pixel_values"]
    ids = AutoTokenizer.from_pretrained(siglip)([CAPTION], padding="max_length", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logits = model(pixel_values=pixels, input_ids=ids).logits_per_image[:, 0]
    expected = (logits - model.logit_bias) / model.logit_scale.exp()
    torch.testing.assert_close(sig.embed_frames(FRAMES) @ sig.embed_text(CAPTION), expected.detach(), atol=1e-6, rtol=0)


def test_values_stay_as_they_are(expert: ClipExpert, sig: ClipExpert) -> None:
    likeness = [(one.embed_frames(FRAMES[::4]) @ one.embed_text(CAPTION)).tolist() for one in (expert, sig)]
    assert likeness == [pytest.approx(values, abs=2e-5) for values in ([0.262276, 0.365531], [0.162343, 0.051399])]


@pytest.mark.parametrize("folder", ["clip", "siglip"])
def test_vectors_have_unit_length_and_chunks_do_not_change_them(folder: str, request: pytest.FixtureRequest) -> None:
    place = request.getfixturevalue(folder)
    one, many = (ClipExpert(place, device="cpu", chunk=chunk).embed_frames(FRAMES) for chunk in (1, 16))
    torch.testing.assert_close(one.norm(dim=-1), torch.ones(5))
    torch.testing.assert_close(one, many, atol=1e-6, rtol=0)
    assert one.dtype == torch.float32
    assert not torch.allclose(one[0], one[4], atol=1e-4)


def test_long_captions_are_cut_and_still_differ(expert: ClipExpert) -> None:
    long, other = "red circle " * 50, "blue star " * 50  # a letter is a token: about 450 and 400
    ten, hundred = "red circle", "red circle next to the blue star " * 5
    vectors = [expert.embed_text(text) for text in (long, other, ten, hundred)]
    assert all(torch.isfinite(vector).all() for vector in vectors)
    for i, one in enumerate(vectors):
        for two in vectors[i + 1 :]:
            assert one @ two < 0.9999
    torch.testing.assert_close(expert.embed_text(long), expert.embed_text(long + "and a star"))


def test_siglip_reads_lower_case(sig: ClipExpert) -> None:
    torch.testing.assert_close(sig.embed_text("A photo of  the RED circle"), sig.embed_text(CAPTION))


def test_siglips_first_tokenizer_drops_punctuation(sig: ClipExpert, siglip: str, tmp_path: Path) -> None:
    assert not torch.allclose(sig.embed_text("red, circle!"), sig.embed_text("red circle"))
    folder = tmp_path / "siglip"
    shutil.copytree(siglip, folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "tokenizer_class": "SiglipTokenizer"}))
    first = ClipExpert(str(folder), device="cpu")
    torch.testing.assert_close(first.embed_text("red, circle!"), first.embed_text("red circle"))


@pytest.mark.parametrize("text", ["", "  ", "\u200b"])
def test_empty_captions_are_refused(expert: ClipExpert, text: str) -> None:
    with pytest.raises(UseError, match="no text"):
        expert.embed_text(text)
