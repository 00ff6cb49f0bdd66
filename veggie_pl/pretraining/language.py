"""Teach the nano MLLM to see and to read: next-word prediction of captions, and forms of requests, read at a glance."""

from collections.abc import Callable
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from diffusers.optimization import get_scheduler
from jaxtyping import Int
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor

from veggie_pl.data.shapes.language import NOTHING, SLOTS
from veggie_pl.models import Mllm
from veggie_pl.pretraining.lessons import Forms, Talk
from veggie_pl.seeding import numpy_rng
from veggie_pl.training.optimizer import scaled_optimizer

IGNORED = -100  # label of tokens that are given, not predicted


class WordIds(dict[str, int]):
    """First token of each word, looked up once."""

    def __init__(self, word_ids: Callable[[str], list[int]]) -> None:
        super().__init__()
        self.word_ids = word_ids

    def __missing__(self, word: str) -> int:
        self[word] = self.word_ids(word)[0]
        return self[word]


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
        self.slot_ids = WordIds(self.word_ids)

    def training_step(self, batch: Talk | Forms, batch_idx: int) -> Tensor:
        """Cross-entropy of the answers' tokens, or of the forms' words."""
        logits, labels = self.predict(batch)
        loss = F.cross_entropy(logits.flatten(0, -2).float(), labels.flatten(), ignore_index=IGNORED)
        kind = "caption" if isinstance(batch, Talk) else "form"
        self.log(f"train/{kind}_loss", loss, prog_bar=True, batch_size=len(batch.index))
        return loss

    def validation_step(self, batch: Talk | Forms, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Captions: share of whole answers that are right, word by word given those before. Forms: share by slot."""
        logits, labels = self.predict(batch)
        right = logits.argmax(-1) == labels
        if isinstance(batch, Talk):
            values = {"captions_right": (right | (labels == IGNORED)).all(1).float().mean()}
        else:
            asked = labels != self.slot_ids[NOTHING]
            values = {
                f"form_right/{slot}": right[..., k][asked[..., k]].float().mean()
                for k, slot in enumerate(self.order(batch))
                if asked[..., k].any()
            }
            values["form_right"] = (right | ~asked).all(-1).float().mean()
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        name = data.val_names[dataloader_idx]
        named = {f"val/{measure}/{name}": value for measure, value in values.items()}
        self.log_dict(named, batch_size=len(batch.index), add_dataloader_idx=False)

    def predict(self, batch: Talk | Forms) -> tuple[Tensor, Tensor]:
        """Logits (..., vocabulary) and labels (...) of what is to be said."""
        return self.predict_answers(batch) if isinstance(batch, Talk) else self.fill_forms(batch)

    def order(self, batch: Forms) -> list[str]:
        """Return the order in which a batch's forms list their slots: any, so that a slot is known by its name."""
        first = int(batch.index[0])
        return [SLOTS[k] for k in numpy_rng("slots", self.seed, first).permutation(len(SLOTS))]

    def fill_forms(self, batch: Forms) -> tuple[Tensor, Tensor]:
        """Logits (b, f, slots, vocabulary) and labels (b, f, slots).

        All words of all frames are read in one pass: where VEGGIE's queries will stand, stand the slots' names.
        """
        order = self.order(batch)
        names = self.mllm.embed_words(order)  # (slots, d)
        frame_index = self.place_frames(batch, 0 if batch.pictures is None else batch.pictures.shape[1])
        queries = names.expand(*frame_index.shape, -1, -1)
        hidden = self.mllm(batch.source, batch.request, queries, frame_index, batch.pictures)
        logits = self.mllm.model.lm_head(hidden)
        labels = [[[self.slot_ids[form[slot]] for slot in order] for form in forms] for forms in batch.form]
        return logits, torch.tensor(labels, device=logits.device)

    def word_ids(self, words: str) -> list[int]:
        """Token ids of some words."""
        ids: list[int] = self.mllm.tokenizer(words, add_special_tokens=False).input_ids
        return ids

    def place_frames(self, batch: Talk | Forms, num_pictures: int = 0) -> Int[Tensor, "b f"]:
        """Return a random place for each clip among the MLLM's slots, behind the pictures that come first."""
        num_frames, device = batch.source.shape[1], batch.source.device
        room = (self.mllm.num_slots or num_frames + num_pictures) - num_frames - num_pictures + 1
        first = [num_pictures + int(numpy_rng("slot", self.seed, i).integers(room)) for i in batch.index.tolist()]
        return torch.tensor(first, device=device)[:, None] + torch.arange(num_frames, device=device)

    def predict_answers(self, batch: Talk) -> tuple[Tensor, Tensor]:
        """Logits (b, n, vocabulary) and labels (b, n) of the answer block."""
        tokenizer, size = self.mllm.tokenizer, len(batch.answer)
        num_frames, device = batch.source.shape[1], batch.source.device
        frame_index = self.place_frames(batch)
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
        """Learn with all parameters."""
        optimizer = scaled_optimizer(self, self.make_optimizer, {}, self.trainer.precision)
        total = int(self.trainer.estimated_stepping_batches)
        schedule = get_scheduler(
            self.lr_schedule, optimizer, num_warmup_steps=self.lr_warmup_steps, num_training_steps=total
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
