import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import DefinitionError
from headrace.features.duration import format_duration, parse_duration


@given(st.integers(0, 10**14))
def test_a_duration_reads_back(duration_us: int) -> None:
    text = format_duration(duration_us)
    if len(text) <= 10:
        assert parse_duration(text) == duration_us


@pytest.mark.parametrize("text", ["5", "", "1.5h", "h", "-1h", "1 h", "1w", "1H", 5, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(DefinitionError, match="is no duration"):
        parse_duration(text)  # type: ignore[arg-type]
