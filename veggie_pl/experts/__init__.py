"""Frozen outside models, each behind a small protocol; classes are imported when they are asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from veggie_pl.experts.antonyms import AntonymQuality
    from veggie_pl.experts.cached import CachedDetector, CachedFeatures, CachedImageText, CachedJudge, CachedQuality
    from veggie_pl.experts.clip import ClipExpert
    from veggie_pl.experts.dino import DinoExpert
    from veggie_pl.experts.grounding_dino import GroundingDinoDetector
    from veggie_pl.experts.judge.endpoint import EndpointJudge
    from veggie_pl.experts.judge.local import LocalJudge
    from veggie_pl.experts.judge.reward import RewardJudge
    from veggie_pl.experts.shape_detector import ShapeDetector
    from veggie_pl.experts.vision_tower import VisionTower

__all__ = [
    "AntonymQuality",
    "CachedDetector",
    "CachedFeatures",
    "CachedImageText",
    "CachedJudge",
    "CachedQuality",
    "ClipExpert",
    "DinoExpert",
    "EndpointJudge",
    "GroundingDinoDetector",
    "LocalJudge",
    "RewardJudge",
    "ShapeDetector",
    "VisionTower",
]

_PLACES = {
    "AntonymQuality": "antonyms",
    "CachedDetector": "cached",
    "CachedFeatures": "cached",
    "CachedImageText": "cached",
    "CachedJudge": "cached",
    "CachedQuality": "cached",
    "ClipExpert": "clip",
    "DinoExpert": "dino",
    "EndpointJudge": "judge.endpoint",
    "GroundingDinoDetector": "grounding_dino",
    "LocalJudge": "judge.local",
    "RewardJudge": "judge.reward",
    "ShapeDetector": "shape_detector",
    "VisionTower": "vision_tower",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"veggie_pl.experts has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"veggie_pl.experts.{_PLACES[name]}"), name)
