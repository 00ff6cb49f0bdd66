import torch
from support.metric_batches import batch_of

from veggie_pl.batch import Skill, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.metrics import SkillTable

ROW = SkillTable(aspects=["motion"]).of_skill(Skill.VISUAL_FEATURE)


def test_motion_of_moving_shapes_sees_flicker_and_standing_still() -> None:
    stream = ShapesBenchmark(num_frames=6, skills=["visual_feature"]).streams()["visual_feature"]
    batch = collate([(i, stream[i]) for i in range(6)])
    assert batch.target is not None
    own = ROW(batch.source, batch)["warp_ratio"]
    assert own.tolist() == [1.0] * 6
    dark = torch.tensor([1.0, 0.7] * 3).view(6, 1, 1, 1)
    flicker, still = batch.target * dark, batch.target[:, :1].expand_as(batch.target)
    right, flickering, frozen = (ROW(one, batch)["warp_ratio"].mean() for one in (batch.target, flicker, still))
    assert right < 1.5
    assert flickering > 2 * right
    assert frozen > 1.3 * right
    assert (ROW(still, batch)["vbench_flickering"] == 100).all()  # VBench's takes it for perfect


def test_motion_does_not_depend_on_what_is_scored_beside_it() -> None:
    batch = batch_of(Skill.VISUAL_FEATURE, 5)
    together = ROW(batch.target, batch)
    for i in range(5):
        for name, values in ROW(batch.target[i : i + 1], batch.rows([i])).items():
            assert torch.equal(values, together[name][i : i + 1]), name
