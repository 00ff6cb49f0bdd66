"""Video editors without training: an image model edits the frames, attention processors hold them together."""

from veggie_pl.methods.flatten import Flatten
from veggie_pl.methods.instruct_diffusion import InstructDiffusion
from veggie_pl.methods.tokenflow import TokenFlow
from veggie_pl.methods.training_free import FrameByFrame
from veggie_pl.methods.vidtome import VidToMe

__all__ = ["Flatten", "FrameByFrame", "InstructDiffusion", "TokenFlow", "VidToMe"]
