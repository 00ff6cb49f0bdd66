"""Does the last timestep of training show the answer? Sampling starts from nothing but noise, training may not.

    python -m benchmarks.leak [--model FOLDER] [--frames 8] [--num 32]

One pass of the network at the last timestep on grounding and reasoning of `val`: mIoU in % from latents noised as in
training, and from noise alone, as in sampling. A gap is what the model reads from the answer itself instead of from the
request (Lin et al., arXiv:2305.08891). Prints one row a skill.
"""

import argparse
from pathlib import Path

import torch

from veggie_pl.batch import Skill, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.diffusion.objective import Draws
from veggie_pl.files import TRAINED
from veggie_pl.inference.which_model import find_model
from veggie_pl.metrics import SkillTable
from veggie_pl.model_folder import load_model
from veggie_pl.module import VeggieModule
from veggie_pl.seeding import torch_rng


@torch.no_grad()
def gap(module: VeggieModule, skill: Skill, num_frames: int, num: int) -> tuple[float, float]:
    """Mean IoU in % of one pass: from the noised target, and from noise."""
    stream = ShapesBenchmark("val", num_frames=num_frames, skills=[skill.value]).streams()[skill.value]
    batch = collate([(index, stream[index]) for index in range(num)])
    generators = [torch_rng(0, "leak", key) for key in batch.key]
    frame_index = torch.arange(num_frames).expand(num, -1)
    tokens = module.aligner(module.mllm(batch.source, batch.instruction, module.queries(frame_index), frame_index))
    assert batch.target is not None
    source, target = module.vae.encode_source(batch.source), module.vae.encode_target(batch.target, generators)
    last = torch.full((num,), int(module.objective.scheduler.config.num_train_timesteps) - 1)
    noise = torch.stack([torch.randn(target.shape[1:], generator=generator) for generator in generators])
    kept = torch.zeros(num, dtype=torch.bool)
    noised = module.objective.add_noise(target, Draws(noise, last, kept, kept))
    scores = []
    for start in (noised, noise):
        edited = module.vae.decode(module.predict(start, source, last, tokens))
        scores.append(float(SkillTable(aspects=["answer"]).of_skill(skill)(edited, batch)["miou"].nanmean()))
    return scores[0], scores[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None, help="model folder; default: as `test` takes it")
    parser.add_argument("--frames", type=int, default=8, help="frames a clip")
    parser.add_argument("--num", type=int, default=32, help="clips a skill")
    args = parser.parse_args()
    module = load_model(args.model or find_model(TRAINED), VeggieModule)
    print("| mIoU % in one pass from | the noised answer | noise |\n|---|---:|---:|")
    for skill in (Skill.GROUNDING, Skill.REASONING):
        noised, noise = gap(module, skill, args.frames, args.num)
        print(f"| {skill.title} | {noised:.0f} | {noise:.0f} |", flush=True)


if __name__ == "__main__":
    main()
