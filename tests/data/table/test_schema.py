from datasets import Features, List, Value

from veggie_pl.batch import Example, Skill
from veggie_pl.data.table.schema import FEATURES, Row, from_columns, to_columns
from veggie_pl.masks.rle import Rle
from veggie_pl.video.media import Media

_TEXT = Value("string")
_MEDIA = {"path": _TEXT, "offset": Value("int64"), "size": Value("int64"), "data": Value("binary"), "name": _TEXT}
# As tables on disk have them: another order or type, and they must be prepared anew.
ON_DISK = {
    "key": _TEXT,
    "skill": _TEXT,
    "source": List(_MEDIA),
    "target": List(_MEDIA),
    "mask": List({"height": Value("int32"), "width": Value("int32"), "counts": _TEXT}),
    "instruction": _TEXT,
    "phrase": _TEXT,
    "fill": _TEXT,
    "place": List(Value("float64")),
    "start": Value("float64"),
    "stop": Value("float64"),
    "caption": _TEXT,
    "source_caption": _TEXT,
    "checklist": List(_TEXT),
    "frames": Value("int32"),
    "height": Value("int32"),
    "width": Value("int32"),
}
ROW = Row(
    Example(
        "a/b",
        Skill.ADDITION,
        None,
        "dog",
        "red",
        (0.0, 0.25, 0.5, 1.0),
        0.5,
        1.5,
        "A hat.",
        "A man.",
        ("A hat?", "A man?"),
    ),
    (Media("a.png"),),
    (Media("b.tar", 512, 9, name="x.png"), Media("c.png", data=b"c")),
    (Rle(4, 5, "d"),),
)


def test_columns_are_those_of_tables_on_disk() -> None:
    assert list(FEATURES) == list(ON_DISK)
    assert Features(ON_DISK) == FEATURES
    assert FEATURES.arrow_schema == Features(ON_DISK).arrow_schema


def test_every_fact_of_an_example_has_a_column_but_where_it_was_drawn() -> None:
    assert set(Example._fields) - set(FEATURES) == {"stream", "row"}


def test_row_comes_back_from_its_columns() -> None:
    columns = to_columns(ROW, 3, 4, 5)
    assert set(columns) == set(FEATURES)
    assert from_columns(FEATURES.decode_example(FEATURES.encode_example(columns))) == ROW


def test_fact_that_a_table_is_older_than_has_its_default() -> None:
    columns = to_columns(ROW)
    later = {"stop": 0.0, "caption": "", "source_caption": "", "checklist": ()}
    for name in later:
        del columns[name]
    assert from_columns(columns).example == ROW.example._replace(**later)
