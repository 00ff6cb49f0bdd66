"""The page: what is on it, and what its buttons do."""

from html import escape
from pathlib import Path

import gradio as gr
from gradio_client.utils import encode_file_path

from veggie_pl.app.files import PageFiles
from veggie_pl.app.options import DEFAULT, make_options, read_number, read_whole
from veggie_pl.app.request import EditRequest
from veggie_pl.app.service import EditService, Stopped
from veggie_pl.errors import UseError, keep_traceback, one_line
from veggie_pl.files import ROOT
from veggie_pl.video.clip import ClipError

HERE = Path(__file__).resolve().parent
EXAMPLE = ROOT / "docs/example.mp4"
EXAMPLES = (
    "highlight the green circle with red masks",
    "remove the green circle",
    "make the green circle blue",
    "change the background to stripes",
)
HINT = "A mask comes of what is painted, such as 'highlight the green circle with red masks'."
FILES = "Edit, mask, and edit.json for `python -m veggie_pl edit --config`"


class Page:
    """One model and what people do with it.

    Args:
        service: The model.
        files: Of those who are here.
    """

    def __init__(self, service: EditService, files: PageFiles) -> None:
        self.service, self.files = service, files

    def understand(self, instruction: str) -> str:
        """Tell what an instruction is taken for."""
        if not instruction.strip():
            return ""
        request = self.service.understand(instruction)
        scales = f"guidance {request.guidance.task:g} to the task, {request.guidance.source:g} to the source"
        skill = "of no skill that a rule knows" if request.skill is None else f"as **{request.skill}**"
        fills = f", painted {' and '.join(request.fills)}" if request.fills else ""
        return f"Understood {skill}{fills}; {scales}."

    def look(self, clip: str | None, request: gr.Request) -> str:
        """Tell what a clip is; one that cannot be edited is removed."""
        if clip is None:
            return ""
        source = self.files.upload(clip, _session(request))
        try:
            return self.service.describe(source)
        except UseError as error:
            self.files.drop(source)
            return f"**This cannot be edited:** {escape(one_line(error))}"

    def edit(
        self,
        clip: str | None,
        instruction: str,
        steps: float | None,
        seed: float | None,
        guidance_task: str | None,
        guidance_source: str | None,
        keep: str,
        region: str | None,
        long: str,
        window: str | None,
        overlap: str | None,
        matte: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio is asked for one
    ) -> tuple[str, list[str] | None, str]:
        """Edit: what to show, files to download, and what to say."""
        session = _session(request)
        source: Path | None = None
        try:
            source = self.files.upload(clip, session)
            allowed = self.files.upload(region, session) if region else None
            asked = EditRequest(
                instruction,
                read_whole(steps, "steps"),
                read_whole(seed, "seed") or 0,
                read_number(guidance_task, "guidance to the task"),
                read_number(guidance_source, "guidance to the source"),
                keep,
                None if long == DEFAULT else long,
                read_whole(read_number(window, "window"), "window"),
                read_whole(read_number(overlap, "overlap"), "overlap"),
                matte,
            )
            with self.files.edit_of(session) as (folder, stop):
                done = self.service.edit(
                    source, folder, asked, lambda share, what: progress(share, desc=what), stop, allowed
                )
        except Stopped:
            return "", None, "Stopped; nothing was kept."
        except UseError as error:
            if source is not None and isinstance(error, ClipError):
                self.files.drop(source)
            raise gr.Error(escape(one_line(error)), print_exception=False) from error
        except Exception as error:
            place = keep_traceback(error)
            raise gr.Error(f"A fault of the program; its traceback is in {place}", print_exception=False) from error
        files = [done.edit, *([done.matte] if done.matte else []), done.recipe]
        return _side_by_side(done.source, done.edit, done.mask), list(map(str, files)), "" if done.mask else HINT

    def stop(self, request: gr.Request) -> str:
        """Stop what somebody has begun."""
        return "Stopped; nothing was kept." if self.files.stop(_session(request)) else "Nothing is at work."

    def leave(self, request: gr.Request) -> None:
        """Somebody closes the page."""
        self.files.leave(_session(request))


def build(page: Page) -> gr.Blocks:
    """Lay the page out."""
    module = page.service.module
    with gr.Blocks(title="veggie_pl", analytics_enabled=False) as blocks:
        gr.Markdown("# veggie_pl\nA clip, one thing to change in plain English, and everything else untouched.")
        with gr.Row():
            with gr.Column(min_width=280):
                clip = gr.Video(label="Clip", sources=["upload", "webcam"], height=320, elem_id="clip")
                about = gr.Markdown(elem_id="about")
            with gr.Column(min_width=280):
                words = gr.Textbox(label="Instruction", lines=2, placeholder="remove the red circle", elem_id="words")
                skill = gr.Markdown(elem_id="skill")
                with gr.Accordion("Options", open=False):
                    options = make_options(module)
                with gr.Row():
                    start = gr.Button("Edit", variant="primary", elem_id="start")
                    halt = gr.Button("Stop", variant="stop", elem_id="stop")
                said = gr.Markdown(elem_id="said")
        clips = gr.HTML(elem_id="clips")
        files = gr.File(label=FILES, elem_id="files", file_count="multiple", interactive=False)
        if EXAMPLE.is_file():
            gr.Examples(
                [[str(EXAMPLE), text] for text in EXAMPLES], [clip, words], label="Examples", elem_id="examples"
            )
        clip.change(page.look, clip, about, api_name="look", show_progress="hidden")
        words.change(page.understand, words, skill, api_name="understand", show_progress="hidden", queue=False)
        given = [clip, words, *options]
        edited = start.click(page.edit, given, [clips, files, said], api_name="edit", concurrency_limit=1)
        halt.click(page.stop, None, said, api_name="stop", cancels=[edited], queue=False, show_progress="hidden")
        blocks.unload(page.leave)
    return blocks


def _side_by_side(source: Path, edit: Path, mask: Path | None) -> str:
    """Make videos that play together, by ``together.js``."""
    shown = {"source": source, "edit": edit, **({"mask": mask} if mask else {})}
    videos = [
        f'<figure><video src="/gradio_api/file={escape(encode_file_path(path))}" muted loop playsinline controls'
        f' preload="auto"></video><figcaption>{name}</figcaption></figure>'
        for name, path in shown.items()
    ]
    return f'<div class="together">{"".join(videos)}</div>'


def _session(request: gr.Request) -> str:
    return request.session_hash or ""
