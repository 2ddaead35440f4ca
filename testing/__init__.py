"""The public test kit: features tested from rows written by hand, in milliseconds, without a server or a JVM.

With pytest, tables in files called `*.features.yaml` are tests too (`headrace.testing.plugin`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.names import names_from

if TYPE_CHECKING:
    from headrace.testing.evaluation import Evaluation, assert_feature_equal, evaluate
    from headrace.testing.repetition import EnginesDifferError
    from headrace.testing.rows import ARRIVES, CRASH, EOF, PAUSE, SOURCE

_HOME_OF = {
    "ARRIVES": "headrace.testing.rows",
    "SOURCE": "headrace.testing.rows",
    "CRASH": "headrace.testing.rows",
    "EOF": "headrace.testing.rows",
    "EnginesDifferError": "headrace.testing.repetition",
    "Evaluation": "headrace.testing.evaluation",
    "PAUSE": "headrace.testing.rows",
    "assert_feature_equal": "headrace.testing.evaluation",
    "evaluate": "headrace.testing.evaluation",
}

__all__ = [
    "ARRIVES",
    "CRASH",
    "EOF",
    "PAUSE",
    "SOURCE",
    "EnginesDifferError",
    "Evaluation",
    "assert_feature_equal",
    "evaluate",
]

__getattr__ = names_from(__name__, _HOME_OF)
