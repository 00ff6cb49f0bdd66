"""A trained model as graphs of ONNX, for programs without torch: what reads, what predicts, and the codec's two ways.

Graphs take one clip of any number of frames up to ``queries.max_frames``, at the model's size. torch's older exporter,
which traces, writes them: ten times as fast as the newer one for these models, smaller, without the paths of source
files inside, and it needs no onnxscript.
"""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from veggie_pl.errors import UseError, one_line
from veggie_pl.inference.extras import need
from veggie_pl.model import VeggieModel, for_frames
from veggie_pl.models import Mllm
from veggie_pl.models.vision import interpolated
from veggie_pl.seeding import torch_rng

OPSET = 17  # has LayerNormalization; every runtime since 2022 reads it
LEAST_HALVED = 256  # numbers: smaller tensors, such as scales, stay float32
MOST_BYTES = 1 << 31  # that a file of ONNX can have: protobuf's limit
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Graph:
    """One file.

    Args:
        part: What is written.
        inputs: Names of its arguments.
        output: Name of its result.
        lengths: Of the tensors whose second axis may have any length: "frames", or "prompt" for the prompt's tokens.
    """

    part: nn.Module
    inputs: tuple[str, ...]
    output: str
    lengths: dict[str, str]


class Reads(nn.Module):
    """Frames and prompt -> task tokens: MLLM, queries and aligner.

    Raises:
        UseError: If the MLLM is of a kind that cannot be written.
    """

    def __init__(self, model: VeggieModel) -> None:
        super().__init__()
        mllm = model.mllm
        if type(mllm) is not Mllm or not (mllm.vision.counted_positions and mllm.vision.only_embeds):
            kind = getattr(getattr(mllm, "model", None), "config", None)
            raise UseError(
                f"an MLLM {type(mllm).__name__} {getattr(kind, 'model_type', '')} cannot be written as ONNX: only "
                "those can that see fixed-size frames and count positions, such as LLaVA-OneVision"
            )
        self.mllm, self.queries, self.aligner = mllm, model.queries, model.aligner
        self.side, size = mllm.vision.side, model.size
        self.resizes = size != (self.side, self.side)
        # What PIL's filter takes of each pixel, along each side; the filter itself has no operator.
        rows, columns = (
            interpolated(torch.eye(side)[None, None], (self.side, side), mllm.vision.filter)[0, 0] for side in size
        )
        self.rows: Tensor
        self.columns: Tensor
        self.register_buffer("rows", rows)
        self.register_buffer("columns", columns)

    def forward(
        self, source: Float[Tensor, "1 f 3 h w"], ids: Int[Tensor, "1 n"], positions: Int[Tensor, "1 all"]
    ) -> Float[Tensor, "1 f q d"]:
        """Read.

        Args:
            source: In [-1, 1].
            ids: Of the prompt up to the queries.
            positions: Of the prompt and the queries, see ``Prompt.layout``.
        """
        vision, base = self.mllm.vision, self.mllm.model.base_model
        frames = source.flatten(0, 1)
        if self.resizes:
            frames = (self.rows @ frames @ self.columns.T).clamp(-1, 1)
        frames = ((frames + 1) / 2 - vision.mean) / vision.std
        see = base.get_video_features if vision.part == "video" else base.get_image_features
        seen = see(**vision.pack(frames, 1), return_dict=True).pooler_output
        flat = seen if isinstance(seen, Tensor) else torch.cat([*seen])
        placeholders = (ids == self.mllm.prompt.vision_token_id)[:, :, None]
        embedded = self.mllm.model.get_input_embeddings()(ids).masked_scatter(placeholders, flat)
        place = torch.ones_like(source[:, :, 0, 0, 0], dtype=torch.long).cumsum(1) - 1  # not a number, that would stay
        queries = self.queries(place)
        hidden = base(
            inputs_embeds=torch.cat([embedded, queries.flatten(1, 2)], 1),
            attention_mask=torch.ones_like(positions),
            position_ids=positions,
            use_cache=False,
        ).last_hidden_state
        tokens: Tensor = self.aligner(hidden[:, ids.shape[1] :].reshape(queries.shape))
        return tokens if self.queries.every == 1 and not self.queries.per_clip else for_frames(tokens, source.shape[1])


class Predicts(nn.Module):
    """Noisy latents, source latents, timestep and task tokens -> what the noise process asks for."""

    def __init__(self, model: VeggieModel) -> None:
        super().__init__()
        self.viddm, self.predict = model.viddm, model.predict

    def forward(self, noisy: Tensor, source: Tensor, timestep: Tensor, tokens: Tensor) -> Tensor:
        """Predict."""
        return self.predict(noisy, source, timestep, tokens)


class Encodes(nn.Module):
    """Clip in [-1, 1] -> latents."""

    def __init__(self, model: VeggieModel) -> None:
        super().__init__()
        self.vae = model.vae

    def forward(self, clip: Tensor) -> Tensor:
        """Encode."""
        return self.vae.encode_source(clip)  # type: ignore[no-any-return]


