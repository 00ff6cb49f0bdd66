"""Step 3: the edited picture is carried along the video of the source picture."""

from veggie_pl.synthesis.propagate.anyv2v import AnyV2VPropagator
from veggie_pl.synthesis.propagate.flow_warp import FlowWarp
from veggie_pl.synthesis.propagate.same_motion import SameMotion
from veggie_pl.synthesis.propagate.vace import VacePropagator

__all__ = ["AnyV2VPropagator", "FlowWarp", "SameMotion", "VacePropagator"]
