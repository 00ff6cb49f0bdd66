"""Options as they are written."""

import pytest

from veggie_pl.cli import main
from veggie_pl.commands.parser import UsageError, value_of
from veggie_pl.files import CONF


def test_both_ways_to_give_a_value_mean_the_same() -> None:
    assert value_of("--checkpoint", ["--checkpoint", "a.ckpt"]) == "a.ckpt"
    assert value_of("--checkpoint", ["-o", "x", "--checkpoint=a=b.ckpt"]) == "a=b.ckpt"
    assert value_of("--checkpoint", ["--checkpoint=a", "--checkpoint", "b"]) == "b"
    assert value_of("--checkpoint", ["--checkpoints=a"]) is None
    with pytest.raises(UsageError, match="--checkpoint: expected one argument"):
        value_of("--checkpoint", ["--checkpoint"])


@pytest.mark.parametrize("given", [["--checkpoint", "none.ckpt"], ["--checkpoint=none.ckpt"]])
def test_checkpoint_that_is_not_there_is_said_before_a_model_is_built(given: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["export", *given, "-o", "x"])
    assert stopped.value.code == "error: no checkpoint at none.ckpt"


@pytest.mark.parametrize("given", [["--from", "none"], ["--from=none"]])
def test_folder_in_place_of_a_checkpoint_is_taken_both_ways(given: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["export", *given, "-o", "x"])
    assert "none is no model folder" in str(stopped.value.code)


def test_class_that_cannot_be_built_says_so_in_its_own_words() -> None:
    """Also where null would do, too: the parser knows of two types then."""
    with pytest.raises(SystemExit) as stopped:
        main(["test", "--data.test.init_args.vocabulary", "huge", "--model.baseline", "copy"])
    assert stopped.value.code == "error: unknown vocabulary 'huge'; the choices are small, large"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ["test", "--model.method", "veggie_pl.methods.VidTo"],
            "error: model.method names veggie_pl.methods.VidTo, which is not there; veggie_pl.methods has VidToMe",
        ),
        (
            ["fit", "--config", str(CONF / "stage1.yaml"), "--model.vae", "veggie_pl.models.KlCodek"],
            "error: model.vae names veggie_pl.models.KlCodek, which is not there; veggie_pl.models has KlCodec",
        ),
    ],
)
def test_class_that_is_not_there_is_told_from_those_that_are(args: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(args)
    assert str(stopped.value.code).startswith(said)


@pytest.mark.parametrize("option", ["--trainer.max_step", "--data.batch", "--model.num_step", "--conf"])
def test_half_a_name_is_no_option(option: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["fit", "--config", "conf/stage1.yaml", option, "1"])
    assert str(stopped.value.code).startswith("error: ")
    assert "\n" not in str(stopped.value.code)
    assert option.lstrip("-") in str(stopped.value.code)