class Decodes(nn.Module):
    """Latents -> clip in [-1, 1]."""

    def __init__(self, model: VeggieModel) -> None:
        super().__init__()
        self.vae = model.vae

    def forward(self, latents: Tensor) -> Tensor:
        """Decode."""
        return self.vae.decode(latents)  # type: ignore[no-any-return]


def graphs_of(model: VeggieModel) -> dict[str, Graph]:
    """Give the graphs of a model by the name of their file."""
    long = dict.fromkeys(("source", "noisy", "tokens", "predicted", "clip", "latents"), "frames")
    told: tuple[tuple[str, nn.Module, tuple[str, ...], str, dict[str, str]], ...] = (
        ("mllm", Reads(model), ("source", "ids", "positions"), "tokens", {"ids": "prompt", "positions": "all"}),
        ("unet", Predicts(model), ("noisy", "source", "timestep", "tokens"), "predicted", {}),
        ("encode", Encodes(model), ("clip",), "latents", {}),
        ("decode", Decodes(model), ("latents",), "clip", {}),
    )
    found = {}
    for name, part, inputs, output, more in told:
        lengths = {one: long[one] for one in (*inputs, output) if one in long} | more
        found[name] = Graph(part.eval(), inputs, output, lengths)
    return found


@torch.no_grad()
def example_inputs(model: VeggieModel, num_frames: int, instruction: str, seed: int = 0) -> dict[str, tuple[Any, ...]]:
    """Make up what each graph takes, for a clip of noise."""
    generator = torch_rng("onnx", seed)
    source = torch.rand(1, num_frames, 3, *model.size, generator=generator) * 2 - 1
    latents = model.vae.encode_source(source)
    noisy = torch.randn(latents.shape, generator=generator)
    index = torch.arange(num_frames)[None]
    queries, mllm = model.queries(index), model.mllm
    told = mllm.prompt.layout(
        *([instruction], index, queries.shape[2], mllm.tokens_per_frame, mllm.extra_tokens, mllm.num_slots),
        num_groups=queries.shape[1],
    )
    tokens = torch.randn(1, num_frames, queries.shape[2], model.viddm.width, generator=generator)
    timestep = torch.randint(model.objective.process.num_timesteps, (1,), generator=generator)
    return {
        "mllm": (source, told.ids[:, : -told.num_query_tokens], told.position_ids),
        "unet": (noisy, latents, timestep, tokens),
        "encode": (source,),
        "decode": (latents,),
    }


def write_graphs(model: VeggieModel, folder: Path, half: bool = False) -> None:
    """Write each graph into a folder.

    Args:
        model: Float32, on the CPU.
        folder: That is there.
        half: Store weights in 16 bits, half the size; they are cast to float32 when a graph is loaded.

    Raises:
        UseError: If a part cannot be written; the message names it and says why.
    """
    onnx = need("onnx", "onnx")
    examples = example_inputs(model, 3, "remove the red circle")
    for name, graph in graphs_of(model).items():
        place = folder / f"{name}.onnx"
        weights = sum(one.nbytes for one in graph.part.state_dict().values())
        if weights >= MOST_BYTES:
            raise UseError(f"{name} has {weights / 2**30:.1f} GiB of weights, a file of ONNX holds 2 GiB at most")
        axes = {one: {1: length} for one, length in graph.lengths.items()}
        how: dict[str, Any] = {"dynamo": False, "dynamic_axes": axes, "opset_version": OPSET}
        how |= {"input_names": [*graph.inputs], "output_names": [graph.output]}
        try:
            with warnings.catch_warnings(), torch.no_grad():
                warnings.simplefilter("ignore")  # of numbers that a trace keeps: parity is measured
                torch.onnx.export(graph.part, examples[name], str(place), **how)
        except Exception as problem:  # whatever an operator's translation raises
            raise UseError(f"{name} cannot be written as ONNX: {one_line(problem)[:300]}") from problem
        if half:
            file = onnx.load(place)
            halve(file)
            onnx.save(file, place)
        log.info("%s: %.1f MB", place, place.stat().st_size / 1e6)


def halve(file: Any) -> None:
    """Store the large float32 tensors of an ONNX model as float16, each with a cast behind it, in place."""
    onnx = need("onnx", "onnx")
    full, short = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    casts = []
    for one in file.graph.initializer:
        numbers = onnx.numpy_helper.to_array(one)
        if one.data_type == full and numbers.size >= LEAST_HALVED:
            name = one.name
            one.CopyFrom(onnx.numpy_helper.from_array(numbers.astype("float16"), f"{name}_half"))
            assert one.data_type == short
            casts.append(onnx.helper.make_node("Cast", [one.name], [name], to=full))
    nodes = [*casts, *file.graph.node]
    del file.graph.node[:]
    file.graph.node.extend(nodes)
