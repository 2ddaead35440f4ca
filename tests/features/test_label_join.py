"""What a label join declares, and what it refuses when the file is loaded."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import pytest

from headrace.errors import ColumnTypeError, DefinitionError, UnsupportedError
from headrace.features import IcebergTable, KafkaTopic, Source, Union, event_time
from headrace.features.label_join import label_join


class Scored(Source):
    history = IcebergTable("log.scored")
    live = KafkaTopic("scored")
    request: str
    attempt: int
    amount: float
    note: str | None
    at: datetime = event_time()


class Outcomes(Source):
    live = KafkaTopic("outcomes")
    request: str
    request_id: str
    attempt: int
    fraud: bool
    maybe: bool | None
    loss: float
    kind: Literal["chargeback", "fine"]
    tags: list[str]
    told_at: datetime = event_time()


class Labelled(Source):
    live = KafkaTopic("labelled")
    request: str
    fact: str
    at: datetime = event_time()


class Both(Union):
    sources = [Scored, Labelled]  # noqa: RUF012 (an annotated option is a column)
    request: str
    at: datetime = event_time()


GOOD: dict[str, Any] = {"on": "request", "label": "fraud", "missing": False, "wait": "1h"}


def declared(logged: Any = Scored, labels: Any = Outcomes, **changed: Any) -> Any:
    return label_join(logged, labels, **{**GOOD, **changed})


def test_a_join_is_all_values() -> None:
    found = declared(on={"request": "request_id", "attempt": "attempt"}, retention="2d")
    assert found.on == (("request", "request_id"), ("attempt", "attempt"))
    assert (found.wait_us, found.retention_us) == (3_600_000_000, 172_800_000_000)
    assert (found.logged.name, found.labels.name, found.label, found.missing) == ("Scored", "Outcomes", "fraud", False)
    assert found.where.file == __file__
    assert declared(on=["request", "attempt"]).on == (("request", "request"), ("attempt", "attempt"))


def test_the_ends_of_64_bits_may_be_missing_values() -> None:
    assert [declared(label="attempt", missing=end).missing for end in (-(2**63), 2**63 - 1)] == [-(2**63), 2**63 - 1]


def test_an_integer_is_the_missing_value_of_a_float() -> None:
    found = declared(label="loss", missing=0).missing
    assert (found, type(found)) == (0.0, float)
    assert declared(label="loss", missing=None).missing is None


REFUSED = [
    ({"wait": None}, DefinitionError, "no wait; say how long"),
    ({"wait": "0s"}, DefinitionError, "expected more than nothing"),
    ({"wait": "an hour"}, DefinitionError, "wait: 'an hour' is no duration"),
    ({"retention": 3}, DefinitionError, "retention: 3 is no duration"),
    ({"on": []}, DefinitionError, "on = .*at least one column"),
    ({"on": "requst"}, DefinitionError, "Scored has no column 'requst'; did you mean 'request'"),
    ({"on": {"request": "fraude"}}, DefinitionError, "Outcomes has no column 'fraude'; did you mean 'fraud'"),
    ({"on": {"request": "attempt"}}, ColumnTypeError, "Scored.request is str and Outcomes.attempt is int"),
    ({"on": {"note": "request"}}, ColumnTypeError, r"Scored.note is str \| None; expected one of bool, int, str"),
    ({"on": {"amount": "loss"}}, ColumnTypeError, "Scored.amount is float"),
    ({"label": "fruad"}, DefinitionError, "did you mean 'fraud'"),
    ({"label": "maybe"}, ColumnTypeError, "may be None, which is no label"),
    ({"label": "told_at"}, ColumnTypeError, "Outcomes.told_at is datetime"),
    ({"label": "tags"}, ColumnTypeError, r"is list\[str\]"),
    ({"missing": 0}, ColumnTypeError, "missing = 0; the label 'fraud' is bool"),
    ({"label": "loss", "missing": True}, ColumnTypeError, "missing = True; .* a finite float"),
    ({"label": "loss", "missing": float("nan")}, ColumnTypeError, "missing = nan"),
    ({"label": "attempt", "missing": True}, ColumnTypeError, "missing = True; the label 'attempt' is int"),
    ({"label": "attempt", "missing": 2**63}, ColumnTypeError, f"missing = {2**63} is beyond 64 bits; expected int of"),
    ({"label": "attempt", "missing": -(2**63) - 1}, ColumnTypeError, "beyond 64 bits"),
    ({"label": "loss", "missing": 10**400}, ColumnTypeError, "beyond 64 bits"),
    ({"label": "kind", "missing": "fin"}, DefinitionError, "none of the values of 'kind'; did you mean 'fine'"),
    ({"logged": Labelled}, DefinitionError, "Labelled has a column 'fact', which every fact has"),
    ({"logged": Both}, UnsupportedError, "logged = Both is a union"),
    ({"labels": "Outcomes"}, DefinitionError, "labels = 'Outcomes'; expected a subclass of Source"),
    ({"labels": Source}, DefinitionError, "expected a subclass of Source"),
]


@pytest.mark.parametrize(("changed", "error", "message"), REFUSED, ids=[str(case[0]) for case in REFUSED])
def test_what_cannot_be_meant_is_refused_with_its_place(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        declared(**changed)
    assert str(caught.value).split(": label_join")[0].rpartition(":")[0].endswith("test_label_join.py")
