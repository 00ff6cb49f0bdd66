"""The report for TensorBoard: yields, histograms, sheets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from veggie_pl.synthesis.report.sheets import Sheet
from veggie_pl.synthesis.report.summary import Summary


def write_board(folder: Path, summary: Summary, shown: Mapping[str, Sequence[Sheet]]) -> None:
    """Write one event file.

    Args:
        folder: Of the log.
        summary: The numbers.
        shown: Pairs to look at, by what became of them.
    """
    writer = SummaryWriter(str(folder))
    try:
        for name in ("items", "kept", "rejected", "failed"):
            writer.add_scalar(f"synthesis/{name}", getattr(summary, name))
        for stage in summary.stages:
            writer.add_scalar(f"synthesis/{stage.name}/left", stage.left)
            writer.add_scalar(f"synthesis/{stage.name}/seconds", stage.seconds)
        for rule, count in summary.rules.items():
            writer.add_scalar(f"synthesis/rejected_by/{rule}", count)
        for spread in summary.spreads:
            middles = [(a + b) / 2 for a, b in zip(spread.edges[:-1], spread.edges[1:], strict=True)]
            counts = [a + b for a, b in zip(spread.kept, spread.rejected, strict=True)]
            if total := sum(counts):
                writer.add_histogram_raw(
                    f"synthesis/{spread.name}",
                    min=spread.edges[0],
                    max=spread.edges[-1],
                    num=total,
                    sum=sum(m * n for m, n in zip(middles, counts, strict=True)),
                    sum_squares=sum(m * m * n for m, n in zip(middles, counts, strict=True)),
                    bucket_limits=[*spread.edges[1:]],
                    bucket_counts=counts,
                )
        for state, pairs in shown.items():
            for place, sheet in enumerate(pairs):
                writer.add_image(f"synthesis/{state}", sheet.picture, place, dataformats="HWC")
        reasons = "\n".join(f"- {count} x {reason}" for reason, count in summary.reasons.items())
        writer.add_text("synthesis/reasons", reasons or "none failed")
    finally:
        writer.close()
