"""Structs and lists as columns: what can be declared and written, and what is refused at its line, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.errors import ColumnTypeError, DefinitionError, UnknownColumnError, UnsupportedError
from headrace.features import Definitions, load_views
from headrace.features.column import SourceColumn

HEAD = """
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, NotRequired, TypedDict
import ibis
from headrace import *

@dataclass(slots=True)
class Spot:
    country: str
    lat: float | None = None

class Home(Spot):
    zip: str | None

class Network(TypedDict):
    kind: Literal["wifi", "cable"] | None
    spot: Spot | None

class Device:
    os: str
    type: str | None
    network: Network | None
    marks: list[int]
"""
SOURCE = """
class Tx(Source):
    live = KafkaTopic("tx")
    account: str
    cents: int
    device: Device
    home: Home | None
    tags: list[str]
    seen: list[datetime | None] | None
    visits: list[Spot | None] | None
    ts: datetime = event_time()
"""
VIEW = """
class Fraud(FeaturePipeline):
    owner = "a@b.c"
    features = [f.over("1h")]
"""
Load = Callable[..., Definitions]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a file made of pieces."""

    def make(*pieces: str) -> Definitions:
        path = tmp_path / "user.py"
        path.write_text("".join((HEAD, *pieces)))
        return load_views(path)

    return make


def feature(body: str) -> str:
    return f"\n@transformation\ndef f(tx: Tx, wspec: WindowSpec):\n    return {body}\n"


def of(argument: str) -> str:
    return feature(f"tx.groupby('account')[{argument}].window(wspec).last()")


def in_words(column: SourceColumn) -> str:
    """A column and its fields in one line."""
    inner = f"({', '.join(map(in_words, column.fields))})" if column.fields else ""
    return f"{column.name} {column.type}{inner}{' or NULL' if column.optional else ''}"


def test_classes_with_annotations_are_structs(load: Load) -> None:
    columns = load(SOURCE, of("tx.cents"), VIEW).sources["Tx"].columns
    assert [in_words(column) for column in columns][2:-1] == [
        "device struct(os str, type str or NULL, network struct(kind str or NULL, spot struct(country str, "
        "lat float or NULL) or NULL) or NULL, marks list[int](element int))",
        "home struct(country str, lat float or NULL, zip str or NULL) or NULL",
        "tags list[str](element str)",
        "seen list[datetime](element datetime or NULL) or NULL",
        "visits list[struct](element struct(country str, lat float or NULL) or NULL) or NULL",
    ]
    assert columns[2].fields[2].fields[0].choices == ("cable", "wifi")


def test_a_class_may_be_written_below_the_annotation_of_another(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "later.py"
    path.write_text("from __future__ import annotations\n" + HEAD + SOURCE + of("tx.device.network.spot.lat") + VIEW)
    assert load_views(path).views["fraud"].features[0].aggregate.type == "float"


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("tx.device.os", "device.os"),
        ("tx['device']['type']", "device.type"),
        ("tx.device.network.spot.lat + 1", "add(device.network.spot.lat, cast:float(1))"),
        ("tx.device.network.isnull()", "is_null(device.network)"),
        ("tx.tags.length()", "list_length(tags)"),
        ("tx.tags[0]", "element(tags, 0)"),
        ("tx.device.marks[-1]", "element(device.marks, -1)"),
        ("tx.seen[1].hour()", "floor_divide(modulo(micros(element(seen, 1)), 86400000000), 3600000000)"),
        ("tx.visits[0].country", "element(visits, 0).country"),
        ("tx.tags.contains(tx.device.os)", "list_contains(tags, device.os)"),
        ("tx.tags.join('-')", 'list_join(tags, "-")'),
        ("tx.device.marks.maxs()", "list_max(device.marks)"),
        ("tx.assign(d=tx.device).d.os", "device.os"),
    ],
)
def test_parts_become_scalars(load: Load, argument: str, text: str) -> None:
    found = load(SOURCE, of(argument), VIEW).views["fraud"].features[0].aggregate.argument
    assert found is not None
    assert found.text() == text


