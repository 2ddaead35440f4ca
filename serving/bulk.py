"""Features of all entities of one kind as a table, in requests of a size that the store takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from headrace.runtime.online_store import OpenStore
from headrace.serving.asking import MAX_ENTITIES
from headrace.serving.online import OnlineStore


def served_table(
    store: OpenStore, project: str, references: Sequence[str], entities: Sequence[Mapping[str, Any]], at: datetime
) -> pa.Table:
    """A column for each feature (`view:feature`), a row for each entity, in order.

    Raises what `OnlineStore.get_online_features` does.
    """
    online = OnlineStore(project, store.registry, store.tiles)
    requests = [entities[start : start + MAX_ENTITIES] for start in range(0, len(entities), MAX_ENTITIES)]
    answers = [online.get_online_features(references, rows, at=at).to_arrow() for rows in requests or [[]]]
    return pa.concat_tables(answers).select(list(references))
