"""Tiny random video pipelines of diffusers as folders: the real classes, each a fraction of a second to run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLCogVideoX,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLLTXVideo,
    AutoencoderKLTemporalDecoder,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXTransformer3DModel,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoImageToVideoPipeline,
    HunyuanVideoTransformer3DModel,
    I2VGenXLPipeline,
    I2VGenXLUNet,
    LTXConditionPipeline,
    LTXVideoTransformer3DModel,
    StableVideoDiffusionPipeline,
    UNetSpatioTemporalConditionModel,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

WORDS = ["<pad>", "</s>", "<unk>", "<s>", "<image>", "<|end_header_id|>", "a", "scene", "the", "camera", "moves", "red"]
TEXT = {"d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2, "vocab_size": len(WORDS)}
CLIP = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def tokenizer(length: int = 16) -> PreTrainedTokenizerFast:
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, "<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "bos_token": "<s>"}
    return PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=length, **names)


def processor() -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})


def vision(kind: Any, size: int = 32) -> Any:
    return kind(CLIPVisionConfig(**CLIP, image_size=size, patch_size=size // 2, projection_dim=32))


def clip_text() -> Any:
    return CLIPTextModel(
        CLIPTextConfig(**CLIP, vocab_size=len(WORDS), max_position_embeddings=77, eos_token_id=1, bos_token_id=3)
    )


def wan_vae() -> Any:
    return AutoencoderKLWan(base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)


WAN: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "text_dim": 32,
    "freq_dim": 32,
    "ffn_dim": 32,
    "num_layers": 2,
}


def wan() -> Any:
    return WanImageToVideoPipeline(
        tokenizer=tokenizer(),
        text_encoder=UMT5EncoderModel(UMT5Config(**TEXT)),
        vae=wan_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        image_processor=processor(),
        image_encoder=vision(CLIPVisionModel),
        transformer=WanTransformer3DModel(**WAN, in_channels=36, image_dim=32, added_kv_proj_dim=24),
    )


def vace() -> Any:
    return WanVACEPipeline(
        tokenizer=tokenizer(),
        text_encoder=UMT5EncoderModel(UMT5Config(**TEXT)),
        vae=wan_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        transformer=WanVACETransformer3DModel(**WAN, vace_layers=[0], vace_in_channels=96),
    )


def ltx() -> Any:
    vae = AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1),
        spatio_temporal_scaling=(True, True, True, False),
        decoder_spatio_temporal_scaling=(True, True, True, False),
    )
    transformer = LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        num_layers=1,
        caption_channels=32,
    )
    scheduler = FlowMatchEulerDiscreteScheduler()
    return LTXConditionPipeline(scheduler, vae, T5EncoderModel(T5Config(**TEXT)), tokenizer(), transformer)


def cogvideox() -> Any:
    vae = AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2
    )
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=8,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=32,
        num_layers=1,
        sample_width=8,
        sample_height=8,
        sample_frames=9,
        max_text_seq_length=16,
        use_rotary_positional_embeddings=True,
    )
    scheduler = CogVideoXDDIMScheduler()
    return CogVideoXImageToVideoPipeline(tokenizer(), T5EncoderModel(T5Config(**TEXT)), vae, transformer, scheduler)


# Its own template has 576 tokens for a picture; here a picture is 4 patches.
HUNYUAN_TEMPLATE = {
    "template": "a <|end_header_id|> <image> scene <|end_header_id|> {} red red red <|end_header_id|>",
    "crop_start": 4,
    "image_emb_start": 2,
    "image_emb_end": 6,
    "image_emb_len": 4,
}


def hunyuan() -> Any:
    text = {**CLIP, "num_hidden_layers": 3, "num_key_value_heads": 2, "vocab_size": len(WORDS), "pad_token_id": 0}
    config = LlavaConfig(
        text_config={"model_type": "llama", **text},
        vision_config={"model_type": "clip_vision_model", **CLIP, "image_size": 32, "patch_size": 16},
        image_token_index=WORDS.index("<image>"),
        pad_token_id=0,
    )
    vae = AutoencoderKLHunyuanVideo(
        latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=2
    )
    transformer = HunyuanVideoTransformer3DModel(
        in_channels=9,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=10,
        num_layers=1,
        num_single_layers=1,
        num_refiner_layers=1,
        patch_size=2,
        guidance_embeds=False,
        text_embed_dim=32,
        pooled_projection_dim=32,
        rope_axes_dim=(2, 4, 4),
        image_condition_type="latent_concat",
    )
    return HunyuanVideoImageToVideoPipeline(
        text_encoder=LlavaForConditionalGeneration(config),
        tokenizer=tokenizer(),
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder_2=clip_text(),
        tokenizer_2=tokenizer(77),
        image_processor=processor(),
    )


def svd() -> Any:
    unet = UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        cross_attention_dim=32,
        num_attention_heads=2,
        projection_class_embeddings_input_dim=96,
        addition_time_embed_dim=32,
    )
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32), down_block_types=("DownEncoderBlock2D",) * 2, latent_channels=4
    )
    scheduler = EulerDiscreteScheduler(
        prediction_type="v_prediction",
        timestep_type="continuous",
        use_karras_sigmas=True,
        sigma_min=0.002,
        sigma_max=700.0,
    )
    return StableVideoDiffusionPipeline(vae, vision(CLIPVisionModelWithProjection, 224), unet, scheduler, processor())


def i2vgen() -> Any:
    unet = I2VGenXLUNet(
        block_out_channels=(8, 16, 16, 16),
        layers_per_block=2,
        norm_num_groups=4,
        cross_attention_dim=32,
        attention_head_dim=8,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
    )
    scheduler = DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    vision_model = vision(CLIPVisionModelWithProjection)
    return I2VGenXLPipeline(vae, clip_text(), tokenizer(77), vision_model, processor(), unet, scheduler)


PIPELINES: dict[str, Callable[[], Any]] = {
    "WanImageToVideoPipeline": wan,
    "LTXConditionPipeline": ltx,
    "CogVideoXImageToVideoPipeline": cogvideox,
    "HunyuanVideoImageToVideoPipeline": hunyuan,
    "StableVideoDiffusionPipeline": svd,
    "WanVACEPipeline": vace,
    "I2VGenXLPipeline": i2vgen,
}


def pipeline_folder(folder: Path, name: str) -> str:
    torch.manual_seed(0)
    PIPELINES[name]().save_pretrained(folder)
    return str(folder)
