"""The nodes as ComfyUI meets them: loaded from a file, asked what they take, fed by what a saved workflow says."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from support.fake import pattern

from veggie_pl import VeggiePipeline
from veggie_pl.errors import UseError

FOLDER = Path(__file__).resolve().parents[2] / "integrations/comfyui"
WORKFLOW = json.loads((FOLDER / "workflow.json").read_text())
CORE = {"LoadVideo", "GetVideoComponents", "CreateVideo", "SaveVideo", "MaskPreview"}  # ComfyUI's own
SOCKETS = {"INT": int, "FLOAT": (int, float), "STRING": str}  # widgets' kinds and their values


@pytest.fixture(scope="module")
def nodes() -> dict[str, Any]:
    """As ComfyUI imports a file of custom_nodes."""
    spec = importlib.util.spec_from_file_location("custom_nodes.veggie", FOLDER / "veggie.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.NODE_CLASS_MAPPINGS.keys() == module.NODE_DISPLAY_NAME_MAPPINGS.keys()
    mappings: dict[str, Any] = module.NODE_CLASS_MAPPINGS
    return mappings


@pytest.fixture(scope="module")
def pipe(nodes: dict[str, Any], model_folder: Path) -> VeggiePipeline:
    """Of the loader; a second node of the same folder gets the same model."""
    loaded: tuple[VeggiePipeline] = nodes["VeggieModelLoader"]().load(str(model_folder))
    assert nodes["VeggieModelLoader"]().load(str(model_folder))[0] is loaded[0]
    return loaded[0]


def arguments(node: dict[str, Any], kind: Any, linked: dict[str, Any]) -> dict[str, Any]:
    """What ComfyUI calls a node with: what is linked, and the values of its widgets, each looked at as it does."""
    given = dict(linked)
    values = iter(node["widgets_values"])
    for name, (socket, *options) in kind.INPUT_TYPES()["required"].items():
        if name in linked:
            continue
        value, limits = next(values), options[0]
        assert isinstance(value, SOCKETS[socket])
        assert limits.get("min", value) <= value <= limits.get("max", value)
        assert limits.get("min", limits["default"]) <= limits["default"] <= limits.get("max", limits["default"])
        given[name] = value
        if limits.get("control_after_generate"):
            assert next(values) in ("fixed", "increment", "decrement", "randomize")
    assert not [*values]
    return given


def test_they_keep_the_protocol(nodes: dict[str, Any]) -> None:
    for kind in nodes.values():
        assert callable(getattr(kind, kind.FUNCTION))
        assert isinstance(kind.CATEGORY, str)
        assert len(kind.RETURN_TYPES) == len(kind.RETURN_NAMES)
        for sockets in kind.INPUT_TYPES().values():
            assert all(isinstance(socket, tuple) and isinstance(socket[0], str) for socket in sockets.values())


def test_the_workflows_links_fit_their_sockets(nodes: dict[str, Any]) -> None:
    by_id = {node["id"]: node for node in WORKFLOW["nodes"]}
    assert {node["type"] for node in by_id.values()} == CORE | nodes.keys()
    for link, source, out, target, entry, socket in WORKFLOW["links"]:
        sent, received = by_id[source]["outputs"][out], by_id[target]["inputs"][entry]
        assert sent["type"] == received["type"] == socket
        assert link in sent["links"]
        assert received["link"] == link
    for node in by_id.values():
        if (kind := nodes.get(node["type"])) is not None:
            takes = {name: one[0] for sockets in kind.INPUT_TYPES().values() for name, one in sockets.items()}
            assert {one["name"]: one["type"] for one in node["inputs"]}.items() <= takes.items()
            assert tuple(one["type"] for one in node["outputs"]) == kind.RETURN_TYPES


def test_the_workflow_edits_as_the_pipeline_does(nodes: dict[str, Any], pipe: VeggiePipeline) -> None:
    node = next(one for one in WORKFLOW["nodes"] if one["type"] == "VeggieEdit")
    frames = pattern(2, 28, 20)
    images = torch.from_numpy(frames).float() / 255
    taken = arguments(node, nodes["VeggieEdit"], {"model": pipe, "images": images})
    edited, mask = nodes["VeggieEdit"]().edit(**taken)
    assert edited.shape == images.shape
    assert edited.dtype == torch.float32
    assert 0 <= float(edited.min()) <= float(edited.max()) <= 1
    expected = pipe(frames, taken["instruction"], output_type="np").frames[0]
    assert torch.allclose(edited, torch.as_tensor(expected), atol=0.5 / 255 + 1e-6)
    assert not torch.equal(edited, images)
    assert mask.shape == images.shape[:3]
    assert {0.0, 1.0} >= {*mask.unique().tolist()}


def test_options_reach_the_pipeline(nodes: dict[str, Any], pipe: VeggiePipeline) -> None:
    images = torch.from_numpy(pattern(1, 16, 16)).float() / 255
    plain = {"model": pipe, "images": images, "instruction": "make it night", "seed": 0, "steps": 1}
    off = {"guidance_task": 0.0, "guidance_source": 0.0}
    node = nodes["VeggieEdit"]()
    edited, mask = node.edit(**plain, **off)
    assert not mask.any()  # nothing is to be filled
    with_alpha = torch.cat([images, torch.zeros_like(images[..., :1])], -1)
    assert torch.equal(node.edit(**{**plain, "images": with_alpha}, **off)[0], edited)
    for other in ({"seed": 1}, {"steps": 2}, {"guidance_task": 9.0}, {"guidance_source": 9.0}):
        assert not torch.equal(node.edit(**{**plain, **off, **other})[0], edited), other
    assert not torch.equal(node.edit(**plain, **off, references=images.flip(2))[0], edited)
    with pytest.raises(UseError, match="empty"):
        node.edit(**{**plain, "instruction": " "}, **off)


def test_comfys_bar_and_stop_button(nodes: dict[str, Any], pipe: VeggiePipeline, monkeypatch: Any) -> None:
    class Interrupted(Exception):
        pass

    moved: list[int] = []

    def stop_if_asked() -> None:
        if len(moved) == 1:
            raise Interrupted

    comfy, management, bars = ModuleType("comfy"), ModuleType("comfy.model_management"), ModuleType("comfy.utils")
    management.throw_exception_if_processing_interrupted = stop_if_asked  # type: ignore[attr-defined]
    totals: list[int] = []

    def bar(total: int) -> SimpleNamespace:
        totals.append(total)
        return SimpleNamespace(update=moved.append)

    bars.ProgressBar = bar  # type: ignore[attr-defined]
    for module in (comfy, management, bars):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    images = torch.zeros(1, 16, 16, 3)
    with pytest.raises(Interrupted):
        nodes["VeggieEdit"]().edit(pipe, images, "make it night", 0, 3, 0.0, 0.0)
    assert moved == [1]
    assert totals == [3]


def test_no_model_is_said(nodes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"no model folder .*; train one"):
        nodes["VeggieModelLoader"]().load(str(tmp_path / "none"))
