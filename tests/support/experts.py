"""Tiny experts as folders in their public format: real classes and tokenizers, and the same weights anywhere."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertTokenizer,
    BitImageProcessorPil,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    Dinov2Config,
    Dinov2Model,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    SwinConfig,
    ViTConfig,
    ViTImageProcessorPil,
    ViTModel,
)

TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
WORDS = ["red", "blue", "green", "circle", "star", "square", "a", "photo", "of", "the", "good", "bad", "next", "to"]


def fill(model: Any, size: float = 0.3) -> None:
    """Give every weight the same value whatever the version of torch; norms stay as they are."""
    with torch.no_grad():
        for number, (name, parameter) in enumerate(sorted(model.named_parameters())):
            if "norm" not in name and "logit_scale" not in name:
                values = np.random.RandomState(number).standard_normal(parameter.numel())  # numpy never changes it
                parameter.copy_(torch.from_numpy(size * values).view_as(parameter))


def store(folder: Path, *parts: Any) -> str:
    for part in parts:
        part.save_pretrained(folder)
    return str(folder)


def clip_folder(folder: Path) -> str:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*letters, *(f"{letter}</w>" for letter in letters)])}
    for token in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[token] = len(vocabulary)
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)
    ids = {"bos_token_id": len(vocabulary) - 2, "eos_token_id": len(vocabulary) - 1}
    config = CLIPConfig(
        text_config={
            **TOWER,
            "vocab_size": len(vocabulary),
            "max_position_embeddings": 77,
            "projection_dim": 16,
            **ids,
        },
        vision_config={**TOWER, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    model = CLIPModel(config)
    fill(model)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return store(folder, model, tokenizer, processor)


def siglip_folder(folder: Path) -> str:
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["</s>", "<unk>", *WORDS, ",", "!"])}, "<unk>"))
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = {"eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=16, **names)
    config = SiglipConfig(
        text_config={**TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": 16, "projection_size": 32},
        vision_config={**TOWER, "image_size": 32, "patch_size": 8},
    )
    model = SiglipModel(config)
    fill(model)
    return store(folder, model, tokenizer, SiglipImageProcessorPil(size={"height": 32, "width": 32}))


def vit_folder(folder: Path) -> str:
    model = ViTModel(ViTConfig(**TOWER, image_size=32, patch_size=8), add_pooling_layer=False)
    fill(model)
    return store(folder, model, ViTImageProcessorPil(size={"height": 32, "width": 32}))


def dinov2_folder(folder: Path) -> str:
    model = Dinov2Model(Dinov2Config(**TOWER, image_size=32, patch_size=8))
    fill(model)
    processor = BitImageProcessorPil(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})
    return store(folder, model, processor)


def bert_tokenizer() -> BertTokenizer:
    """Words where the model expects them: it knows [CLS], [SEP], "." and "?" by BERT's own numbers."""
    places = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    places |= {1030 + i: word for i, word in enumerate([*WORDS, "hand", "##bag"])}
    return BertTokenizer(vocab={places.get(i, f"[unused{i}]"): i for i in range(1050)})


def grounding_dino_folder(folder: Path, mm: bool = False) -> str:
    tokenizer = bert_tokenizer()
    text = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    swin = {"embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 2, "image_size": 64}
    config = (MMGroundingDinoConfig if mm else GroundingDinoConfig)(
        backbone_config=SwinConfig(**swin, out_indices=[2, 3, 4]),
        text_config=BertConfig(vocab_size=len(tokenizer), **text),
        d_model=32,
        num_queries=10,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_n_points=2,
        decoder_n_points=2,
    )
    model = (MMGroundingDinoForObjectDetection if mm else GroundingDinoForObjectDetection)(config)
    fill(model, 0.1)
    processor = GroundingDinoImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 96})
    return store(folder, model, tokenizer, processor)


def clip_of(frames: int, height: int = 40, width: int = 56, seed: int = 0) -> torch.Tensor:
    """A smooth moving picture in 8 bits, in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 8, generator=generator)
    wide = torch.nn.functional.interpolate(coarse, (height, width + 4 * frames), mode="bicubic").clamp(0, 1)
    shifted = [wide[0, :, :, 4 * i : 4 * i + width] for i in range(frames)]
    return (torch.stack(shifted) * 255).round() / 127.5 - 1
