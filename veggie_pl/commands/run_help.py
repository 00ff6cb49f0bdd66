"""The short help of commands that read configs: their own options first, and the settings that people change most.

The whole list comes from the signatures of trainer, model and data, and takes torch and Lightning to make:
``--help-all``. A test looks that every option named here is one of theirs.
"""

import shutil
import textwrap

CONFIG = {"--config FILE": "a YAML of settings; may be given several times, later ones win"}
RUN = {
    "--trainer.max_steps N": "optimizer steps to train for",
    "--trainer.accelerator NAME": "auto, cpu or gpu",
    "--trainer.devices N": "processes, one a device",
    "--trainer.precision NAME": "32-true, bf16-mixed and others",
    "--trainer.val_check_interval N": "optimizer steps from one validation to the next",
    "--trainer.accumulate_grad_batches N": "batches to an optimizer step",
    "--trainer.logger false": "write no logs; also a class, see the README",
    "--seed_everything N": "of what has no seed of its own",
}
DATA = {
    "--data.batch_size N": "examples a process takes at a time",
    "--data.num_workers N": "processes that read data; 0 reads in the main one",
    "--data.timeout SECONDS": "how long reading one batch may take",
}
MODEL = {
    "--model.num_steps N": "sampling steps of edits while training and testing",
    "--model.mllm.init_args.folder FOLDER": "the MLLM, a transformers folder",
    "--init_from.folders [FOLDER]": "model folders or patterns whose weights the run starts from; null for none",
    "--freeze.frozen [PART]": "parts that do not learn",
}
CKPT = {"--ckpt_path FILE": "go on from this checkpoint; last or best are looked for in the run's earlier versions"}
OUTPUT = "--output, -o PATH"

