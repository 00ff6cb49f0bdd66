"""The part ``nano`` of ``benchmarks.gpu``: a network whose kernels are shorter than the time to launch them."""

from collections.abc import Callable
from typing import Any

from benchmarks.gpu_model import ROOT, clips
from benchmarks.gpu_timing import gradients, off_by, say, timed, trainer_step, wait
from veggie_pl.batch import Batch
from veggie_pl.model_folder import load_model
from veggie_pl.models.regions import compile_regions
from veggie_pl.module import VeggieModule
from veggie_pl.training.graphed import GraphedLoss

TIMES, WARM = 4, 1


def nano(device: str, size: str) -> None:
    """The shipped weights of stage 1, learning on: as it is, as one CUDA graph, compiled."""
    sizes = (32, 256) if size == "real" else (2,)
    module = load_model(ROOT / "weights/nano/stage1", VeggieModule).to(device).train()
    module.mllm.requires_grad_(False).eval()
    for batch in sizes:
        row(module, "eager", batch, device)
        host(module, batch, device)
    tape: dict[str, Any] = {} if device == "cuda" else {"tape": Walked}
    expected = [gradients(module, pictures(module, batch), device) for batch in sizes]
    try:
        for batch, wanted in zip(sizes, expected, strict=True):
            module.loss_of = GraphedLoss(module, **tape)  # type: ignore[method-assign]
            found = [one.clone() for one in gradients(module, pictures(module, batch), device)]
            say("CUDA graph: gradients off by, of their norm", batch, f"{off_by(found, wanted):.1e}", "")
            row(module, "CUDA graph", batch, device)
    except Exception as error:  # what follows is still measured
        cause: BaseException = error.__cause__ or error
        while cause.__context__ is not None:  # the end of a broken capture hides what broke it
            cause = cause.__context__
        place, last = cause.__traceback__, ""
        while place is not None:
            last, place = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}", place.tb_next
        say("CUDA graph", batch, f"{type(cause).__name__}: {cause} at {last}"[:400].replace("\n", " "), "")
    vars(module).pop("loss_of", None)
    compile_regions(module.viddm, backend="inductor" if device == "cuda" else "eager")
    for batch in sizes:
        row(module, "UNet compiled by region", batch, device)
        if device == "cuda":
            module.loss_of = GraphedLoss(module)  # type: ignore[method-assign]
            row(module, "UNet compiled by region, CUDA graph", batch, device)
            vars(module).pop("loss_of", None)


class Walked:
    """Stands for the graphs of a CPU, which has none: what was computed once is given again."""

    def warm(self, run: Callable[[], object]) -> None:
        """Run."""
        run()

    def record(self, run: Callable[[], object]) -> Callable[[], None]:
        """Run, and never again."""
        run()
        return lambda: None


def pictures(module: VeggieModule, size: int) -> Batch:
    """Pictures with an instruction for each."""
    batch = clips(module, size, 1)
    batch.examples = [one._replace(instruction=f"remove circle {row}") for row, one in enumerate(batch.examples)]
    return batch


def row(module: VeggieModule, name: str, batch: int, device: str) -> None:
    """Time steps of forward, backward and optimizer as they come in training: the host is ahead of the device."""
    given = pictures(module, batch)
    step = trainer_step(module, given, device)

    def run() -> None:
        module.mllm.prompt.tokens.clear()  # in training, instructions are new
        step()

    seconds = timed(run, device, TIMES, WARM, in_a_row=5)
    say(name, batch, f"{seconds * 1e3:.0f}", f"{batch / seconds:.0f}")


def host(module: VeggieModule, batch: int, device: str) -> None:
    """What stays outside of a graph: chance of each example, and the prompt."""
    given = pictures(module, batch)
    drawn: list[Any] = []
    seconds = timed(lambda: drawn.append(module.draw(given, "fit")), device, 10, 3)
    say("of it: chance and latents", batch, f"{seconds * 1e3:.1f}", "")
    frames, prompt = drawn[-1].frame_index, module.mllm.prompt
    asked = (module.queries.num_queries, module.mllm.tokens_per_frame, module.mllm.extra_tokens, module.mllm.num_slots)

    def lay_out() -> None:
        prompt.tokens.clear()
        prompt.layout(given.instruction, frames, *asked)

    seconds = timed(lay_out, device, 10, 3)
    say("of it: prompts", batch, f"{seconds * 1e3:.1f}", "")
    wait(device)
