import pytest

from headrace.compiler.compile import compile_feature
from headrace.compiler.plan import ViewPlan
from headrace.errors import NotFoundError, UnsupportedError


def test_one_feature_or_all(plans: dict[str, ViewPlan]) -> None:
    plan = plans["fraud_features"]
    assert "average_transaction" not in compile_feature(plan, "duckdb", "transaction_count_1h")
    assert all(feature.name in compile_feature(plan, "duckdb") for feature in plan.features)
    assert "headrace-append" in compile_feature(plan, "flink", "transaction_count_1h")


def test_a_ratio_comes_with_the_groups_of_both_its_sides_and_nothing_else(plans: dict[str, ViewPlan]) -> None:
    plan = plans["shop_features"]
    sides = {part.group for part in plan.feature("failed_share_1h").parts}
    flink = compile_feature(plan, "flink", "failed_share_1h")
    assert {group.fingerprint for group in plan.groups if f"`cells_{group.fingerprint}`" in flink} == sides
    assert "SUM(`_arg" not in flink
    assert compile_feature(plan, "duckdb", "failed_share_1h").count('AS "failed_share_1h"') == 2


def test_what_there_is_not_is_refused(plans: dict[str, ViewPlan]) -> None:
    with pytest.raises(NotFoundError, match="did you mean 'transaction_count_1h'"):
        compile_feature(plans["fraud_features"], "duckdb", "transaction_count_1")
    with pytest.raises(UnsupportedError, match="no engine 'spark'"):
        compile_feature(plans["fraud_features"], "spark")
