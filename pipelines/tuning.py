"""What the knobs of a view come to: one table, `POLICIES`, and one function, `tuned`; pure arithmetic.

An accepted event waits on its way to an online read: at each stage of users' functions, for others that cross with it;
in a mini-batch, until it is folded; in the sink's buffer, until it is sent; and for what no knob turns (Kafka,
operators, network, Cassandra: `RESERVE_US`).
A freshness bounds the sum; `optimize` says how that is spent. Neither the tile nor the checkpoint interval is in the
sum: a read at now takes open tiles too, and tiles are written between checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from headrace.compiler.plan import ViewPlan
from headrace.compiler.tiles import DAY_US
from headrace.errors import SettingsError
from headrace.features.duration import UNITS_US, format_duration, parse_duration
from headrace.features.knobs import Knobs
from headrace.pipelines.flink_duration import flink_text, flink_us
from headrace.runtime.layers import DEFAULT_ORIGIN
from headrace.runtime.settings import Settings

MS_US, SECOND_US, MINUTE_US = UNITS_US["ms"], UNITS_US["s"], UNITS_US["m"]
DEFAULT_OPTIMIZE = "cost"
#: Under `cost` 2 s of mini-batch and 1 s of buffer, measured in docs/decisions/0002.
DEFAULT_FRESHNESS_US = 3_500 * MS_US
#: Kept free for what no knob turns.
RESERVE_US = 500 * MS_US
#: Of what a freshness leaves, mini-batches get two parts and the sink's buffer one: a tile that was folded together in
#: Flink saves work in Flink and in Cassandra, one that was held back in the buffer only in Cassandra.
MINI_BATCH_PARTS, FLUSH_PARTS = 2, 1
#: The least that mini-batches and the buffer get together: with less, Flink spends its time on timers.
LEAST_WAITS_US = 150 * MS_US
#: Rows wait so long for others before they cross to a user's function together: a small part of what a mini-batch
#: waits, which Flink's own second is not.
FUNCTION_BUNDLE_MS = 100
#: Rows that a mini-batch may hold; measured best for tiles on two cores among 5,000, 20,000 and 50,000.
MINI_BATCH_ROWS = 50_000
#: What a knob turns: options of Flink, and one of the Cassandra sink.
MINI_BATCH_LATENCY = "table.exec.mini-batch.allow-latency"
FLUSH_INTERVAL = "sink.flush-interval"
CHECKPOINT_INTERVAL = "execution.checkpointing.interval"
#: What no knob turns, but an option of Flink does.
FUNCTION_BUNDLE = "python.fn-execution.bundle.time"
#: The options of Flink that are said by a part of a `Tuning`, and which.
_FIELDS = ((MINI_BATCH_LATENCY, "mini_batch_us"), (CHECKPOINT_INTERVAL, "checkpoint_us"))


@dataclass(frozen=True, slots=True)
class Policy:
    """How one word of `optimize` spends a freshness; all in µs.

    `longest_mini_batch_us` and `longest_flush_us` cap the parts. State is saved every `checkpoint_us`, and as seldom as
    every `seldom_us` where the freshness is longer. A job may lie still, or lag, for `lag_us` before its state could
    have lost a tile that a late row still belongs to.
    """

    longest_mini_batch_us: int
    longest_flush_us: int
    checkpoint_us: int
    seldom_us: int
    lag_us: int


#: `cost` waits as long as it may: a tile is written once, however many rows it gets meanwhile. `latency` waits as
#: little as is worth it, whatever it may. `correctness` is `cost` with a week for a job to lie still, and half a minute
#: at most to read again: values, windows and sketches are those of the definition under all three.
POLICIES: Mapping[str, Policy] = {
    "cost": Policy(60 * SECOND_US, 30 * SECOND_US, 10 * SECOND_US, 5 * MINUTE_US, DAY_US),
    "latency": Policy(100 * MS_US, 50 * MS_US, 10 * SECOND_US, 10 * SECOND_US, DAY_US),
    "correctness": Policy(60 * SECOND_US, 30 * SECOND_US, 10 * SECOND_US, 30 * SECOND_US, 7 * DAY_US),
}


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a job runs with; all in µs. `functions_us` is for all stages of its functions together."""

    mini_batch_us: int
    flush_us: int
    checkpoint_us: int
    lag_us: int
    functions_us: int = 0

    @property
    def bound_us(self) -> int:
        """The longest that an event waits until an online read sees it, if the job keeps up and nothing fails.

        A checkpoint makes the calls that wait, ends a mini-batch and empties the buffer, so an event never waits longer
        than to the next.
        """
        return min(self.functions_us + self.mini_batch_us + self.flush_us, self.checkpoint_us) + RESERVE_US


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value of a knob and the place that it comes from."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class ChosenKnobs:
    """Both knobs as they hold for one job, and the options of Flink that win over what they come to.

    `stages`: how many calls of functions are made one after the other.
    """

    optimize: Chosen
    freshness: Chosen
    options: Mapping[str, str] = field(default_factory=dict)
    stages: int = 0

    @property
    def recorded(self) -> dict[str, tuple[str, str]]:
        """Both as a run keeps them."""
        chosen = {"optimize": self.optimize, "freshness": self.freshness}
        return {name: (one.value, one.origin) for name, one in chosen.items()}

    @property
    def freshness_us(self) -> int:
        """The freshness in µs."""
        return parse_duration(self.freshness.value)

    @property
    def tuning(self) -> Tuning:
        """What they come to."""
        bundle = self.options.get(FUNCTION_BUNDLE, str(FUNCTION_BUNDLE_MS))
        found = tuned(self.optimize.value, self.freshness_us, self.stages * flink_us(bundle, FUNCTION_BUNDLE))
        given = {name: flink_us(self.options[option], option) for option, name in _FIELDS if option in self.options}
        return replace(found, **given)

    @property
    def text(self) -> str:
        """Both in words, with what an event waits.

        >>> choose(Knobs("latency"), "", {}).text
        'optimize latency, freshness 3500ms: an event is seen within 650 ms'
        """
        asked = f"optimize {self.optimize.value}, freshness {self.freshness.value}"
        return f"{asked}: an event is seen within {flink_text(self.tuning.bound_us)}"


