"""Every error that headrace raises on purpose.

One root, `HeadraceError`; each family is also the fitting builtin, so ``except ValueError`` keeps working. A message
says what is wrong, where, what was expected, what was found, and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


class HeadraceError(Exception):
    """The root of all errors raised by headrace."""


class DefinitionError(HeadraceError, ValueError):
    """A feature, source or view is declared wrongly; found when the file is loaded."""


class UnknownColumnError(DefinitionError, AttributeError):
    """A name that is no column of the source."""


class ColumnTypeError(DefinitionError, TypeError):
    """An operation does not fit the type of its column."""


class UnsupportedError(DefinitionError, NotImplementedError):
    """A construct that an engine cannot carry with the meaning of the design; refused by name."""


class SettingsError(HeadraceError, ValueError):
    """A setting is missing, unknown, or has a value that cannot be used."""


class PreflightError(HeadraceError, RuntimeError):
    """The machine lacks something that the local stack needs."""


class StackError(HeadraceError, RuntimeError):
    """A server of the local stack did not start, answer or stop."""


class ConnectorError(HeadraceError, RuntimeError):
    """An external system refused or failed."""


class NotFoundError(ConnectorError, LookupError):
    """A topic, table, keyspace, snapshot, run or view that does not exist."""


class RegistryConflictError(HeadraceError, RuntimeError):
    """Another process changed the registry first, or a name is already taken by something else."""


class RequestError(HeadraceError, ValueError):
    """A request for features is malformed: a reference, a row, or a key."""


class CutoverError(HeadraceError, RuntimeError):
    """History and live do not meet: a gap, an incomplete prefix, an expired snapshot or offset."""


class SchemaMismatchError(CutoverError, TypeError):
    """History, live and the declared source do not have the same columns."""


class UserFunctionError(HeadraceError, RuntimeError):
    """A user's function raised, or returned what it did not promise."""


class JobError(HeadraceError, RuntimeError):
    """A Flink job could not be submitted, failed, or cannot be resumed."""


class LedgerError(HeadraceError, RuntimeError):
    """A ledger cannot be drawn up (not: a ledger that does not hold, which is a result)."""


class ArtifactError(HeadraceError, ValueError):
    """Files of a model are missing, damaged, or of a kind that is not kept, such as a pickle."""


class ModelError(HeadraceError, ValueError):
    """A model or version is described wrongly, or its files or a learner's state are not of it."""


class TransitionError(ModelError):
    """A move of a version that its state does not allow, or without what the move needs: a reason, evidence."""


class DatasetError(HeadraceError, ValueError):
    """Rows that cannot be learned from: an empty split, labels that are none, a state of another dataset."""


class BadLabelError(DatasetError):
    """Labels of some rows are refused; `position` is that of the first."""

    position: int = 0


class TrainingError(HeadraceError, RuntimeError):
    """Training cannot go on, or cannot be resumed."""


class FolderTakenError(TrainingError):
    """Another run writes to the folder of a run."""


class NumericOverflowError(HeadraceError, OverflowError):
    """An integer aggregate left the range of BIGINT."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The closing sentence of an unknown-name error: a suggestion, or what there is.

    >>> did_you_mean("stauts", ["status", "amt"])
    "did you mean 'status'?"
    >>> did_you_mean("zzz", ["status", "amt"])
    'known: amt, status'
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names) or 'none'}"


def told_in(text: str) -> str | None:
    """The message of the UserFunctionError that an engine's own error quotes; None when it quotes none.

    >>> told_in("Invalid Input Error: ... UserFunctionError: risk(-1.0): ValueError: no\\n\\nAt: ...")
    'risk(-1.0): ValueError: no'
    """
    found = re.search(r"UserFunctionError: (.*)", text)
    return found[1] if found else None
