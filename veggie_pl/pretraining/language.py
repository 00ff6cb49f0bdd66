"""Teach the nano MLLM to see and to read: next-word prediction of captions and parsed requests."""

from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from diffusers.optimization import get_scheduler
from jaxtyping import Int
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from veggie_pl.batch import Clips
from veggie_pl.chance import numpy_rng
from veggie_pl.data.mixture import BatchSampler
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.language import caption, parsed_edit
from veggie_pl.models import Mllm
from veggie_pl.pretraining.paraphrases import paraphrase

IGNORED = -100  # label of tokens that are given, not predicted


@dataclass
class Talk:
    """Clips with a question and its answer."""

    source: Clips
    question: list[str]
    answer: list[str]
    index: Int[Tensor, " b"]


class Talks(Dataset[tuple[int, torch.Tensor, str, str]]):
    """Every third example asks for a caption, the others for the parse of a request, half of these in other words.

    Args:
        images: Scenes as pictures.
        clips: Scenes as clips; None talks of pictures only.
        group: Examples that follow each other in one form, so that a batch can be stacked: of four groups the last
            is of clips.
    """

    def __init__(self, images: ShapesRecords, clips: ShapesRecords | None = None, group: int = 1) -> None:
        self.images, self.clips, self.group = images, clips, group

    def __getitem__(self, index: int) -> tuple[int, torch.Tensor, str, str]:
        moving = self.clips is not None and index // self.group % 4 == 3
        records = self.clips if moving and self.clips is not None else self.images
        source = records[index].source
        scene, edit, instruction = records.draw(index)
        rng = numpy_rng("talk", records.split, records.seed, index)
        if rng.random() < 1 / 3:
            return index, source, "Describe the video.", caption(scene, records.num_frames)
        if records.split != "test" and rng.random() < 0.5:
            instruction = paraphrase(edit.skill, rng, edit.slots(scene))
        return index, source, instruction, parsed_edit(edit, scene, records.num_frames)


def collate_talks(rows: list[tuple[int, torch.Tensor, str, str]]) -> Talk:
    """Stack."""
    index, source, question, answer = zip(*rows, strict=True)
    return Talk(torch.stack(source), list(question), list(answer), torch.tensor(index))


class TalkData(L.LightningDataModule):
    """Endless training talks from Moving Shapes, and a held-out set of them.

    Args:
        images: Training pictures.
        val: Held-out sets by name; each is logged under its name.
        clips: Training clips, a quarter of the batches; None trains on pictures only.
        batch_size: Talks a step.
        num_val: Held-out talks of each set.
        num_workers: Processes that make them.
    """

    def __init__(
        self,
        images: ShapesRecords,
        val: dict[str, ShapesRecords],
        clips: ShapesRecords | None = None,
        batch_size: int = 32,
        num_val: int = 256,
        num_workers: int = 1,
    ) -> None:
        super().__init__()
        self.images, self.clips, self.val = images, clips, val
        self.batch_size, self.num_val, self.num_workers = batch_size, num_val, num_workers

    def train_dataloader(self) -> DataLoader[tuple[int, torch.Tensor, str, str]]:
        """From the talk after the last one trained on."""
        assert self.trainer is not None
        sampler = BatchSampler(self.trainer.global_step * self.batch_size, self.batch_size)
        talks = Talks(self.images, self.clips, self.batch_size)
        return DataLoader(talks, batch_sampler=sampler, collate_fn=collate_talks, num_workers=self.num_workers)

    def val_dataloader(self) -> list[DataLoader[tuple[int, torch.Tensor, str, str]]]:
        """The first ``num_val`` of each set."""
        sets = [torch.utils.data.Subset(Talks(records), range(self.num_val)) for records in self.val.values()]
        return [DataLoader(talks, batch_size=64, collate_fn=collate_talks) for talks in sets]


class LanguageModule(L.LightningModule):
    """The language loss of stage 0; VEGGIE itself has none.

    Args:
        mllm: The MLLM to train.
        optimizer: Makes the optimizer.
        lr_schedule: A name of ``diffusers.optimization.get_scheduler``.
        lr_warmup_steps: Optimizer steps of linear warm-up.
        seed: Seeds the places of images among the slots of a clip.
    """

    def __init__(
        self,
        mllm: Mllm,
        optimizer: OptimizerCallable,
        lr_schedule: str = "cosine",
        lr_warmup_steps: int = 200,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.mllm = mllm.train()
        self.make_optimizer, self.lr_schedule, self.lr_warmup_steps = optimizer, lr_schedule, lr_warmup_steps
        self.seed = seed

    def training_step(self, batch: Talk, batch_idx: int) -> Tensor:
        """Cross-entropy of the answer's tokens."""
        logits, labels = self.predict_answers(batch)
        loss = F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED)
        self.log("train/language_loss", loss, prog_bar=True, batch_size=len(batch.answer))
        return loss

    def validation_step(self, batch: Talk, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Loss, and the share of answer tokens and of whole answers that the model predicts, given those before."""
        logits, labels = self.predict_answers(batch)
        loss = F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED)
        right = (logits.argmax(-1) == labels) | (labels == IGNORED)
        counted = labels != IGNORED
        values = {
            "language_loss": loss,
            "tokens_right": (right & counted).sum() / counted.sum(),
            "answers_right": right.all(1).float().mean(),
        }
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        name = list(data.val)[dataloader_idx]
        named = {f"val/{measure}/{name}": value for measure, value in values.items()}
        self.log_dict(named, batch_size=len(batch.answer), add_dataloader_idx=False)

    def predict_answers(self, batch: Talk) -> tuple[Tensor, Tensor]:
        """Logits (b, n, vocabulary) and labels (b, n) of the answer block."""
        tokenizer, size = self.mllm.tokenizer, len(batch.answer)
        num_frames, device = batch.source.shape[1], batch.source.device
        room = (self.mllm.num_slots or num_frames) - num_frames + 1
        first = [int(numpy_rng("slot", self.seed, i).integers(room)) for i in batch.index.tolist()]
        frame_index = torch.tensor(first, device=device)[:, None] + torch.arange(num_frames, device=device)
        layout = self.mllm.prompt.layout(
            batch.question, frame_index, 1, self.mllm.tokens_per_frame, self.mllm.extra_tokens, self.mllm.num_slots
        )
        assert layout.position_ids is not None
        ids, mask, positions = (
            block[:, :-num_frames] for block in (layout.ids, layout.attention_mask, layout.position_ids)
        )  # without the query block: the answer stands in its place
        answers = [
            [*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id] for text in batch.answer
        ]
        longest = max(map(len, answers))
        labels = torch.tensor([answer + [IGNORED] * (longest - len(answer)) for answer in answers], device=device)
        steps = torch.arange(1, longest + 1, device=device)
        hidden = self.mllm.model.base_model(
            input_ids=torch.cat([ids, labels.clamp(min=0)], 1),
            attention_mask=torch.cat([mask, (labels != IGNORED).long()], 1),
            position_ids=torch.cat([positions, positions[:, -1:] + steps.expand(size, -1)], 1),
            use_cache=False,
            **self.mllm.vision_inputs(batch.source),
        ).last_hidden_state
        logits = self.mllm.model.lm_head(hidden[:, -longest - 1 : -1])
        return logits, labels

    def configure_optimizers(self) -> Any:
        """All parameters learn."""
        optimizer = self.make_optimizer(self.parameters())
        total = int(self.trainer.estimated_stepping_batches)
        schedule = get_scheduler(
            self.lr_schedule, optimizer, num_warmup_steps=self.lr_warmup_steps, num_training_steps=total
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
