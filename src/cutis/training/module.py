"""`LesionModule`: one training step, one validation step and the optimiser, for Lightning."""

from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor

from cutis.data.dataset import Sample
from cutis.data.transforms import Augmentation, mix_batch
from cutis.errors import InputError
from cutis.models.classifier import Classifier
from cutis.models.modes import evaluating
from cutis.models.transfer import (
    FineTuning,
    freeze,
    hold_frozen_statistics,
    parameter_groups,
)
from cutis.training.averaging import AveragedWeights
from cutis.training.losses import ClassificationLoss
from cutis.training.monitors import monitored
from cutis.training.optimizers import (
    OptimizerSettings,
    ScheduleSettings,
    create_optimizer,
    create_schedule,
)


class LesionModule(lightning.LightningModule):
    """A classifier with everything that training it needs.

    Args:
        model: The network.
        loss: What training minimises.
        soft_targets: Shape (n, k), by training row, the shares of each class that take the place of
            its diagnosis; None where nothing but the diagnosis is learned.
        fine_tuning, optimizer, schedule, augmentation: The settings of each concern.
        averages: Which means of weights are judged.
        seed: Of dropout and mixing; the data has its own.
        epochs: Length of the schedule.
    """

    soft_targets: Tensor | None

    def __init__(
        self,
        model: Classifier,
        loss: ClassificationLoss,
        *,
        soft_targets: Tensor | None = None,
        fine_tuning: FineTuning,
        optimizer: OptimizerSettings,
        schedule: ScheduleSettings,
        augmentation: Augmentation,
        averages: AveragedWeights,
        seed: int,
        epochs: int,
    ) -> None:
        super().__init__()
        self.model = model
        self.averages = averages
        self.loss = loss
        self.register_buffer("soft_targets", soft_targets, persistent=False)
        self._fine_tuning = fine_tuning
        self._optimizer = optimizer
        self._schedule = schedule
        self._augmentation = augmentation
        self._seed = seed
        self._epochs = epochs
        self._validation: list[tuple[Tensor, Tensor, Tensor]] = []
        self._averaged_step = 0
        freeze(model, fine_tuning)

    @property
    def judged(self) -> Classifier:
        """The network that validation judges and that ships."""
        return self.averages.judged(self.model)

    @property
    def head_only(self) -> bool:
        """Whether the backbone still waits for its head."""
        return self.current_epoch < self._fine_tuning.head_only_epochs

    def on_train_start(self) -> None:
        """Go on counting optimiser steps where a resumed run stopped."""
        self._averaged_step = self.global_step

    def on_train_epoch_start(self) -> None:
        """Put the layers that learn in training mode, and only those."""
        self.model.train()
        hold_frozen_statistics(self.model)

    def on_train_batch_start(self, _batch: Sample, batch_index: int) -> None:
        """Make the step a function of (seed, epoch, batch, rank), so that a resumed run repeats it."""
        place = [self._seed, self.current_epoch, batch_index, self.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))

    def training_step(self, batch: Sample, _batch_index: int) -> Tensor:
        """The loss of one batch."""
        known = batch.target if self.soft_targets is None else self.soft_targets[batch.row]
        images, targets = mix_batch(
            batch.image, known, self._augmentation, classes=len(self.loss.weights)
        )
        if self.head_only:
            with evaluating(self.model.backbone), torch.no_grad():
                features = self.model.features(images)
            logits = self.model.head(features)
        else:
            logits = self.model(images)
        loss: Tensor = self.loss(logits, targets)
        size = len(images)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        return loss

    def on_train_batch_end(self, _outputs: Any, _batch: Sample, _batch_index: int) -> None:
        """Move the averages, once per optimiser step."""
        if self.global_step > self._averaged_step:
            self.averages.update(self.model)
            self._averaged_step = self.global_step

    def validation_step(self, batch: Sample, _batch_index: int) -> None:
        """Keep logits, targets and rows until the whole split has been seen."""
        self._validation.append((self.judged(batch.image), batch.target, batch.row))

    def on_validation_epoch_end(self) -> None:
        """Log the validation figures of the whole split, in which every picture counts once.

        Raises:
            InputError: training has diverged.
        """
        logits, targets, rows = (torch.cat(parts) for parts in zip(*self._validation, strict=True))
        self._validation.clear()
        if self.trainer.world_size > 1:  # which get some pictures twice, to be given equally many
            logits, targets, rows = map(self._from_every_process, (logits, targets, rows))
            first = np.unique(rows.cpu().numpy(), return_index=True)[1]
            logits, targets = logits[first], targets[first]
        if not torch.isfinite(logits).all():
            raise InputError(
                f"epoch {self.current_epoch + 1}: training has diverged, the network's answers are no "
                "finite numbers; lower fine_tuning.learning_rate, clip gradients with "
                "trainer.clip_norm = 1, or compute with trainer.precision = '32-true'"
            )
        probabilities = logits.double().softmax(dim=1).cpu().numpy()
        found = monitored(targets.cpu().numpy(), probabilities)
        self.log_dict(found, sync_dist=False)

    def _from_every_process(self, values: Tensor) -> Tensor:
        gathered = self.all_gather(values)
        assert isinstance(gathered, Tensor)
        return gathered.flatten(0, 1)

    def configure_optimizers(self) -> Any:
        """The optimiser and a schedule that moves with every step."""
        groups = parameter_groups(self.model, self._fine_tuning)
        optimizer = create_optimizer(groups, self._optimizer)
        steps = int(self.trainer.estimated_stepping_batches)  # of one process; a last part counts
        schedule = create_schedule(
            optimizer,
            self._schedule,
            epochs=self._epochs,
            steps_per_epoch=steps // self._epochs,
        )
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]
