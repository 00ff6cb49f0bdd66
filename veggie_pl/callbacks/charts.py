"""TensorBoard's page "Custom Scalars": one chart a measure, with the skills as its lines."""

from lightning import Callback, LightningModule, Trainer

from veggie_pl.batch import Skill
from veggie_pl.callbacks.held_out import measures_of
from veggie_pl.callbacks.writers import tensorboard_writers
from veggie_pl.data.benchmark import Measures

Sections = dict[str, dict[str, list[str]]]  # section of the page -> chart -> tags of its lines


class Charts(Callback):
    """Lay out the charts of a run, once."""

    def __init__(self) -> None:
        self._is_done = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the charts, now that it is known what learns."""
        parts = [name for name, part in pl_module.named_children() if any(p.requires_grad for p in part.parameters())]
        measures = measures_of(trainer, "val")
        write_charts(trainer, {} if self._is_done else {**training_charts(parts), **skill_charts("val", measures)})
        self._is_done = True


def write_charts(trainer: Trainer, sections: Sections) -> None:
    """Give the charts to the TensorBoard loggers of a run."""
    for writer in tensorboard_writers(trainer) if sections else []:
        writer.add_custom_scalars(
            {
                section: {name: ["Multiline", tags] for name, tags in charts.items()}
                for section, charts in sections.items()
            }
        )


def training_charts(parts: list[str]) -> Sections:
    """Make charts of losses by skill, and of learning rates and gradients by part."""
    by_part = {"learning rate": "lr", "gradient norm": "grad_norm"}
    return {
        "train": {"loss": [f"train/loss/{skill}" for skill in Skill]},
        "parts": {title: [f"{tag}/{part}" for part in parts] for title, tag in by_part.items()},
    }


def skill_charts(split: str, measures: Measures) -> Sections:
    """Make one chart for each measure of any skill; "score" is the measure that counts, of all eight, and their mean.

    Args:
        split: "val" or "test".
        measures: Of its benchmark.
    """
    rows = {skill: measures.of_skill(skill) for skill in Skill}
    names = {skill: [measure.name for measure in row.measures] for skill, row in rows.items()}
    charts = {
        name: [f"{split}/{name}/{skill}" for skill in Skill if name in names[skill]]
        for name in dict.fromkeys(name for own in names.values() for name in own)
    }
    score = [f"{split}/score", *(f"{split}/{row.headline}/{skill}" for skill, row in rows.items())]
    own = {"loss": "val/loss", "change_made": "val/change_made"} if split == "val" else {}  # a test computes none
    losses = {title: [f"{tag}/{skill}" for skill in Skill] for title, tag in own.items()}
    return {split: {"score": score, **losses, **charts}}
