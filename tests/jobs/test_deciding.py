"""Who decides: whoever is named, else the user of the process; nobody is a refusal that says what to do."""

from __future__ import annotations

import getpass

import pytest

from headrace.errors import SettingsError
from headrace.jobs.deciding import decision_of


def test_whoever_is_named_decides_else_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "bob")
    assert (decision_of("to try it", "ann").who, decision_of("to try it", "").who) == ("ann", "bob")


@pytest.mark.parametrize("kind", [KeyError, OSError])
@pytest.mark.parametrize(("otherwise", "told"), [("", "--by NAME"), ("--no-register", "--by NAME or --no-register")])
def test_a_process_without_a_user_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception], otherwise: str, told: str
) -> None:
    def nobody() -> str:
        raise kind

    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(SettingsError, match=f"no user name; say who decides: {told}$"):
        decision_of("to try it", "", otherwise)
    assert decision_of("to try it", "ann").who == "ann"
