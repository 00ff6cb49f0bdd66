"""Image models as folders, with random weights: pipelines of diffusers, and one of ours."""

from pathlib import Path

import torch
from diffusers import DDIMScheduler, StableDiffusionInstructPix2PixPipeline, StableDiffusionPipeline
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from support.checkpoints import sd_unet, sd_vae
from support.parts import randomise_output, tiny_module
from veggie_pl.model_folder import save_model

WORDS = ["<pad>", "</s>", "<unk>", "<s>", "make", "it", "night", "remove", "the", "red", "circle", "a", "scene"]
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def pix2pix_folder(folder: Path, channels: int = 8, kind: type = StableDiffusionInstructPix2PixPipeline) -> str:
    """Write a pipeline whose UNet takes this many channels: 8 for InstructPix2Pix, 4 for Stable Diffusion."""
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, "<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "bos_token": "<s>"}
    torch.manual_seed(2)
    text = CLIPTextConfig(
        hidden_size=24,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        vocab_size=len(WORDS),
        max_position_embeddings=8,
        eos_token_id=1,
        bos_token_id=3,
    )
    kind(
        vae=sd_vae(),
        text_encoder=CLIPTextModel(text),
        tokenizer=PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=8, **names),
        unet=sd_unet(in_channels=channels, layers_per_block=1),
        scheduler=DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return str(folder)


def stable_diffusion_folder(folder: Path) -> str:
    """Write a pipeline that draws from captions."""
    return pix2pix_folder(folder, 4, StableDiffusionPipeline)


def own_folder(folder: Path, video: bool = False, **options: object) -> str:
    """Write a model folder of ours, whose frames are 16 pixels wide."""
    module = tiny_module(video, num_steps=2, **options)
    randomise_output(module)
    save_model(module, folder)
    return str(folder)
