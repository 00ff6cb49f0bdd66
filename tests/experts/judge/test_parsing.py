"""Replies are read strictly: what is plainly there counts, all else is told."""

import pytest

from veggie_pl.experts.judge.parsing import read_answers, read_ratings

AXES, SCALE = ("follow", "preserve", "quality"), (1.0, 10.0)
ALL = {"follow": 7.0, "preserve": 8.0, "quality": 9.0}
JSON = '{"follow": 7, "preserve": 8, "quality": 9, "reason": "good"}'


@pytest.mark.parametrize(
    "reply",
    [
        JSON,
        f"```json\n{JSON}\n```",
        f"Here is my rating: {JSON} I hope it helps, in 3 words.",
        f"<think>follow 2? {{'follow': 2}} no.</think>\n{JSON}",
        '{"Follow": 7.0, " PRESERVE ": "8", "quality": 9}',
        f"{JSON}\n{JSON}",
        "follow: 7\npreserve: 8\nquality: 9",
        "**Follow:** 7/10\n- Preserve = 8 out of 10 - hardly anything moved\n# quality: 9.",
        "I would say:\nfollow: 7, as it says\npreserve: 8.0\nquality: 9/10",
    ],
)
def test_plain_replies_are_read(reply: str) -> None:
    read = read_ratings(reply, AXES, SCALE)
    assert read.scores == ALL
    assert read.faults == []


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("", "empty reply"),
        (" \n", "empty reply"),
        ("<think>follow: 7</think>", "empty reply"),
        ("\u8fd9\u4e2a\u89c6\u9891\u5f88\u597d\uff0c8\u5206\u3002", "not in English"),
        ('{"\u9075\u5faa": 8, "\u4fdd\u7559": 7, "\u8d28\u91cf": 9}', "not in English"),
        ('{"follow": 7, "preserve": 8, "quality": 9', "malformed JSON"),
        ('{\n"follow": 7,\n"preserve": 8,\n"quality": 1', "malformed JSON"),
        ("{'follow': 7, 'preserve': 8, 'quality': 9}", "malformed JSON"),
        (f'{{"follow": {"9" * 5000}}}', "malformed JSON"),  # more digits than Python reads
        ('{"rating": 7}', "none of follow, preserve, quality"),
        ('{"follow": 7, "follow": 2, "preserve": 8, "quality": 9}', "follow is given twice"),
        (f"{JSON} or {JSON.replace('7', '3')}", "2 JSON objects that say different things"),
        ("The edit is very good, I like it.", "no number for follow"),
        ("I give 8 points.", "no number for follow"),
    ],
)
def test_other_replies_say_nothing(reply: str, fault: str) -> None:
    read = read_ratings(reply, AXES, SCALE)
    assert read.scores == {}
    assert fault in read.faults[0]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("11", "follow is 11, outside 1 to 10"),
        ("0", "follow is 0, outside"),
        ("-3", "follow is -3, outside"),
        ("1e999", "follow is inf, outside"),
        ("NaN", "follow is nan, outside"),
        ("null", "follow is no number: None"),
        ("true", "follow is no number: True"),
        ('"good"', "follow is no number: 'good'"),
        ('"7 or 8"', "follow is no number: '7 or 8'"),
        ("[7]", "follow is no number: [7]"),
    ],
)
def test_one_bad_axis_fails_alone(value: str, fault: str) -> None:
    read = read_ratings(JSON.replace(": 7", f": {value}", 1), AXES, SCALE)
    assert read.scores == {"preserve": 8.0, "quality": 9.0}
    assert [line.startswith(fault) for line in read.faults] == [True]


@pytest.mark.parametrize(
    "line",
    [
        "follow: 7 or 8",
        "follow: 7-8",
        "follow: 7,5",
        "follow: 7/5",
        "follow: seven",
        "follow: \uff17",
        "follow: -7",
        "follow:\n7. next",
        "follow up: 7",
        "follow: 7\nfollow: 3",
    ],
)
def test_lines_that_are_not_plain_are_not_guessed(line: str) -> None:
    read = read_ratings(f"{line}\npreserve: 8\nquality: 9", AXES, SCALE)
    assert read.scores == {"preserve": 8.0, "quality": 9.0}
    assert read.faults[0].startswith(("no number for follow", "follow is given 2 times"))


@pytest.mark.parametrize(
    ("reply", "share"),
    [
        ('{"answers": ["yes", "No", "YES.", "yes"]}', 75.0),
        ('{"answers": [true, false, false, false]}', 25.0),
        ("1. yes\n2. No, it is not\n3) yes\n**4: no**", 50.0),
        ("Q1: yes\nQuestion 2: yes\nQ3: yes\nQ4: yes", 100.0),
    ],
)
def test_checklists_are_the_share_of_yes(reply: str, share: float) -> None:
    assert read_answers(reply, 4).scores == {"checklist": share}


@pytest.mark.parametrize(
    "reply",
    [
        '{"answers": ["yes", "no", "yes"]}',
        '{"answers": ["yes", "no", "yes", "yes", "yes"]}',
        '{"answers": ["yes", "no", "maybe", "yes"]}',
        '{"answers": ["yes", 1, "no", "yes"]}',
        '{"answers": "yes"}',
        '{"answers": ["yes", "no"',
        "1. yes\n2. no\n3. yes",
        "1. yes\n1. no\n2. no\n3. yes\n4. no",
        "1. yes or no\n2. no\n3. yes\n4. no",
        "yes no yes no",
        "\u662f",
        "",
    ],
)
def test_checklists_count_whole_or_not_at_all(reply: str) -> None:
    read = read_answers(reply, 4)
    assert read.scores == {}
    assert len(read.faults) == 1
