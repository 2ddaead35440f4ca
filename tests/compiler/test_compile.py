import pytest

from headrace.compiler.compile import compile_feature
from headrace.compiler.plan import ViewPlan
from headrace.errors import NotFoundError, UnsupportedError


def test_one_feature_or_all(plans: dict[str, ViewPlan]) -> None:
    plan = plans["fraud_features"]
    assert "average_transaction" not in compile_feature(plan, "duckdb", "transaction_count_1h")
    assert all(feature.name in compile_feature(plan, "duckdb") for feature in plan.features)
    assert "headrace-append" in compile_feature(plan, "flink", "transaction_count_1h")


def test_what_there_is_not_is_refused(plans: dict[str, ViewPlan]) -> None:
    with pytest.raises(NotFoundError, match="did you mean 'transaction_count_1h'"):
        compile_feature(plans["fraud_features"], "duckdb", "transaction_count_1")
    with pytest.raises(UnsupportedError, match="no engine 'spark'"):
        compile_feature(plans["fraud_features"], "spark")
