from support.scored import report, sample

from veggie_pl.scoring.page.faults import MAX_ROWS, faults


def test_failed_outputs_are_listed_and_counted() -> None:
    samples = [
        sample("a", values={"success": 1.0}),
        sample("b", state="missing", reason="there is no file of its name"),
        sample("c", state="unfit", reason="has 3 frames"),
        sample("d", state="missing", reason="there is no file of its name"),
    ]
    found = faults({"ours": report("ours", samples, missing={"test/removal": 2}), "copy": report("copy", samples[:1])})
    assert [(name, one.key) for name, one in found.outputs] == [("ours", "b"), ("ours", "c"), ("ours", "d")]
    assert found.states == {"ours": {"missing": 2, "unfit": 1}, "copy": {}}
    assert found.missing == (("ours", "test/removal", 2),)
    assert found.judges == ()


def test_a_long_list_is_cut() -> None:
    samples = [sample(f"k{i}", state="missing") for i in range(MAX_ROWS + 7)]
    found = faults({"ours": report("ours", samples)})
    assert (len(found.outputs), found.num_outputs) == (MAX_ROWS, MAX_ROWS + 7)


def test_failures_of_judges_are_found_wherever_notes_have_them() -> None:
    samples = [
        sample("a", notes={"judge": {"replies": ["7"], "failures": []}}),
        sample("b", notes={"judge": {"replies": ["?", "!"], "failures": ["no JSON", "timed out"]}}),
        sample("c", notes={"failures": ["no JSON"]}),
        sample("d", notes={"fit": "64x64 resized to 32x32"}),
    ]
    (judge,) = faults({"ours": report("ours", samples)}).judges
    assert (judge.samples, judge.judged, judge.replies) == (2, 3, 3)
    assert judge.reasons == (("no JSON", 2), ("timed out", 1))
