"""The sentences that the nano tokenizer learns from: everything Moving Shapes says."""

from collections.abc import Iterator

from veggie_pl.data.instructions.grammar import Grammar
from veggie_pl.data.shapes.records import ShapesRecords
from veggie_pl.pretraining.lessons import Captions, Requests

# Words a person may well use that the world itself does not.
OTHER_WORDS = (
    "white black gray brown big small tiny huge object objects thing things shape shapes ball box arrow person dog "
    "cat car tree house water sky sun moon cloud hand face left right above below under over behind in front "
    "between next to near far first second third last one two three four five reference image style transfer same "
    "other each every all none without with from into onto please could would should can you make turn show me "
    "where what who why how many when does is are was were has have had not only also then before after while "
    "during until"
)


def sentences(count: int = 6000) -> Iterator[str]:
    """Questions and answers of both vocabularies, with and without motion."""
    yield from OTHER_WORDS.split()
    for vocabulary in ("small", "large"):
        for num_frames in (1, 8):
            for split in ("train", "test"):
                grammar = Grammar() if split == "train" else None
                records = ShapesRecords(split, num_frames=num_frames, vocabulary=vocabulary, size=16, grammar=grammar)
                for index in range(count // 8):
                    _, _, request, forms = Requests(records)[index]
                    yield request
                    assert not isinstance(forms, str)
                    yield " ".join(f"{slot} {word}" for slot, word in forms[0].items())
                    yield str(Captions(records)[index][3])
