"""A view that calls functions of every type, in arguments, filters and each other: what both engines are tried on."""

# ruff: noqa: RUF012 (as users write it)
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from headrace import FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation, udf

ODD = [1.5, float("nan"), float("inf"), float("-inf"), None]


class Edges(Source):
    """Values at the edges of their types."""

    history = IcebergTable("raw.edges")
    live = KafkaTopic("edges")
    earliest = datetime(1970, 1, 1, tzinfo=UTC)
    k: str
    i: int | None
    x: float | None
    s: str | None
    b: bool | None
    at: datetime | None
    day: date | None
    ts: datetime = event_time(max_delay="5s")


@udf(returns=int)
def same_int(value: pa.Array) -> pa.Array:
    return value


@udf(returns=float)
def same_float(value):
    return value


@udf(returns=str)
def same_str(value):
    return value


@udf(returns=bool)
def same_bool(value):
    return value


@udf(returns=datetime)
def same_time(value):
    return value


@udf(returns=date)
def same_date(value):
    return value


@udf(returns=str)
def types_of(i, x, s, b, at, one, half, word, yes):
    arrays = [i, x, s, b, at, one, half, word, yes]
    told = " ".join(f"{array.type}" for array in arrays)
    constants = f"{one[0].as_py()} {half[0].as_py()} {word[0].as_py()} {yes[0].as_py()}"
    return pa.array([f"{told} {constants}"] * len(i))


@udf(returns=int)
def nulls_in(i, x, s, b, at):
    """How many of a row's arguments are NULL."""
    found = pa.array([0] * len(i))
    for array in (i, x, s, b, at):
        found = pc.add(found, pc.cast(pc.is_null(array), pa.int64()))
    return found


@udf(returns=float)
def odd(i):
    """Numbers that are none, by the place in ODD."""
    return pa.array([ODD[(value or 0) % len(ODD)] for value in i.to_pylist()], pa.float64())


@udf(returns=float)
def doubled(x):
    return pc.multiply(x, 2.0)


@udf(returns=bool)
def is_long(s):
    return pc.greater(pc.utf8_length(s), 3)


@udf(returns=int)
def no_37(i):
    if pc.any(pc.equal(i, 37)).as_py():
        msg = "37 is\nno number"
        raise ValueError(msg)
    return i


@udf(returns=int, on_error="fail")
def present(i):
    """Fails the run where a row reaches it on which its argument raised."""
    return pa.array([value + 0 for value in i.to_pylist()], pa.int64())


@udf(returns=str)
def zero_of(s, zero):
    return pa.array([f"{value}" for value in zero.to_pylist()])


@udf(returns=int)
def never_null(i):
    if i.null_count:
        msg = f"NULL at {i.is_null().index(True)}"
        raise RuntimeError(msg)
    return i


@transformation
def ints(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_int(tx.i)].window(wspec).last()


@transformation
def computed(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_int(tx.i.nullif(3) // 2)].window(wspec).last()


@transformation
def floats(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_float(tx.x)].window(wspec).last()


@transformation
def logs(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_float(tx.x.ln())].window(wspec).last()


@transformation
def strings(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_str(tx.s)].window(wspec).last()


@transformation
def bools(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_bool(tx.b)].window(wspec).last()


@transformation
def times(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_time(tx.at)].window(wspec).last()


@transformation
def dates(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_date(tx.day)].window(wspec).last()


@transformation
def month_starts(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_date(tx.at.date().truncate("M"))].window(wspec).last()


@transformation
def types(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[types_of(tx.i, tx.x, tx.s, tx.b, tx.at, 7, 2.5, "it's", True)].window(wspec).last()


@transformation
def nulls(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[nulls_in(tx.i, tx.x * 10.0, tx.s, tx.b, tx.at)].window(wspec).last()


@transformation
def odds(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[odd(tx.i)].window(wspec).last()


@transformation
def nested(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[doubled(doubled(tx.x) + 1)].window(wspec).last()


@transformation
def never_missing(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[same_int(tx.i.fill_null(5))].window(wspec).last()


@transformation
def long_names(tx: Edges, wspec: WindowSpec):
    return tx[is_long(tx.s)].groupby("k").window(wspec).count()


@transformation
def picky(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[no_37(tx.i)].window(wspec).max()


@transformation
def chained(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[present(no_37(tx.i.fill_null(5)))].window(wspec).max()


@transformation
def zeros(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[zero_of(tx.s, 0.0)].window(wspec).last()


@transformation
def minus_zeros(tx: Edges, wspec: WindowSpec):
    return tx.groupby("k")[zero_of(tx.s, -0.0)].window(wspec).last()


@transformation
def guarded(tx: Edges, wspec: WindowSpec):
    present = tx[tx.i.notnull()]
    return present.assign(j=never_null(tx.i)).groupby("k")["j"].window(wspec).sum()


class UserFunctions(FeaturePipeline):
    """Calls of functions, and nothing else."""

    owner = "data@example.com"
    features = [
        transformation.over("1h")
        for transformation in (
            *(
                ints,
                computed,
                floats,
                logs,
                strings,
                bools,
                times,
                dates,
                month_starts,
                types,
                nulls,
                odds,
                nested,
                never_missing,
            ),
            *(long_names, picky, chained, zeros, minus_zeros, guarded),
        )
    ]
