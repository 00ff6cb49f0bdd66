"""Options of an edit on the page: those of ``edit``, with their units."""

import math
from typing import Any

import gradio as gr

from veggie_pl.errors import UseError
from veggie_pl.inference.long_clips import LONG, OVERLAP
from veggie_pl.model import VeggieModel

DEFAULT = "default"  # what is left to the model
MAX_STEPS = 100
MATTE_LABELS = [
    ("video (.mp4)", "mp4"),
    ("alpha in ProRes 4444 (.mov)", "mov"),
    ("alpha in VP9 (.webm)", "webm"),
    ("COCO run lengths (.json)", "json"),
    ("PNGs (.zip)", "png"),
]


def make_options(module: VeggieModel) -> list[Any]:
    """Make them, in the order in which ``Page.edit`` takes them."""
    most = module.queries.max_frames
    return [
        gr.Slider(
            1, MAX_STEPS, module.num_steps, step=1, label="Steps", info="sampling steps; more is slower and finer"
        ),
        gr.Number(0, label="Seed", info="a whole number; another seed, another edit", precision=0),
        _number("Guidance to the task", "factor, 1 is off", "the model's own for the skill"),
        _number("Guidance to the source", "factor, 1 is off", "the model's own for the skill"),
        gr.Radio(
            ["nothing", "background"],
            value="nothing",
            label="Keep",
            info="background: the model is first asked where, and what lies elsewhere stays as it was",
        ),
        gr.File(
            label="Region: white where pixels may change; a video, or a picture for all frames, as large as the clip",
            elem_id="region",
            height=110,
        ),
        gr.Radio(
            [DEFAULT, *LONG],
            value=DEFAULT,
            label="Long clips",
            info="what makes windows agree: a fade in pixels, sampling them together, or also a look at the whole clip",
        ),
        _number("Window", f"frames, 1 to {most}", str(most)),
        _number("Overlap", "frames that a window shares with the next, 0 to window - 1", str(OVERLAP)),
        gr.Radio(MATTE_LABELS, value="mp4", label="Mask as", info="the file to download", elem_id="matte"),
    ]


def read_number(given: str | None, name: str) -> float | None:
    """Read a number that may be left out.

    Raises:
        UseError: If it is none.
    """
    if given is None or not given.strip():
        return None
    try:
        return float(given)
    except ValueError as error:
        raise UseError(f"{name} must be a number, got {given!r}") from error


def read_whole(given: float | None, name: str) -> int | None:
    """Read a whole number that may be left out.

    Raises:
        UseError: If it is none.
    """
    if given is None:
        return None
    if not math.isfinite(given) or given != given // 1:
        raise UseError(f"{name} must be a whole number, got {given}")
    return int(given)


def _number(label: str, info: str, empty: str) -> gr.Textbox:
    """Make a field for a number that may be left out: Gradio's own for numbers sends 0 for what is empty."""
    return gr.Textbox("", label=label, info=info, placeholder=empty, max_lines=1, max_length=30)