BODIES = [
    ("(tx.cents > 1) & (tx.device.type == 'a')", UnsupportedError, r"and of the constant False .*device\['name'\]"),
    ("(tx.device.type != 'a') | (tx.cents > 1)", UnsupportedError, "or of the constant True"),
    ("(tx.device.type == 'a') ^ (tx.cents > 1)", UnsupportedError, "xor of the constant False"),
    ("ibis.ifelse(tx.device.type == 'phone', 1, 2)", UnsupportedError, "the condition of a case of the constant False"),
    ("tx.device.oss", UnknownColumnError, "'oss' is no field of device; did you mean 'os'"),
    ("tx.device['oss']", UnknownColumnError, "'oss' is no field of device; did you mean 'os'"),
    ("tx.device.network.spot.city", UnknownColumnError, "'city' is no field of spot; known: country, lat"),
    ("tx.device", ColumnTypeError, r"last\(\) of device \(struct\) .*; name a field of it: device\['...'\]"),
    ("tx.tags", ColumnTypeError, r"last\(\) of tags .* take an element of it, tags\[0\], or its length\(\)"),
    ("tx.device.type", DefinitionError, "bound method"),
    ("tx.visits[0].city", UnknownColumnError, "'city' is no field of .*; known: country, lat"),
    ("tx.visits[0]", ColumnTypeError, r"last\(\) of element\(visits, 0\) \(struct\) .*; name a field of it"),
    ("tx.visits.contains(None)", ColumnTypeError, r"contains of list\[struct\] is not supported"),
    ("tx.visits.maxs()", ColumnTypeError, r"maxs of list\[struct\] is not supported"),
    ("tx.device == tx.device", ColumnTypeError, r"equals of struct .*; name a field of it: device"),
    ("ibis.coalesce(tx.tags, tx.tags)", ColumnTypeError, r"coalesce of list\[str\] is not supported; take an element"),
    ("tx.device.identical_to(tx.device)", ColumnTypeError, "identical_to of struct"),
    ("ibis.ifelse(tx.cents > 1, tx.device, None).os", ColumnTypeError, "case of struct"),
    ("tx.tags[tx.cents]", UnsupportedError, "the place of an element must be a constant"),
    ("tx.tags[2**31]", DefinitionError, "at most 31 bits"),
    ("tx.tags[1:]", UnsupportedError, "'ArraySlice'.*take elements"),
    ("tx.tags.contains(1)", DefinitionError, ""),
    ("tx.tags.contains(tx.cents)", DefinitionError, ""),
    ("tx.seen.contains(tx.ts)", ColumnTypeError, r"contains of list\[datetime\] is not supported; expected list\[bool"),
    (
        "tx.tags.maxs()",
        ColumnTypeError,
        r"maxs of list\[str\] is not supported; expected list\[date\] or list\[datetime",
    ),
    ("tx.device.marks.sums()", UnsupportedError, "'ArraySum'.*Flink's SQL has no such function"),
    ("tx.tags.map(lambda tag: tag.length())[0]", UnsupportedError, "'ArrayMap'"),
    ("tx.tags.join(tx.account)", UnsupportedError, "what stands between must be a constant"),
    ("ibis.array([1, tx.cents])[0]", UnsupportedError, "'Array'.*come from the source only"),
    ("ibis.struct({'a': tx.cents}).lift()", DefinitionError, ""),
    ("ibis.literal([1, 2]).length()", UnsupportedError, "a constant that is a list"),
    ("tx.account.split(',')[0]", UnsupportedError, "let the record have a list"),
]


