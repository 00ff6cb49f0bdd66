"""Digests of steps: class, version and settings, each of them counts."""

from veggie_pl.synthesis.digest import digest_of_step


def test_class_version_and_settings_all_count() -> None:
    found = {digest_of_step(owner, version, a=value) for owner in (1, "x") for version in (1, 2) for value in (1, "1")}
    assert len(found) == 8
    assert digest_of_step(1, 1, a=1, b=2) == digest_of_step(2, 1, b=2, a=1)
