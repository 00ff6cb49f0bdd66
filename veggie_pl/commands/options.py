"""What the commands on files take. Nothing here imports more than a parser, so that `--help` answers at once."""

from collections.abc import Callable
from typing import Literal

from veggie_pl.commands.parser import CommandParser
from veggie_pl.commands.synthesize_options import synthesize_options


def edit_options() -> CommandParser:
    """Make the options of ``edit``."""
    parser = CommandParser(prog="python -m veggie_pl edit", description="Edit one video or image as instructed.")
    parser.add_argument("source", type=str, help="video or image to edit")
    parser.add_argument("instruction", type=str, help="what to do, such as 'remove the red circle'")
    parser.add_argument("-o", "--output", type=str, required=True, help="video (.mp4) or image to write")
    parser.add_argument(
        "--mask",
        type=str | None,
        help="also write the filled region here: .mp4, .mov or .webm (alpha), .json (COCO run lengths), an image, or a "
        "folder of PNGs; the instruction names the fill colour, or one for each object",
    )
    parser.add_argument(
        "--region",
        type=str | None,
        help="white where pixels may change: a video, a picture or a folder of PNGs, of the source's size; the rest "
        "stays to the last bit",
    )
    parser.add_argument(
        "--local", action="store_true", help="with --region: compute only around it, where that comes to the same"
    )
    parser.add_argument("--reference", type=str | None, help="a picture that the instruction speaks of")
    parser.add_argument("--config", action="config", help="a YAML or JSON of these settings, as the page writes it")
    _add_model(parser)
    return parser


def app_options() -> CommandParser:
    """Make the options of ``app``."""
    parser = CommandParser(
        prog="python -m veggie_pl app",
        description="Serve a page on which clips are edited in the browser, until Ctrl-C. It needs the extra "
        "veggie-pl[app].",
    )
    parser.add_argument("--host", type=str, default="127.0.0.1", help="address to listen on; 0.0.0.0 is all of them")
    parser.add_argument("--port", type=int | None, help="(the first free one from 7860 on)")
    parser.add_argument(
        "--model", type=str | None, help="model folder; else the newest whole one under runs/, or the shipped one"
    )
    parser.add_argument("--device", type=str, default="auto", help="auto, cpu or cuda")
    parser.add_argument("--files", type=str | None, help="folder to keep uploads and edits below (that of the system)")
    parser.add_argument("--max-megabytes", type=int, default=100, help="of an upload, 10^6 bytes each")
    parser.add_argument("--max-frames", type=int, default=1024, help="of a clip")
    parser.add_argument("--max-waiting", type=int, default=20, help="edits that wait for the one at work")
    parser.add_argument("--max-minutes", type=int, default=60, help="that uploads and edits are kept for")
    return parser


def predict_options() -> CommandParser:
    """Make the options of ``predict``."""
    parser = CommandParser(prog="python -m veggie_pl predict", description="Edit every video and image of a folder.")
    parser.add_argument("source", type=str, help="folder of videos and images")
    parser.add_argument(
        "instruction", type=str | None, nargs="?", help="what to do; if left out, NAME.txt beside each NAME.mp4 says it"
    )
    parser.add_argument("-o", "--output", type=str, required=True, help="folder to write to, made if it is not there")
    parser.add_argument(
        "--masks",
        type=bool | Literal["mov", "webm", "json", "png"],
        default=False,
        help="also write NAME_mask for each file: true as the edit, mov or webm with alpha, json as COCO run lengths, "
        "png as a folder",
    )
    parser.add_argument("--max_errors", type=int, default=10, help="files that may be skipped before giving up")
    _add_model(parser)
    return parser


