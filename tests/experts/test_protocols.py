"""Experts are what configs may name: each class has the very types of its protocol, and plain arguments."""

from pathlib import Path

import pytest
import torch
from jsonargparse import ArgumentParser
from support.experts import clip_of

import veggie_pl.experts
from veggie_pl.experts.detections import Detector
from veggie_pl.experts.protocols import FrameFeatures, FrameQuality, ImageText, Judge

NAMES = {
    Detector: ["GroundingDinoDetector", "CachedDetector", "ShapeDetector"],
    FrameFeatures: ["DinoExpert", "ClipExpert", "CachedFeatures", "CachedImageText", "VisionTower"],
    ImageText: ["ClipExpert", "CachedImageText"],
    FrameQuality: ["AntonymQuality", "CachedQuality"],
    Judge: ["EndpointJudge", "LocalJudge", "RewardJudge", "CachedJudge"],
}
PAIRS = [(protocol, name) for protocol, names in NAMES.items() for name in names]


def parser_of(protocol: type) -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--expert", type=protocol)
    return parser


def refusal(protocol: type, name: str) -> str:
    """What a parser says of a class without any argument."""
    try:
        parser_of(protocol).parse_args([f"--expert=veggie_pl.experts.{name}"])
    except Exception as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("protocol", "name"), PAIRS, ids=lambda one: one if isinstance(one, str) else one.__name__)
def test_configs_may_name_every_expert(protocol: type, name: str) -> None:
    said = refusal(protocol, name)
    assert name == "ShapeDetector" if not said else "arguments are required" in said
    assert "does not implement protocol" in refusal(Judge if protocol is not Judge else Detector, name)


def test_every_class_is_listed_and_no_other_is_found() -> None:
    assert {*veggie_pl.experts.__all__} == {name for names in NAMES.values() for name in names}
    assert all(hasattr(veggie_pl.experts, name) for name in veggie_pl.experts.__all__)
    with pytest.raises(AttributeError, match=r"no 'Oracle'; it has AntonymQuality"):
        veggie_pl.experts.Oracle  # noqa: B018


def test_experts_are_built_from_the_command_line(clip: str, tmp_path: Path) -> None:
    arguments = ["--expert=veggie_pl.experts.CachedImageText", f"--expert.folder={tmp_path}"]
    arguments += ["--expert.expert=veggie_pl.experts.ClipExpert", f"--expert.expert.folder={clip}"]
    parser = parser_of(ImageText)
    built = parser.instantiate_classes(parser.parse_args([*arguments, "--expert.expert.device=cpu"])).expert
    assert torch.equal(built.embed_frames(clip_of(2)), built.expert.embed_frames(clip_of(2)))
