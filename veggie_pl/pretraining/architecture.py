"""The nano MLLM: LLaVA-OneVision's classes from a small config, with a small tokenizer of its own."""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import LlavaOnevisionConfig, LlavaOnevisionImageProcessor, PreTrainedTokenizerFast

PAD, USER, ASSISTANT, END, VIDEO, IMAGE = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>", "<video>", "<image>"
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}<|user|>{% else %}<|assistant|>{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'video' %}<video>{% elif part['type'] == 'image' %}"
    "<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def write_nano_mllm(folder: Path, corpus: Iterable[str], vocab_size: int = 1024) -> None:
    """Write config, tokenizer and image processor of the nano MLLM; no weights.

    The tokenizer is byte-level BPE over text in lower case: common words of the corpus are one token, no text is
    unknown, and capitals mean nothing (a small corpus shows few of them). The special tokens alone keep their case.

    Args:
        folder: Where to.
        corpus: Sentences that the tokenizer learns its merges from.
        vocab_size: Tokens, special ones included.
    """
    specials = [PAD, USER, ASSISTANT, END, VIDEO, IMAGE]
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.Lowercase()
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)  # "red" at the start is the token of " red"
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(corpus, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT, VIDEO, IMAGE],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )
    config = LlavaOnevisionConfig(
        architectures=["LlavaOnevisionForConditionalGeneration"],
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 4,
            "vision_use_head": False,
        },
        text_config={
            "model_type": "qwen2",
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 6,
            "num_key_value_heads": 6,
            "vocab_size": vocab_size,
            "max_position_embeddings": 1024,
            "tie_word_embeddings": True,
            "bos_token_id": None,
            "eos_token_id": tokenizer.convert_tokens_to_ids(END),
            "pad_token_id": tokenizer.convert_tokens_to_ids(PAD),
        },
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        video_token_id=tokenizer.convert_tokens_to_ids(VIDEO),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_grid_pinpoints=[[32, 32]],
        tie_word_embeddings=True,
    )
    half = [0.5, 0.5, 0.5]
    images = LlavaOnevisionImageProcessor(
        size={"height": 32, "width": 32}, image_grid_pinpoints=[[32, 32]], image_mean=half, image_std=half
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    images.save_pretrained(folder)
    config.save_pretrained(folder)  # last: where it is, all is taken to be there
