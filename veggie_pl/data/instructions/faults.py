"""Can a model be asked with these words? What can be told without one, where data are judged."""

import re

from veggie_pl.batch import Example, is_blank

_NAMES = (
    *("image", "video", "audio", "img", "IMG_CONTEXT", "image_soft_token", "start_of_image", "end_of_image"),
    *("global-img", "fake_token_around_image", "end_of_utterance", "start_of_turn", "end_of_turn", "row_\\d+_col_\\d+"),
    *("s", "unk", "pad", "bos", "eos", "sep", "cls", "mask", "box", "quad", "ref", "loc\\d{4}", "seg\\d{3}"),
    *("im_start", "im_end", "im_patch", "vid_start", "vid_end", "unused\\d+", "extra_id_\\d+"),
)
# What multimodal LLMs take for a token of its own: <|im_start|> and the like, <image>, </s>, [INST], <<SYS>>.
_SPECIAL = re.compile(
    r"<\|[^\s<>|]{1,60}\|>|<\uff5c[^\s<>\uff5c]{1,60}\uff5c>|</?(?:" + "|".join(_NAMES) + r")>"
    r"|\[/?(?:INST|IMG|IMG_BREAK|IMG_END|CLS|SEP|MASK|PAD|UNK)\]|<</?SYS>>"
)


def words_fault(example: Example) -> str | None:
    """Tell why no model can be asked with these words; None if one can. Their length only a tokenizer knows."""
    name = "phrase" if example.instruction is None else "instruction"
    fault = text_fault(getattr(example, name))
    return None if fault is None else f"its {name} {fault}"


def text_fault(said: str) -> str | None:
    """What is wrong with words, such as "is blank"; None if a model can be asked with them."""
    if is_blank(said):
        return "is blank"
    if found := _SPECIAL.search(said):
        return f"holds {found[0]!r}, which has a meaning of its own in the prompts of models"
    return None
