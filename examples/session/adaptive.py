"""The second version of the model: it adapts to the session."""

from __future__ import annotations

from headrace.examples.session import model
from headrace.training.data import Encoding, Label, Standardize, Vocabulary


class NextView(model.NextView):
    """Whether the next view is of a category, by how popular that is and by what the session has shown so far."""

    encoding = Encoding(
        {"category": Vocabulary(), "session_share": Standardize(), "session_views": Standardize()}, Label("viewed")
    )
    features = ("in_session",)
