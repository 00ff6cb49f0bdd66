"""Video editors to compare with: an image model under attention processors, and our video model in windows."""

from veggie_pl.methods.flatten import Flatten
from veggie_pl.methods.in_windows import InsV2V, InWindows
from veggie_pl.methods.instruct_diffusion import InstructDiffusion
from veggie_pl.methods.tokenflow import TokenFlow
from veggie_pl.methods.training_free import FrameByFrame
from veggie_pl.methods.vidtome import VidToMe

__all__ = ["Flatten", "FrameByFrame", "InWindows", "InsV2V", "InstructDiffusion", "TokenFlow", "VidToMe"]