# Command -> what it does, an example, and groups of options by title.
HELP: dict[str, tuple[str, str, dict[str, dict[str, str]]]] = {
    "fit": (
        "Train. Everything is in the configs; what the command line says wins over them.",
        "--config conf/stage1.yaml --trainer.max_steps 2000",
        {
            "options": {
                **CONFIG,
                "--dry-run": "show the data that the run would read, and stop",
                **CKPT,
                "--print_config": "print the merged settings as YAML, and stop",
            },
            "run": RUN,
            "data": DATA,
            "model": MODEL,
        },
    ),
    "validate": (
        "Loss and metrics of a checkpoint on held-out samples.",
        "--config conf/stage1.yaml --ckpt_path runs/stage1/version_0/checkpoints/last.ckpt",
        {"options": {**CONFIG, **CKPT}, "data": DATA, "model": MODEL},
    ),
    "test": (
        "Score a trained model, the newest under runs/ or the shipped one, on all eight skills.",
        "--model.folder runs/stage2/version_0/model",
        {
            "options": {
                "--model.folder FOLDER": "the model folder to score",
                "--model.num_steps N": "sampling steps (the folder's own)",
                "--model.quick JSON": "solver, reuse, half and compiled, as of `edit`",
                "--model.keep NAME": "background: its own mask steers edits, as of `edit`",
                "--model.baseline NAME": "score copy, the source itself, or oracle, the exact answer, instead",
                "--model.method CLASS": "score what another class makes: veggie_pl.metrics.EditedFiles reads it from"
                " --model.method.folder",
                "--evaluate.output FOLDER": "report.md and report.json go here (the run's folder)",
                "--evaluate.against FILE": "an earlier report.json to print beside this one",
                "--samples.per_skill N": "clips drawn of each skill",
                "--edits.folder FOLDER": "write every edit here, for `score`; --edits.kind png is without loss",
                "--data.num_test N": "clips scored of each skill",
                "--data.eval_batch_size N": "clips edited at a time",
                **CONFIG,
            },
            "run": {name: what for name, what in RUN.items() if "step" not in what},
        },
    ),
    "pretrain": (
        "Stage 0: the nano MLLM from nothing, a stand-in for pretrained weights (not part of VEGGIE).",
        "--output runs/stage0/mllm",
        {
            "options": {"--output FOLDER": "the transformers folder to write", **CONFIG, **CKPT},
            "run": RUN,
            "data": {"--data.batch_size N": "images of a step", "--data.num_workers N": DATA["--data.num_workers N"]},
        },
    ),
    "export": (
        "Make a model folder from a checkpoint, from another model folder, or from a config's untrained model.",
        "--checkpoint runs/stage1/version_0/checkpoints/last.ckpt -o my_model",
        {
            "options": {
                OUTPUT: "the model folder to write",
                "--checkpoint FILE": "a .ckpt of fit; its config is beside it",
                "--from FOLDER": "a model folder, in place of a checkpoint",
                "--half": "store float16, half the size",
                "--share_mllm FOLDER": "a folder with the same MLLM, which is then named instead of copied",
                "--adapters NAME": "the MLLM's LoRA adapters: merged into its weights, or separate, a peft folder",
                **CONFIG,
            },
            "model": MODEL,
        },
    ),
    "plan": (
        "Parameters, FLOPs, memory and time of a config on a named GPU; nothing is loaded.",
        "--config conf/stage2.yaml --gpu a100-80",
        {
            "options": {
                **CONFIG,
                "--gpu NAME": "what it will run on (a100-80); a wrong name lists the choices",
                "--num_frames N": "frames of a clip (the model's own)",
                "--text_tokens N": "tokens of instruction and chat template together (40)",
                OUTPUT: "also write the plan here, as JSON",
            },
            "run": RUN,
            "data": DATA,
            "model": MODEL,
        },
    ),
    "cache": (
        "Fill the caches of a run ahead: latents of sources and targets, vision features of sources, for every example"
        " that its steps will read. It says first how many entries and GB that is at most, and how much disk is free."
        " What is there already is not made again: after Ctrl-C, or a crash, the same command goes on.",
        "--config conf/stage1.yaml --model.mllm.init_args.cache runs/cache",
        {
            "options": {
                **CONFIG,
                "--workers N": "processes that read, and on a CPU compute (one for each core); 0 works in this one",
                "--dry_run": "say what it would take, and stop",
                "--model.vae.init_args.cache FOLDER": "latents go here, 2 x 4 bytes a latent number (KlCodec)",
                "--model.mllm.init_args.cache FOLDER": "vision features go here, while the vision tower is frozen",
                "--error_budget.max_bad FRACTION": "part of a stream's examples that may be unreadable (0.1)",
            },
            "run": RUN,
            "data": DATA,
            "model": MODEL,
        },
    ),
    "preview": (
        "Draw what a config feeds the model.",
        "--config conf/stage1.yaml -o runs/preview.png",
        {
            "options": {
                **CONFIG,
                OUTPUT: "the PNG to write (runs/preview.png)",
                "--split NAME": "fit, the training mixture; val or test, by skill (fit)",
                "--num_samples N": "samples to draw in the order they are fed (16)",
                "--per_stream N": "samples to draw of each stream (4)",
                "--start N": "number of the first one (0)",
                "--clips FOLDER": "also write sources here as mp4, instructions beside as txt",
            },
            "data": DATA,
        },
    ),
}


def run_help(command: str) -> str:
    """Write the short help of one of ``HELP``."""
    what, example, groups = HELP[command]
    width = shutil.get_terminal_size().columns - 2
    lines = [f"usage: python -m veggie_pl {command} [options]", "", *textwrap.wrap(what, width)]
    lines += [f"Example: python -m veggie_pl {command} {example}"]
    for title, options in groups.items():
        lines += ["", f"{title}:"]
        for name, meaning in {"-h, --help": "this text", **options}.items() if title == "options" else options.items():
            lines += textwrap.wrap(f"{name:38s} {meaning}", width, initial_indent="  ", subsequent_indent=" " * 41)
    lines += ["", f"All settings of trainer, model and data: python -m veggie_pl {command} --help-all"]
    return "\n".join(lines)
