"""What came of a run: yield, time, reasons, measures with their bounds, and pairs to look at."""

from veggie_pl.synthesis.report.page import write_report
from veggie_pl.synthesis.report.summary import Summary, summarize

__all__ = ["Summary", "summarize", "write_report"]