def _add_model(parser: CommandParser) -> None:
    parser.add_argument(
        "--model", type=str | None, help="model folder; else the newest whole one under runs/, or the shipped one"
    )
    parser.add_argument("--steps", type=int | None, help="sampling steps; more is slower and finer (the model's own)")
    parser.add_argument(
        "--guidance-task", type=float | None, help="how hard to follow the instruction, 1 is off (the model's own)"
    )
    parser.add_argument(
        "--guidance-source", type=float | None, help="how close to stay to the source, 1 is off (the model's own)"
    )
    parser.add_argument(
        "--keep",
        type=Literal["nothing", "background"],
        default="nothing",
        help="background: ask the model first where the edit belongs, and leave alone what lies elsewhere",
    )
    parser.add_argument(
        "--long",
        type=Literal["independent", "blended", "anchored"] | None,
        help="what makes the windows of a long clip agree: nothing but a fade in pixels; sampling them together; "
        "or also task tokens read from frames all over the clip (independent)",
    )
    parser.add_argument(
        "--window", type=int | None, help="frames of a window, from 1 to as many as the model takes (as many)"
    )
    parser.add_argument(
        "--overlap", type=int | None, help="frames that a window shares with the next, at least; 0 to window - 1 (1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, another edit")
    parser.add_argument("--device", type=str, default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--solver", type=str | None, help="scheduler of diffusers, such as UniPCMultistepScheduler (the model's own)"
    )
    parser.add_argument(
        "--reuse", type=int, default=1, help="sampling steps from one full pass of the network to the next; 1 is off"
    )
    parser.add_argument("--half", action="store_true", help="keep the diffusion model in bfloat16, for a GPU")
    parser.add_argument(
        "--compiled", action="store_true", help="compile the diffusion model by region: pays for many edits on a GPU"
    )


def prepare_options() -> CommandParser:
    """Make the options of ``prepare``."""
    parser = CommandParser(
        prog="python -m veggie_pl prepare", description="Make record tables from a data set on disk."
    )
    parser.add_argument("card", type=str, help="a card's file, or the name of one in data_cards")
    parser.add_argument(
        "--root",
        type=str | None,
        default=None,
        help="the data set's folder; datasets/NAME, or where your own card lies",
    )
    parser.add_argument("--output", "-o", type=str, default="prepared", help="tables go to OUTPUT/NAME/SPLIT")
    parser.add_argument("--splits", type=str, nargs="+", default=None, help="some of the card's splits")
    parser.add_argument("--num_workers", type=int, default=2, help="processes; 0 works in this one")
    parser.add_argument("--limit", type=int | None, default=None, help="rows per split at most, for a first look")
    parser.add_argument(
        "--again", action="store_true", help="anew, though card, lists and names of files are unchanged"
    )
    return parser


def manifest_options() -> CommandParser:
    """Make the options of ``manifest``."""
    parser = CommandParser(
        prog="python -m veggie_pl manifest",
        description="Start a bench from a folder of videos: a list with one row each, whose request is to be filled "
        "in, and a card beside it. Nothing is overwritten.",
    )
    parser.add_argument("folder", type=str, help="folder of videos, also in folders below")
    parser.add_argument(
        "-o", "--output", type=str, required=True, help="list to write, such as my_bench/manifest.jsonl"
    )
    return parser


def check_options() -> CommandParser:
    """Make the options of ``check``."""
    parser = CommandParser(
        prog="python -m veggie_pl check",
        description="Decode every sample of prepared tables in processes of their own, compare pairs, masks and "
        "tables, and write what training leaves out to ledger.jsonl in each table's folder.",
    )
    parser.add_argument(
        "tables", type=str, nargs="+", help="prepared/CARD/SPLIT, or a folder of such; give splits that belong together"
    )
    parser.add_argument("--num_workers", type=int, default=2, help="processes")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds that a sample may take")
    parser.add_argument("--memory", type=float, default=4.0, help="GiB that a sample may take")
    parser.add_argument("--quick", type=bool, default=False, help="decode first, middle and last frames only")
    parser.add_argument(
        "--near", type=int | None, help="also leave out training sources that look like held-out ones: bits of 64"
    )
    return parser


def prompt_options() -> CommandParser:
    """Make the options of ``prompt``."""
    parser = CommandParser(
        prog="python -m veggie_pl prompt",
        description="Write what a pipeline's text encoders make of the empty prompt, for configs: as "
        "`prompt` of a video model with `tokens_join: beside`, as `pooled_start` of SD3 and FLUX.",
    )
    parser.add_argument("folder", type=str, help="pipeline folder of diffusers with text encoders and tokenizers")
    parser.add_argument("-o", "--output", type=str, required=True, help="the .safetensors file to write")
    parser.add_argument(
        "--dtype", type=Literal["float32", "bfloat16"], default="float32", help="of the text encoders' weights"
    )
    return parser


def index_options() -> CommandParser:
    """Make the options of ``index``."""
    parser = CommandParser(prog="python -m veggie_pl index", description="Count the samples of WebDataset tar shards.")
    parser.add_argument(
        "shards", type=str, nargs="+", help="paths or addresses of tars; a-{000..127}.tar stands for 128 of them"
    )
    parser.add_argument("-o", "--output", type=str, required=True, help="the JSON to write")
    parser.add_argument(
        "--storage_options", type=str, default="{}", help="of the file system, as JSON, such as '{\"anon\": true}'"
    )
    return parser


def score_options() -> CommandParser:
    """Make the options of ``score``."""
    parser = CommandParser(
        prog="python -m veggie_pl score",
        description="Score the outputs of any method on a bench. What is there is listed before anything long starts; "
        "missing and unusable outputs get the worst score, and a second column leaves them out.",
    )
    parser.add_argument(
        "--bench", type=str, required=True, help="a bench card's file, or one of ours: shapes, veg, ..."
    )
    parser.add_argument(
        "--outputs", type=str, required=True, help="folder of the method's videos, pictures or folders of frames"
    )
    parser.add_argument("--method", type=str | None, help="what reports call the method (the name of the folder)")
    parser.add_argument(
        "--naming", type=str | None, help="how outputs are called: key, or index for SKILL/NUMBER (the card's)"
    )
    parser.add_argument(
        "--experts",
        type=str,
        nargs="*",
        default=[],
        help="ROLE=FOLDER of detector, image_text, features, judge; judge=MODEL@ADDRESS; or a YAML of classes by role",
    )
    parser.add_argument("--against", type=str, nargs="*", default=[], help="report.json of other methods, to compare")
    parser.add_argument("--human", type=str | None, help="CSV of people's ratings: which measures agree with them")
    parser.add_argument(
        "-o", "--output", type=str | None, help="new folder of the report (runs/score/METHOD/version_N)"
    )
    parser.add_argument("--prepared", type=str, default="prepared", help="folder of prepared tables")
    parser.add_argument(
        "--root", type=str | None, help="the bench's media, if they were moved since they were prepared"
    )
    parser.add_argument("--per_skill", type=int | None, help="examples of each skill (all)")
    parser.add_argument("--device", type=str, default="auto", help="auto, cpu or cuda")
    parser.add_argument("--devices", type=int, default=1, help="processes, each with a GPU of its own if there are any")
    parser.add_argument("--ray", type=bool, default=False, help="work on the cluster of RAY_ADDRESS, or a local one")
    parser.add_argument("--batch_size", type=int | None, help="outputs scored together (by size); numbers are the same")
    parser.add_argument(
        "--store", type=str, default="runs/score/store", help="folder of scores that are known already; '' keeps none"
    )
    parser.add_argument("--seed", type=int, default=0, help="of what intervals draw")
    return parser


OPTIONS: dict[str, Callable[[], CommandParser]] = {
    "edit": edit_options,
    "predict": predict_options,
    "app": app_options,
    "prepare": prepare_options,
    "manifest": manifest_options,
    "check": check_options,
    "index": index_options,
    "prompt": prompt_options,
    "score": score_options,
    "synthesize": synthesize_options,
}
