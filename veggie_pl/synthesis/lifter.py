"""One item after another through the four steps; what is in the store is not made again."""

import sys
from collections.abc import Sequence

from veggie_pl.errors import UseError, one_line
from veggie_pl.synthesis.item import DamagedError, Item, lacks_answers
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.protocols import Frames, ItemError
from veggie_pl.synthesis.steps import KINDS, StepName, Steps, Task, build_steps
from veggie_pl.synthesis.stills import Stills
from veggie_pl.synthesis.store import Store, StoreError, is_full, name_of

LAST: StepName = "assess"
ITEM = "item"  # where ends are kept, beside the steps
MAX_REASON = 300  # letters


class Lifter:
    """Lifts rows of a table, one by one.

    Args:
        task: What to do.
        steps: Made of the task already; None builds them.
        stills: The task's table, if it is open; None opens it.
        store: The task's store, likewise.

    Raises:
        UseError: If table, store or a step cannot be used.
    """

    def __init__(
        self, task: Task, steps: Steps | None = None, stills: Stills | None = None, store: Store | None = None
    ) -> None:
        self.task = task
        self.steps = steps or build_steps(task.steps)
        self.stills = stills or task.stills()
        self.store = store or task.open_store()
        self._identity = [self.steps.digests[name] for name in KINDS]

    def known(self, number: int) -> Outcome | None:
        """Look up how an item ended before; None where that is not known. Nothing is decoded."""
        return self._known(number, self._name(number))

    def _known(self, number: int, name: str) -> Outcome | None:
        found = self.store.get(ITEM, name)
        if found is None:
            return None
        try:
            known = Outcome.of(number, found)
        except (KeyError, TypeError, ValueError):
            return None
        return known if known.state != "kept" or self.store.get("pair", known.pair) is not None else None

    def lift(self, number: int, until: StepName = LAST) -> Outcome | None:
        """Take an item through the steps.

        Args:
            number: Row of the table.
            until: The step to stop after; the last one ends the item.

        Returns:
            How it ended; None if it has not.

        Raises:
            StoreError: If the store cannot be written to.
        """
        name = self._name(number)
        if (known := self._known(number, name)) is not None:
            return known
        try:
            return self._lift(number, name, until)
        except DamagedError:  # it is forgotten by now
            return self._lift(number, name, until)

    def clips(self, number: int) -> tuple[Frames, Frames]:
        """Return both clips of an item before they are encoded, from the store as far as they are there.

        Raises:
            ItemError: If a step cannot do it.
        """
        item = self._item(number)
        return item.animation().frames, item.carried().frames

    def _lift(self, number: int, name: str, until: StepName) -> Outcome | None:
        item = self._item(number)
        try:
            if until != LAST:
                item.reach(until)
                return None
            outcome = item.end()
        # Models and files break in ways that nobody has thought of: the item is counted with its reason, the others go
        # on until there are too many of them.
        except Exception as error:
            if isinstance(error, StoreError | DamagedError) or is_full(error):
                raise
            return self._failed(item, error)
        if not lacks_answers(outcome.facts["notes"]):
            self.store.put(ITEM, name, outcome.plain())
        return outcome

    def _failed(self, item: Item, error: Exception) -> Outcome:
        said = one_line(error)
        reason = said if isinstance(error, ItemError | UseError) else f"{type(error).__name__}: {said}"
        if (torch := sys.modules.get("torch")) is not None and isinstance(error, torch.OutOfMemoryError):
            torch.cuda.empty_cache()  # the next item may fit where this one did not
        key = self.stills.key(item.number)
        return Outcome(item.number, key, "failed", item.doing, reason[:MAX_REASON], seconds=item.seconds)

    def _item(self, number: int) -> Item:
        return Item(number, self.stills, self.steps, self.store, self.task.seed, self.task.lossless)

    def _name(self, number: int) -> str:
        """Name the end of an item by all that it depends on, without decoding anything."""
        parts: Sequence[object] = (self.stills.fingerprint(number), *self._identity, self.task.seed, self.task.lossless)
        return name_of(ITEM, *parts)