def tuned(optimize: str = DEFAULT_OPTIMIZE, freshness_us: int = DEFAULT_FRESHNESS_US, functions_us: int = 0) -> Tuning:
    """What a freshness and an `optimize` come to; the freshness is the bound, `optimize` chooses within it.

    Functions that wait for longer than a freshness leaves make the bound longer than the freshness.

    >>> tuned("cost", 3_500_000)
    Tuning(mini_batch_us=2000000, flush_us=1000000, checkpoint_us=10000000, lag_us=86400000000, functions_us=0)
    >>> tuned("cost", 1_000_000).bound_us <= 1_000_000
    True
    """
    policy, parts = POLICIES[optimize], MINI_BATCH_PARTS + FLUSH_PARTS
    budget_ms = max(freshness_us - RESERVE_US - functions_us, LEAST_WAITS_US) // MS_US
    return Tuning(
        mini_batch_us=min(budget_ms * MINI_BATCH_PARTS // parts * MS_US, policy.longest_mini_batch_us),
        flush_us=min(budget_ms * FLUSH_PARTS // parts * MS_US, policy.longest_flush_us),
        checkpoint_us=min(max(freshness_us, policy.checkpoint_us), policy.seldom_us),
        lag_us=policy.lag_us,
        functions_us=functions_us,
    )


def choose(definition: Knobs, where: str, settings: Mapping[str, tuple[str | None, str]]) -> ChosenKnobs:
    """The knobs of a job: what the settings say (a flag, the environment, a file), else the definition, else a default.

    `settings`: for `optimize` and `freshness` the value, if any, and its place; `where`: the place of the definition.

    >>> choose(Knobs("latency", 5_000_000), "features.py:9", {"freshness": ("1m", "flag")}).freshness
    Chosen(value='1m', origin='flag')
    """
    freshness = None if definition.freshness_us is None else format_duration(definition.freshness_us)
    return ChosenKnobs(
        _strongest(settings.get("optimize"), definition.optimize, where, DEFAULT_OPTIMIZE),
        _strongest(settings.get("freshness"), freshness, where, format_duration(DEFAULT_FRESHNESS_US)),
    )


def flags_of(knobs: Knobs) -> dict[str, tuple[str, str]]:
    """Knobs as somebody turns them on a command line; those that are not asked are left out."""
    freshness = None if knobs.freshness_us is None else format_duration(knobs.freshness_us)
    asked = {"optimize": knobs.optimize, "freshness": freshness}
    return {name: (value, "flag") for name, value in asked.items() if value is not None}


def knobs_for(
    plan: ViewPlan, settings: Settings, recorded: Mapping[str, tuple[str | None, str]] | None = None
) -> ChosenKnobs:
    """The knobs of a view's job under some settings; those that a run has `recorded` win.

    Raises:
        SettingsError: the settings of Flink, or the view's functions, cannot meet the freshness.
    """
    # Loaded where it is needed: commands that plan nothing read their defaults here.
    from headrace.compiler.verdict import call_layers

    origins = settings.origins()
    asked = {name: origins[f"flink.{name}"] for name in ("optimize", "freshness")} | dict(recorded or {})
    found = choose(plan.knobs, plan.where, asked)
    chosen = replace(found, options=settings.flink.configuration, stages=len(call_layers(plan)))
    _refuse_longer(chosen, "flink.configuration")
    return chosen


def _refuse_longer(chosen: ChosenKnobs, place: str) -> None:
    """Raise SettingsError where rows are kept for longer than a freshness that somebody asked for."""
    if chosen.freshness.origin == DEFAULT_ORIGIN or chosen.tuning.bound_us <= chosen.freshness_us:
        return
    options = [option for option in (*dict(_FIELDS), FUNCTION_BUNDLE) if option in chosen.options]
    given = ", ".join(f"{option} to {chosen.options[option]!r}" for option in options)
    told = [f"{place} sets {given}"] if given else []
    told += [f"calls of functions in {chosen.stages} stages wait for others"] if chosen.stages else []
    msg = (
        f"freshness {chosen.freshness.value} ({chosen.freshness.origin}) cannot be met: {', and '.join(told)}, so an "
        f"event may wait {flink_text(chosen.tuning.bound_us)}; "
        f"{'leave one of them out' if given else 'nest fewer calls, or ask for a longer one'}"
    )
    raise SettingsError(msg)


def _strongest(setting: tuple[str | None, str] | None, defined: str | None, where: str, default: str) -> Chosen:
    """The strongest place that says something."""
    if setting is not None and setting[0] is not None:
        return Chosen(setting[0], setting[1])
    return Chosen(default, DEFAULT_ORIGIN) if defined is None else Chosen(defined, where)
