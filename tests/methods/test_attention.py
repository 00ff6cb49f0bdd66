"""Attention in three steps is diffusers' own, and a sequence of frames comes apart again."""

import torch
from diffusers.models.attention_processor import Attention

from veggie_pl.methods.attention import attend, by_clip, by_frames, joined, one_sequence, project
from veggie_pl.seeding import torch_rng

TOKENS = torch.randn(6, 5, 16, generator=torch_rng("tokens"))


@torch.no_grad()
def test_steps_are_diffusers_attention() -> None:
    torch.manual_seed(0)
    attn = Attention(16, heads=2, dim_head=8)
    torch.testing.assert_close(joined(attn, attend(*project(attn, TOKENS))), attn(TOKENS))
    clips = by_clip(TOKENS, 3)
    assert clips.shape == (2, 3, 5, 16)
    made = attend(*(one_sequence(one) for one in project(attn, clips)))
    together = attn(clips.flatten(1, 2)).view(2, 3, 5, 16)
    torch.testing.assert_close(joined(attn, by_frames(made, 3)), together)
