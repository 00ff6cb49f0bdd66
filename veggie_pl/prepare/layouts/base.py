"""How a data set lies on disk, and how its files become rows: one class per official layout."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.errors import UseError


class LayoutError(UseError):
    """Files that are not laid out as the card says; the message names the file and what was expected."""


class Layout(BaseModel):
    """Reads one official layout; its fields are what a card's ``layout:`` block may say.

    Two steps, so that much work can be shared among processes and taken up again: ``entries`` lists cheaply, in an
    order that never changes; ``rows`` does the work for one entry, in any process.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: ClassVar[str]  # its name in cards

    @property
    def needs_targets(self) -> bool:
        """Whether a row of an editing skill must have a target: not in benches of requests without exact answers."""
        return bool(getattr(self, "targets", True))

    @abstractmethod
    def entries(self, root: Path, split: str) -> Iterator[Any]:
        """What can be turned into rows one by one, e.g. a video's name: anything that can be pickled.

        Args:
            root: The data set's folder; nothing outside it may be read.
            split: train, val or test.

        Raises:
            LayoutError: If a file that all depends on is missing or cannot be parsed.
        """

    @abstractmethod
    def rows(self, root: Path, split: str, entry: Any) -> Iterator[Row | Skipped]:
        """The rows of one entry. Keys are unique within the split and start with no slash.

        A fault of one example is a ``Skipped``; masks are checked here, media are not opened (``check`` does).
        """

    def watched(self, root: Path, split: str) -> Iterator[Path]:
        """Files whose change makes another table, where entries do not tell; media are not among them."""
        return iter(())
