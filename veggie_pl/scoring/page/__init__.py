"""One HTML file to look at: numbers, worst and best clips, failures; self-contained, no script, no network."""

from veggie_pl.scoring.page.cards import ClipSource, Shown
from veggie_pl.scoring.page.published import PublishedRow, read_published
from veggie_pl.scoring.page.write import write_page

__all__ = ["ClipSource", "PublishedRow", "Shown", "read_published", "write_page"]
