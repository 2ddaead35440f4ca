"""The cluster in the client's JVM, where Flink itself fails; how it runs jobs is tried where jobs are run."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from headrace.runtime.flink_in_process import started


def test_a_cluster_whose_address_is_not_known_does_not_stay() -> None:
    jvm = MagicMock()
    cluster = jvm.org.apache.flink.runtime.minicluster.MiniCluster.return_value
    cluster.getRestAddress.return_value.get.side_effect = RuntimeError("no address")
    with pytest.raises(RuntimeError, match="no address"):
        started(jvm)
    cluster.start.assert_called_once_with()
    cluster.close.assert_called_once_with()