@pytest.mark.parametrize(("argument", "kind", "message"), BODIES, ids=[argument for argument, _, _ in BODIES])
def test_what_has_no_meaning_is_refused_at_its_line(
    load: Load, argument: str, kind: type[Exception], message: str
) -> None:
    pieces = (SOURCE, of(argument), VIEW)
    line = "".join((HEAD, *pieces)).split("return tx")[0].count("\n") + 1
    with pytest.raises(kind, match=rf"user\.py:{line}: f: .*{message}"):
        load(*pieces)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("tx.device.type == 'phone'", r"found False: so it is whatever the rows are; .* a method of ibis"),
        ("tx.device.type != 'phone'", r"found True: so it is .*, write tx\.device\['name'\]; or no column"),
    ],
)
def test_a_filter_that_no_row_decides_says_what_may_be_meant(load: Load, condition: str, message: str) -> None:
    with pytest.raises(ColumnTypeError, match=message):
        load(SOURCE, feature(f"tx[{condition}].groupby('account').window(wspec).count()"), VIEW)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("device", "'device' is struct; a key must be bool, int, str; let the record have the key as a column of its"),
        ("tags", r"'tags' is list\[str\]; a key must be"),
        ("device.os", "'device.os' is no column of Tx"),
    ],
)
def test_a_key_is_a_column_of_its_own(load: Load, key: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        load(SOURCE, feature(f"tx.groupby('{key}').window(wspec).count()"), VIEW)


CLASSES = """
class Tree:
    left: "Tree | None"

class Lacking:
    a: "Missing"

class Total(TypedDict, total=False):
    a: str

class Maybe(TypedDict):
    a: NotRequired[str]

class Valued:
    a: str = "x"

class Bag:
    marks: list[int]

@dataclass(slots=True)
class Slotted:
    a: str = "x"

@dataclass
class Made:
    a: list[str] = field(default_factory=list)

class Filled(NamedTuple):
    a: str = "x"

class Empty:
    pass

class Named(NamedTuple):
    a: str

class Odd:
    Name: str
"""
COLUMNS = [
    ("x: Tree", "column 'x.left' is Tree within Tree; a struct has an end"),
    ("x: Lacking", "column 'x': the type of a field of Lacking is unknown: name 'Missing'"),
    ("x: Total", "Total has total=False; write `| None`"),
    ("x: Maybe", "column 'x.a' has type .*NotRequired"),
    ("x: Valued", "Valued.a = 'x'; what a record lacks has no default; write `a: ... | None`"),
    ("x: Slotted", "Slotted.a = 'x'; what a record lacks has no default"),
    ("x: Made", "Made.a = <class 'list'>; what a record lacks has no default"),
    ("x: Filled", "Filled.a = 'x'; what a record lacks has no default"),
    ("x: Empty", "column 'x' has type .*Empty.*a class with such annotations"),
    ("x: Odd", "column 'Name' is no valid name"),
    ("x: list", "column 'x' has type <class 'list'>"),
    ("x: list[list[int]]", r"column 'x' is a list of list\[int\]; a list is of str, int"),
    ("x: list[Device]", "column 'x' is a list of structs in which 'network' is structs in which 'kind' is Literal"),
    ("x: list[Bag]", r"column 'x' is a list of structs in which 'marks' is list\[int\]"),
    ("x: list[Literal['a']]", "column 'x' is a list of Literal; a list is of"),
    ("x: list[bytes]", r"column 'x\[\]' has type <class 'bytes'>"),
    ("x: dict[str, int]", r"column 'x' has type dict\[str, int\]"),
    ("x: Spot | Network", "column 'x' has type .*Spot"),
]


@pytest.mark.parametrize(("column", "message"), COLUMNS)
def test_what_no_column_can_be_is_refused_at_the_source(load: Load, column: str, message: str) -> None:
    source = SOURCE.replace("    cents: int\n", f"    cents: int\n    {column}\n")
    line = "".join((HEAD, CLASSES, source)).split("class Tx")[0].count("\n") + 1
    with pytest.raises(DefinitionError, match=rf"user\.py:{line}: .*{message}"):
        load(CLASSES, source, of("tx.cents"), VIEW)


def test_a_named_tuple_is_a_struct_too(load: Load) -> None:
    source = SOURCE.replace("    cents: int\n", "    cents: int\n    x: Named\n")
    assert load(CLASSES, source, of("tx.x.a"), VIEW).views["fraud"].features[0].aggregate.type == "str"


def test_an_id_is_no_struct_and_a_request_has_no_parts(load: Load) -> None:
    with pytest.raises(DefinitionError, match="unique_by = 'device' is struct; an id must be str or int"):
        load(SOURCE.replace("    account", "    unique_by = 'device'\n    account"), of("tx.cents"), VIEW)
    with pytest.raises(UnsupportedError, match=r"column 'spot' is struct; expected str, int.*take its parts apart"):
        load("\nclass Checkout(Request):\n    spot: Spot\n")


def test_a_function_takes_parts_and_no_whole(load: Load) -> None:
    function = "\n@udf(returns=int)\ndef half(x):\n    return x\n"
    load(SOURCE, function, of("half(tx.device.marks[0])"), VIEW)
    with pytest.raises(ColumnTypeError, match=r"an argument of half\(\) of struct .*name a field of it"):
        load(SOURCE, function, of("half(tx.device)"), VIEW)


SQL = [
    ("device.os", "tx.device.os"),
    ("tx.device.network.spot.country", "tx.device.network.spot.country"),
    ("DEVICE.OS", "tx.device.os"),
    ("device['type']", "tx.device['type']"),
    ("tags[1]", "tx.tags[0]"),
    ("tags[-1]", "tx.tags[-1]"),
    ("visits[1].country", "tx.visits[0].country"),
    ("visits[-1]['lat']", "tx.visits[-1].lat"),
    ("device.marks[2]", "tx.device.marks[1]"),
    ("len(tags)", "tx.tags.length()"),
    ("array_length(tags)", "tx.tags.length()"),
    ("list_contains(tags, device.os)", "tx.tags.contains(tx.device.os)"),
    ("array_to_string(tags, '-')", "tx.tags.join('-')"),
    ("list_max(device.marks)", "tx.device.marks.maxs()"),
]


def sql(argument: str) -> str:
    text = f"SELECT account, last_value({argument}) FROM tx GROUP BY account"
    return f'\n@sql_transformation\ndef f(tx: Tx, wspec: WindowSpec):\n    return """{text}"""\n'


@pytest.mark.parametrize(("written", "python"), SQL)
def test_sql_by_hand_is_the_expression_of_python(load: Load, written: str, python: str) -> None:
    found = load(SOURCE, sql(written), VIEW).views["fraud"].features[0].aggregate
    assert found.argument == load(SOURCE, of(python), VIEW).views["fraud"].features[0].aggregate.argument


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("device.oss", "'oss' is no field of device; did you mean 'os'"),
        ("devise.os", "'devise' is not in FROM; .*did you mean 'device'"),
        ("cents.os", "'cents' is int64, which has no field 'os'"),
        ("tags[0]", "SQL counts the elements of a list from 1"),
        ("tags[cents]", "the place of an element must be a constant"),
        ("account[1]", r"\[\] of str is not supported; of a str write substring\(s, 1, 2\)"),
        ("device", r"last\(\) of device \(struct\)"),
    ],
)
def test_sql_without_meaning_is_refused_with_its_place(load: Load, written: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=rf"user\.py:\d+:\d+: .*{message}"):
        load(SOURCE, sql(written), VIEW)


def test_a_field_is_no_key_in_sql_either(load: Load) -> None:
    text = sql("cents").replace("GROUP BY account", "GROUP BY device.os").replace("account, ", "")
    with pytest.raises(UnsupportedError, match=r"device\.os is a field of a struct, and a key or time is a column"):
        load(SOURCE, text, VIEW)
