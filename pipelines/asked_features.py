"""What a training set is asked for: features by name, each with the mode of its values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast, get_args

from headrace.compiler.plan import PlannedFeature, ViewPlan
from headrace.compiler.point_in_time import Asked, AskedFeature, AskedOnDemand, ValueMode
from headrace.compiler.tiles import WindowMode
from headrace.errors import RequestError
from headrace.features.duration import parse_duration
from headrace.pipelines.options import one_of


def modes_of(features: Any, mode: str) -> dict[str, str]:
    """The mode of each feature that is asked for: its own, or `mode`.

    Raises:
        RequestError: it is neither a list of names nor a mapping of names to modes, or is empty.
    """
    such = "such as ['fraud_features:transaction_count_1h']"
    if isinstance(features, str) or not isinstance(features, Iterable):
        msg = f"features: expected a list, {such}, or a mapping with a mode for each; found {features!r}"
        raise RequestError(msg)
    modes = list(features.items()) if isinstance(features, Mapping) else [(each, mode) for each in features]
    if not modes:
        msg = f"features: expected at least one, {such}"
        raise RequestError(msg)
    for each in modes:
        if not all(isinstance(text, str) for text in each):
            msg = f"features: expected names as texts, {such}, each with its mode, found {each!r}"
            raise RequestError(msg)
    return dict(modes)


def asked_feature(name: str, plan: ViewPlan, feature: str, mode: str, window_mode: WindowMode) -> Asked:
    """A feature with its mode, from a text such as `ttl 1h`; the inputs of one on demand have the same.

    Raises:
        RequestError: there is no such mode, or its duration is missing, too much, or 0.
        DefinitionError: the duration is none.
    """
    kind, _, ttl = mode.partition(" ")
    one_of(f"mode of {feature}", kind, get_args(ValueMode))
    if (kind == "ttl") != bool(ttl):
        msg = f"mode {mode!r} of {feature}: expected 'ttl 1h', or another mode and no duration"
        raise RequestError(msg)
    ttl_us = parse_duration(ttl) if ttl else None
    if ttl_us == 0:
        msg = f"mode {mode!r} of {feature}: no value is so new; expected a longer one, as 'ttl 1h'"
        raise RequestError(msg)
    as_of = (cast("ValueMode", kind), ttl_us, window_mode)
    found = plan.any_feature(feature)
    if isinstance(found, PlannedFeature):
        return AskedFeature(name, found, *as_of)
    inputs = tuple(AskedFeature(f"{name}.{each}", plan.feature(each), *as_of) for each in found.inputs)
    return AskedOnDemand(name, found, inputs, *as_of)
