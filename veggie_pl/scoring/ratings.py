"""What people say of outputs, read from a CSV file: ratings, or which of two is better."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from veggie_pl.errors import UseError
from veggie_pl.metrics.tables import Grid

ABSOLUTE = ("key", "method", "rating")
PAIRS = ("key", "method_a", "method_b", "winner")
WINNERS = {"a": 1.0, "b": -1.0, "tie": 0.0}
_SHOWN = 50  # bad rows listed
_FORMS = f"{','.join(ABSOLUTE)}[,rater] or {','.join(PAIRS)}[,rater]"


@dataclass(frozen=True)
class Rating:
    """What one person says.

    Args:
        key: Of the example.
        methods: The method that is rated, or the two that are compared.
        value: A rating, any scale, higher is better; of two methods 1 if the first is better, -1 if the second, else 0.
        rater: Who; empty where the file does not say.
    """

    key: str
    methods: tuple[str, ...]
    value: float
    rater: str = ""


@dataclass(frozen=True)
class BadRow:
    """A row that says nothing."""

    line: int  # in the file; the first is 1
    reason: str


@dataclass(frozen=True)
class Ratings:
    """All ratings of a file.

    Args:
        rows: Those that count.
        bad: Those that do not.
        are_pairs: Whether two methods are compared in each row.
        name: Of the file.
    """

    rows: tuple[Rating, ...]
    bad: tuple[BadRow, ...]
    are_pairs: bool
    name: str

    def problems(self) -> Grid | None:
        """List the rows that do not count; None where all do."""
        if not self.bad:
            return None
        rows = tuple((f"line {one.line}", one.reason) for one in self.bad[:_SHOWN])
        more = len(self.bad) - len(rows)
        note = f"{more} more are like them." if more > 0 else ""
        title = f"{self.name}: {len(self.bad)} of {len(self.bad) + len(self.rows)} rows do not count"
        return Grid(title, ("where", "why"), rows, note)


def read_ratings(path: Path, known: Mapping[str, Iterable[str]]) -> Ratings:
    """Read a file of ratings; a row that cannot count is listed with its reason, and the others do.

    Args:
        path: A CSV file in UTF-8 with a header; other columns are left alone.
        known: Keys of the examples that each method has an output of.

    Raises:
        UseError: If it cannot be read, lacks columns, or no row counts; the message names the columns or the first
            reason.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UseError(f"{path} cannot be read as text in UTF-8: {' '.join(str(error).split())}") from error
    lines = _lines(path, text)
    head = [name.lower() for name in next(lines, (1, []))[1]]
    are_pairs = set(PAIRS) <= set(head)
    if not are_pairs and not set(ABSOLUTE) <= set(head):
        raise UseError(f"{path} has the columns {','.join(head) or 'of an empty file'}; wanted are {_FORMS}")
    if twice := sorted({name for name in head if name and head.count(name) > 1}):
        raise UseError(f"{path} has columns twice: {', '.join(twice)}")
    keys = {method: frozenset(its) for method, its in known.items()}
    rows, bad, seen = [], [], dict[object, int]()
    for line, cells in lines:
        try:
            rating = _rating(dict(zip(head, cells, strict=False)), are_pairs, keys)
            if rating.rater and (first := seen.setdefault(_who(rating), line)) != line:
                raise UseError(f"{rating.rater} rated this in line {first} already")
        except UseError as error:
            bad.append(BadRow(line, str(error)))
            continue
        rows.append(rating)
    if not rows:
        why = f", the first, line {bad[0].line}: {bad[0].reason}" if bad else ": it has none"
        raise UseError(f"no row of {path} counts{why}")
    return Ratings(tuple(rows), tuple(bad), are_pairs, path.name)


def _lines(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Give the cells of each line that has any, with its number."""
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise UseError(f"{path}, line {reader.line_num}: {error}") from error


def _rating(row: Mapping[str, str], are_pairs: bool, known: Mapping[str, frozenset[str]]) -> Rating:
    wanted = PAIRS if are_pairs else ABSOLUTE
    if empty := [name for name in wanted if not row.get(name)]:
        raise UseError(f"no {' and no '.join(empty)}")
    methods = (row["method_a"], row["method_b"]) if are_pairs else (row["method"],)
    for method in methods:
        if method not in known:
            raise UseError(f"no report of the method {method!r}; there are {', '.join(known)}")
        if row["key"] not in known[method]:
            raise UseError(f"{method} has no sample {row['key']!r}")
    if len(set(methods)) < len(methods):
        raise UseError(f"compares {methods[0]} with itself")
    return Rating(row["key"], methods, _value(row, are_pairs), row.get("rater", ""))


def _value(row: Mapping[str, str], are_pairs: bool) -> float:
    if are_pairs:
        if (winner := row["winner"].lower()) not in WINNERS:
            raise UseError(f"the winner is {row['winner']!r}; the choices are {', '.join(WINNERS)}")
        return WINNERS[winner]
    try:
        value = float(row["rating"])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UseError(f"the rating is {row['rating']!r}, which is no number")
    return value


def _who(rating: Rating) -> tuple[str, str, frozenset[str]]:
    return rating.rater, rating.key, frozenset(rating.methods)
