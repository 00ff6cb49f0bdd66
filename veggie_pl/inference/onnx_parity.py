"""A model written as ONNX, and whether its graphs say what torch says."""

from pathlib import Path
from typing import Any

import torch

from veggie_pl.errors import UseError
from veggie_pl.inference.extras import need
from veggie_pl.inference.onnx_graphs import example_inputs, graphs_of, write_graphs
from veggie_pl.inference.onnx_recipe import write_recipe
from veggie_pl.model import VeggieModel

TOLERANCE = 1e-3  # greatest difference; task tokens and latents are numbers of the order of 1
LONG = "please highlight the small green circle that moves to the left of the red square with blue masks"


@torch.no_grad()
def largest_differences(model: VeggieModel, folder: Path) -> dict[str, float]:
    """Give each graph's largest difference from torch, by onnxruntime on the CPU, in float32.

    Clips of one frame and of all that the model takes, with other prompts than the graphs were traced with.
    """
    runtime = need("onnxruntime", "onnx")
    found: dict[str, float] = {}
    cases = [(1, "make it night"), (model.queries.max_frames, LONG)]
    examples = [example_inputs(model, frames, words, seed) for seed, (frames, words) in enumerate(cases, start=1)]
    for name, graph in graphs_of(model).items():
        session: Any = runtime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        taken = {one.name for one in session.get_inputs()}
        for example in examples:
            given = dict(zip(graph.inputs, example[name], strict=True))
            (answer,) = session.run(None, {key: one.numpy() for key, one in given.items() if key in taken})
            apart = float((torch.from_numpy(answer) - graph.part(*example[name])).abs().max())
            found[name] = max(found.get(name, 0.0), apart)
    return found


def save_onnx(model: VeggieModel, folder: Path, half: bool = False) -> dict[str, float]:
    """Write graphs and recipe into a folder that is there, and compare them with torch.

    Returns:
        The largest difference of each graph.

    Raises:
        UseError: If a part cannot be written, or differs by more than ``TOLERANCE`` in any number, or is not a number.
    """
    model = model.eval()
    write_recipe(model, folder)
    write_graphs(model, folder, half)
    found = largest_differences(model, folder)
    if wrong := {name: apart for name, apart in found.items() if not apart <= TOLERANCE}:
        told = ", ".join(f"{name} by {apart:.2g}" for name, apart in wrong.items())
        raise UseError(f"graphs differ from torch by more than {TOLERANCE:g}: {told}; nothing was written")
    return found
