"""What to switch on when a run does not fit, cheapest first."""

from collections.abc import Iterator
from dataclasses import dataclass

from jsonargparse import Namespace, dict_to_namespace

from veggie_pl.planning.devices import Device
from veggie_pl.planning.predict import Prediction, predict
from veggie_pl.progress import Tell

RANKS = (2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Advice:
    """One switch on top of those before it.

    Args:
        setting: As it is written on the command line.
        peak: Bytes with it, on one GPU.
        seconds: Of an optimizer step with it.
        fits: Whether that is enough.
    """

    setting: str
    peak: float
    seconds: float
    fits: bool


def advise(
    config: Namespace,
    now: Prediction,
    device: Device,
    num_frames: int | None,
    text_tokens: int,
    tell: Tell = lambda what, done, total: None,
) -> list[Advice]:
    """Try switches in the order of what they cost, until the run fits; ``tell`` is told how many have been tried."""
    given: list[Advice] = []
    config = config.clone()
    for number, change in enumerate(CHANGES):
        tell("switches tried", number, len(CHANGES))
        before = config.clone()
        if (setting := change(config)) is None:
            config = before
            continue
        found = predict(config, device, num_frames, text_tokens, tell=tell)
        if found.peak >= now.peak:
            config = before
            continue
        now = found
        given.append(Advice(setting, now.peak, now.seconds, now.peak <= device.memory))
        if given[-1].fits:
            return given
    given += _smaller_state(now, device)
    return given


def cheapest_switches(config: Namespace, count: int = 3) -> list[str]:
    """List the first switches that a config does not use yet, without asking whether they are enough."""
    config = config.clone()
    found = [setting for change in CHANGES if (setting := change(config)) is not None]
    return found[:count]


def _halve_frozen(config: Namespace) -> str | None:
    mllm = config.model.mllm.init_args
    if "mllm" not in config.freeze.frozen or mllm.get("dtype") == "bfloat16":
        return None
    mllm.dtype = "bfloat16"
    return "--model.mllm.init_args.dtype bfloat16"


def _checkpoint_viddm(config: Namespace) -> str | None:
    return _turn_on(config.model.viddm.init_args, "viddm")


def _checkpoint_mllm(config: Namespace) -> str | None:
    return _turn_on(config.model.mllm.init_args, "mllm")


def _turn_on(part: Namespace, name: str) -> str | None:
    if part.get("gradient_checkpointing"):
        return None
    part.gradient_checkpointing = True
    return f"--model.{name}.init_args.gradient_checkpointing true"


def _split_batch(config: Namespace) -> str | None:
    size = int(config.data.batch_size)
    if size == 1:
        return None
    config.data.batch_size = 1
    micro = int(config.trainer.accumulate_grad_batches or 1) * size
    config.trainer.accumulate_grad_batches = micro
    return f"--data.batch_size 1 --trainer.accumulate_grad_batches {micro}"


def _adapt(config: Namespace) -> str | None:
    """Train LoRA instead of the whole MLLM, whose frozen weights are then kept in 16 bits."""
    if "mllm" in config.freeze.frozen:
        return None
    config.freeze.frozen = [*(name for name in config.freeze.frozen if not name.startswith("mllm")), "mllm"]
    config.model.mllm.init_args.lora = dict_to_namespace({"rank": 16, "alpha": 32, "dropout": 0.0})
    config.model.mllm.init_args.dtype = "bfloat16"
    return (
        f"--freeze.frozen '[{', '.join(config.freeze.frozen)}]' --model.mllm.init_args.lora.rank 16 "
        "--model.mllm.init_args.dtype bfloat16"
    )


CHANGES = (_halve_frozen, _checkpoint_viddm, _checkpoint_mllm, _split_batch, _adapt)  # by what they cost


def _smaller_state(now: Prediction, device: Device) -> Iterator[Advice]:
    """Change no activation: an optimizer with a quarter of the state, then shards over several GPUs."""
    saved = 0.75 * now.memory["optimizer"]
    peak = now.peak - saved
    if saved:
        yield Advice("--model.optimizer bitsandbytes.optim.AdamW8bit", peak, now.seconds, peak <= device.memory)
    if peak <= device.memory:
        return
    held = ("weights", "average of the weights", "gradients", "optimizer")
    shards = sum(now.memory[name] for name in held) - saved
    for ranks in RANKS:
        each = peak - shards * (1 - 1 / ranks)
        if each <= device.memory or ranks == RANKS[-1]:
            name = f"shards over {ranks} GPUs (FSDP2 or ZeRO-3)"
            yield Advice(name, each, now.seconds, each <= device.memory)
            return
