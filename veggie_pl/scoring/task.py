"""What scoring needs to know, in words that travel to other processes and machines."""

from dataclasses import dataclass
from pathlib import Path

from veggie_pl.data.benchmark import Benchmark, Measures
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics.skills import SkillTable
from veggie_pl.prepare.bench import BenchCard, fingerprint, open_bench, read_bench
from veggie_pl.scoring.engine import Scorer
from veggie_pl.scoring.headers import KnownHeaders
from veggie_pl.scoring.measuring import identity_of, skill_table
from veggie_pl.scoring.store import ScoreStore
from veggie_pl.scoring.units import Unit, list_units


@dataclass(frozen=True)
class Task:
    """A bench, and by what its outputs are scored.

    Args:
        bench: File of a bench card, or the name of one of ours.
        prepared: Folder of the prepared tables.
        root: Folder of the bench's media, if they lie elsewhere than when they were prepared.
        experts: ``ROLE=FOLDER`` or YAML files, see ``veggie_pl.scoring.measuring``.
        per_skill: Examples of each skill; None is the card's number, all if it names none.
        batch_size: Outputs scored together; None is as many as fit into a few megabytes. The numbers are the same.
        store: Folder of what is known already; None keeps nothing.
    """

    bench: str
    prepared: str = "prepared"
    root: str | None = None
    experts: tuple[str, ...] = ()
    per_skill: int | None = None
    batch_size: int | None = None
    store: str | None = None

    def card(self) -> BenchCard:
        """Read the bench's card."""
        return read_bench(self.bench)

    def benchmark(self) -> Benchmark:
        """Open the bench."""
        benchmark = open_bench(self.bench, self.prepared, self.root, self.per_skill)
        if benchmark.card.layout is None:  # Moving Shapes, whose objects have a detector of their own
            benchmark.measures = SkillTable(ShapeDetector())
        return benchmark

    def units(self, benchmark: Benchmark) -> list[Unit]:
        """List what is scored."""
        return list_units(benchmark, fingerprint)

    def headers(self) -> KnownHeaders:
        """Open what is known of outputs that were looked at before."""
        return KnownHeaders(None if self.store is None else Path(self.store) / "headers")

    def measures(self, benchmark: Benchmark, device: str) -> Measures:
        """Build what outputs are scored by: the bench's own measures, with these experts."""
        cache = None if self.store is None else Path(self.store) / "features"
        return skill_table(benchmark, self.experts, device, cache)

    def scorer(self, device: str, benchmark: Benchmark | None = None) -> Scorer:
        """Build all of it.

        Args:
            device: Where experts and measures compute.
            benchmark: The bench, if it is open already; None opens it.
        """
        benchmark = benchmark or self.benchmark()
        measures = self.measures(benchmark, device)
        store = ScoreStore(None if self.store is None else Path(self.store) / "scores")
        return Scorer(benchmark.streams(), measures, identity_of(measures), store, self.batch_size, device)
