"""Feast's online store in Cassandra, in a process of its own: a question a line of stdin, an answer a line of stdout.

Feast's interpreter runs this file alone, so nothing of headrace is imported. What is timed is timed here, so that the
pipe does not count. Questions and answers are JSON objects; `ask` names the method of `FeastStore` that answers.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

Asked = dict[str, Any]
#: Around any event time.
BEGIN, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class FeastStore:
    """A repository with one view of one entity, whose finished values are rows of a Parquet file.

    Args:
        asked: `host`, `port`, `datacenter` and `keyspace` of Cassandra, the `folder` of the repository, the `file` with
            its columns `time` and `key`, the name of the `view`, and its `features` by type, `int` or `float`.
    """

    def __init__(self, asked: Asked) -> None:
        from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
        from feast.types import Float64, Int64

        self.view, self.key, self.features = asked["view"], asked["key"], list(asked["features"])
        self.store = FeatureStore(config=RepoConfig(**_repository(asked)))
        entity = Entity(name=self.key, join_keys=[self.key], value_type=ValueType.INT64)
        types = {"int": Int64, "float": Float64}
        view = FeatureView(
            name=self.view,
            entities=[entity],
            ttl=timedelta(0),
            schema=[Field(name=name, dtype=types[type_]) for name, type_ in asked["features"].items()],
            source=FileSource(path=asked["file"], timestamp_field=asked["time"]),
        )
        self.store.apply([entity, view])

    def materialize(self, _: Asked) -> Asked:
        """Write the values of the file into the store, and tell what that took."""
        wall, cpu = time.monotonic(), time.process_time()
        self.store.materialize(BEGIN, END)
        return {"wall_s": time.monotonic() - wall, "cpu_s": time.process_time() - cpu}

    def settle(self, _: Asked) -> Asked:
        """Leave what is there by now out of every collection of garbage from here on."""
        gc.collect()
        gc.freeze()
        return {}

    def values(self, asked: Asked) -> Asked:
        """A row of values for each of the `keys`."""
        found = self._read(asked["keys"])
        return {"rows": list(zip(*(found[name] for name in self.features), strict=True))}

    def seconds(self, asked: Asked) -> Asked:
        """How long each of the `requests`, a list of keys, took, and processor seconds for all."""
        cpu = time.process_time()
        return {"seconds": [self._timed(keys) for keys in asked["requests"]], "cpu_s": time.process_time() - cpu}

    def _timed(self, keys: list[int]) -> float:
        began = time.perf_counter()
        self._read(keys)
        return time.perf_counter() - began

    def _read(self, keys: list[int]) -> dict[str, list[Any]]:
        """Columns by name. Keys go in as one column, which Feast takes in less time than rows."""
        features = [f"{self.view}:{name}" for name in self.features]
        answer = self.store.get_online_features(features=features, entity_rows={self.key: keys})
        found: dict[str, list[Any]] = answer.to_dict()
        return found


def _repository(asked: Asked) -> Asked:
    """Feast's settings: its own, but for the driver's newest protocol and requests sent to a node that has the row."""
    policy = {
        "load_balancing_policy": "TokenAwarePolicy(DCAwareRoundRobinPolicy)",
        "local_dc": asked["datacenter"],
    }
    online = {
        "type": "cassandra",
        "hosts": [asked["host"]],
        "port": asked["port"],
        "keyspace": asked["keyspace"],
        "protocol_version": 5,
        "load_balancing": policy,
    }
    return {
        "project": "feast",
        "provider": "local",
        "registry": f"{asked['folder']}/registry.db",
        "offline_store": {"type": "duckdb"},
        "online_store": online,
        "entity_key_serialization_version": 3,
    }


def main() -> None:
    """Answer until stdin ends; the first line is the repository, answered when it is there."""
    # What Feast prints must not get among the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    store = FeastStore(json.loads(sys.stdin.readline()))
    print(json.dumps({}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(getattr(store, asked["ask"])(asked)), file=answers, flush=True)


if __name__ == "__main__":
    main()
