import csv
from pathlib import Path

import pytest

from veggie_pl.errors import UseError
from veggie_pl.scoring.ratings import Rating, read_ratings

KNOWN = {"a": ["k1", "k2"], "b": ["k1", "k2"]}


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "ratings.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_ratings_are_read_whatever_the_order_of_columns(tmp_path: Path) -> None:
    path = written(tmp_path, 'Method, rating ,comment,key,rater\r\na,4.5,"nice,\nreally",k1,ann\r\n\r\nb,-1,,k2,\r\n')
    found = read_ratings(path, KNOWN)
    assert found.rows == (Rating("k1", ("a",), 4.5, "ann"), Rating("k2", ("b",), -1.0))
    assert not found.are_pairs
    assert found.problems() is None


def test_pairs_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, "key,method_a,method_b,winner\nk1,a,b,A\nk1,b,a,b\nk2,a,b,tie\n", "utf-8-sig")
    found = read_ratings(path, KNOWN)
    assert [(row.methods, row.value) for row in found.rows] == [
        (("a", "b"), 1.0),
        (("b", "a"), -1.0),
        (("a", "b"), 0.0),
    ]
    assert found.are_pairs


def test_bad_rows_are_one_list_and_the_others_count(tmp_path: Path) -> None:
    lines = [
        "key,method,rating,rater",
        "k1,a,3,ann",
        "k1,zoo,3,ann",
        "k9,a,3,ann",
        "k2,a,good,ann",
        "k2,a,nan,ann",
        "k2,a",
        "k1,a,4,ann",
        "k1,a,4,bob",
    ]
    found = read_ratings(written(tmp_path, "\n".join(lines)), KNOWN)
    assert [row.rater for row in found.rows] == ["ann", "bob"]
    grid = found.problems()
    assert grid is not None
    assert grid.title == "ratings.csv: 6 of 8 rows do not count"
    assert grid.rows == (
        ("line 3", "no report of the method 'zoo'; there are a, b"),
        ("line 4", "a has no sample 'k9'"),
        ("line 5", "the rating is 'good', which is no number"),
        ("line 6", "the rating is 'nan', which is no number"),
        ("line 7", "no rating"),
        ("line 8", "ann rated this in line 2 already"),
    )


def test_bad_pairs_are_listed(tmp_path: Path) -> None:
    lines = ["key,method_a,method_b,winner,rater", "k1,a,a,a,", "k1,a,b,c,", "k1,a,b,a,ann", "k1,b,a,a,ann"]
    found = read_ratings(written(tmp_path, "\n".join(lines)), KNOWN)
    assert [one.reason for one in found.bad] == [
        "compares a with itself",
        "the winner is 'c'; the choices are a, b, tie",
        "ann rated this in line 4 already",
    ]


def test_a_long_list_is_cut_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, "key,method,rating\nk1,a,1\n" + "k1,zoo,1\n" * 60)
    grid = read_ratings(path, KNOWN).problems()
    assert grid is not None
    assert len(grid.rows) == 50
    assert grid.note == "10 more are like them."


def test_unnamed_raters_may_rate_again(tmp_path: Path) -> None:
    assert len(read_ratings(written(tmp_path, "key,method,rating\nk1,a,1\nk1,a,2\n"), KNOWN).rows) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key,method,score\nk1,a,1\n", "has the columns key,method,score; wanted are key,method,rating"),
        ("", "has the columns of an empty file"),
        ("key,method,rating,rating\nk1,a,1,2\n", "has columns twice: rating"),
        ("key,method,rating\n", "no row of .* counts: it has none"),
        ("key,method,rating\nk1,zoo,1\n", "no row of .* counts, the first, line 2: no report of the method 'zoo'"),
    ],
)
def test_a_file_of_no_use_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UseError, match=message):
        read_ratings(written(tmp_path, text), KNOWN)


def test_a_cell_without_an_end_is_an_error(tmp_path: Path) -> None:
    before = csv.field_size_limit(1000)  # other readers of lists raise it, for the whole process
    try:
        with pytest.raises(UseError, match="line 3: field larger"):
            read_ratings(written(tmp_path, "key,method,rating\nk1,a,1\n" + "x" * 2000), KNOWN)
    finally:
        csv.field_size_limit(before)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UseError, match=r"ratings\.csv cannot be read as text in UTF-8"):
        read_ratings(written(tmp_path, "key,é", "latin-1"), KNOWN)
    with pytest.raises(UseError, match=r"no\.csv cannot be read"):
        read_ratings(tmp_path / "no.csv", KNOWN)
