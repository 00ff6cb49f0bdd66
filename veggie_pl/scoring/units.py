"""What is scored, one by one: an example of a bench, named without decoding it."""

from collections.abc import Callable
from dataclasses import dataclass

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Benchmark
from veggie_pl.data.streams import Stream
from veggie_pl.errors import UseError

Fingerprint = Callable[[Stream, int], str]


@dataclass(frozen=True)
class Unit:
    """One example of a bench.

    Args:
        stream: Name of its stream in the bench.
        skill: Its skill, which is that of all examples of the stream.
        index: Its number there.
        key: Its name, which outputs may be called by.
        fingerprint: Changes with what the example holds.
    """

    stream: str
    skill: Skill
    index: int
    key: str
    fingerprint: str


def list_units(benchmark: Benchmark, fingerprint: Fingerprint, per_skill: int | None = None) -> list[Unit]:
    """List the examples of a bench, stream by stream.

    Args:
        benchmark: Its streams hold one skill each.
        fingerprint: Tells what an example holds, without decoding it.
        per_skill: The first so many of each stream; None is all.

    Raises:
        UseError: If two examples have one key, or there is none.
    """
    units: list[Unit] = []
    for name, stream in benchmark.streams().items():
        skill = skill_of(name, stream)
        for index in range(len(stream) if per_skill is None else min(per_skill, len(stream))):
            units.append(Unit(name, skill, index, stream.key(index), fingerprint(stream, index)))
    if not units:
        raise UseError("the bench holds no examples")
    seen: dict[str, Unit] = {}
    for unit in units:
        if unit.key in seen:
            raise UseError(f"{unit.key} is the key of two examples, in {seen[unit.key].stream} and in {unit.stream}")
        seen[unit.key] = unit
    return units


def skill_of(name: str, stream: Stream) -> Skill:
    """Tell the skill of a stream that is named after it.

    Raises:
        UseError: If the name is no skill's.
    """
    try:
        return Skill(name)
    except ValueError:
        raise UseError(f"a bench has one stream a skill, named after it; {name!r} is none of {list(Skill)}") from None
