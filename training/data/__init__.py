"""Tensors of Iceberg snapshots: pinned rows, splits, encoders, and micro-batches in a seeded order.

The public names are loaded on first use, so that importing the package loads no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.names import names_from

if TYPE_CHECKING:
    from headrace.training.data.changes import Appended, Replaced, follow
    from headrace.training.data.dataset import PinnedDataset
    from headrace.training.data.encoders import Dates, Flag, Hash, Raw
    from headrace.training.data.encoding import Category, Encoding, Fitted
    from headrace.training.data.filters import Condition, EntityShare, Present, TimeRange, before, entity_split, from_
    from headrace.training.data.fits import Standardize, Vocabulary
    from headrace.training.data.labels import Label
    from headrace.training.data.order import Order
    from headrace.training.data.rows import PinnedRows, RowCount
    from headrace.training.data.snapshot import Snapshot
    from headrace.training.data.tensors import TensorBatch

_NAMES_IN = {
    "dataset": ["PinnedDataset"],
    "encoders": ["Dates", "Flag", "Hash", "Raw"],
    "encoding": ["Category", "Encoding", "Fitted"],
    "filters": ["Condition", "EntityShare", "Present", "TimeRange", "before", "entity_split", "from_"],
    "fits": ["Standardize", "Vocabulary"],
    "changes": ["Appended", "Replaced", "follow"],
    "labels": ["Label"],
    "order": ["Order"],
    "rows": ["PinnedRows", "RowCount"],
    "snapshot": ["Snapshot"],
    "tensors": ["TensorBatch"],
}

__all__ = [
    "Appended",
    "Category",
    "Condition",
    "Dates",
    "Encoding",
    "EntityShare",
    "Fitted",
    "Flag",
    "Hash",
    "Label",
    "Order",
    "PinnedDataset",
    "PinnedRows",
    "Present",
    "Raw",
    "Replaced",
    "RowCount",
    "Snapshot",
    "Standardize",
    "TensorBatch",
    "TimeRange",
    "Vocabulary",
    "before",
    "entity_split",
    "follow",
    "from_",
]

__getattr__ = names_from(__name__, {name: f"{__name__}.{home}" for home, names in _NAMES_IN.items() for name in names})
