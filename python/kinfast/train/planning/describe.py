"""A run's config.json: what was asked for, and all that it came to."""

import hashlib
from dataclasses import asdict
from typing import Any

from kinfast import __version__
from kinfast.config import AUTO_BATCH
from kinfast.data.labels import LabelledSites
from kinfast.data.merged import STORES
from kinfast.data.store import PreparedStore
from kinfast.train.planning.plan import Plan

DECISIVE = {
    "split_hash": "split",
    "classes": "list of classes",
    "parameters_hash": "preprocessing",
    "data_hash": "set of images",
    "labels_hash": "set of labels",
    "streams": "choice of streams",
    "channels": "order of channels",
    "input_size": "input size",
}
"""Entries of config.json that must be the same for a run to go on, in words."""


def describe_run(store: PreparedStore, plan: Plan) -> dict[str, Any]:
    """Describe a run in full, so that it can be resumed, repeated and used to predict.

    `asked` holds the TrainConfig as it was given, None where a choice was left open; beside it stands what was chosen.
    """
    config = plan.config
    return {
        "software_version": __version__,
        **asdict(config),
        "asked": asdict(config) | ({"batch_size": AUTO_BATCH} if plan.batch_found else {}),
        "prepared": str(store.root.resolve()),
        "stores": store.dataset.get(STORES, []),
        "parameters_hash": parameters_hash(store),
        "data_hash": store.content_hash(),
        "label": plan.labels.label,
        "task": plan.labels.task,
        "classes": list(plan.labels.class_names),
        "labels_hash": labels_hash(plan.labels),
        "several_labels": plan.labels.multi_hot is not None,
        "soft_targets": plan.labels.soft,
        "split_by": plan.split.by,
        "folds": plan.split.n_folds,
        "split_hash": plan.split.hash,
        "composites": [composite.name for composite in plan.composites],
        "streams": [{"name": stream.name, "channels": list(stream.channels)} for stream in plan.composites],
        "channels": list(store.channels),
        "image_size": list(store.image_size),
        "input_size": plan.input_size,
        "loss": plan.loss,
        "class_weights": plan.weighs_classes,
        "learning_rate": plan.learning_rate,
        "optimizer_parameters": plan.optimizer,
        "switch_learning_rate": plan.switch_learning_rate or None,
        "switch_parameters": plan.switch_parameters,
        "precision": plan.precision.name,
        "steps_per_epoch": [plan.steps(fold, store.image_size) for fold in range(plan.split.n_folds)],
        "notes": list(plan.notes),
    }


def parameters_hash(store: PreparedStore) -> str:
    """Give the hash of the parameters that the store was made with; empty where it has none."""
    return str(store.dataset.get("parameters_hash", ""))


def labels_hash(labels: LabelledSites) -> str:
    """Give the hash of what each site is learned as: who corrects a plate map changes it and no image."""
    said = hashlib.sha256(labels.codes.tobytes())
    if labels.multi_hot is not None:
        said.update(labels.multi_hot.tobytes())
    return said.hexdigest()
