"""`python -m headrace.examples.session.learning`: what adapting to the session is worth, by views of the session."""

from __future__ import annotations

import pandas as pd

from headrace.examples.late_flights.gates import promoted
from headrace.examples.session import adaptive, model
from headrace.examples.session.model import ENOUGH, HELD_OUT, SOURCE
from headrace.examples.session.rows import write
from headrace.registry.model_facts import ModelVersion
from headrace.registry.model_states import Decision, State
from headrace.runtime.platform import Platform
from headrace.training.data import PinnedRows, Snapshot, from_
from headrace.training.learning import load
from headrace.training.learning.registering import register
from headrace.training.models import ModelStore
from headrace.training.models.evaluator import labelled

WHY = Decision("shop", "to look at sessions")
SEED = 5


def champions(platform: Platform) -> dict[str, ModelVersion]:
    """Both versions of the model, `static` and `session`; each passed its gates, the second one beside the first.

    Asked again, they are the versions that are there.
    """
    kinds = {"static": model.NextView, "session": adaptive.NextView}
    return {name: _champion(platform, name, kind) for name, kind in kinds.items()}


def choices(platform: Platform, version: ModelVersion) -> pd.DataFrame:
    """A model's first choice before each view that was held out: `view`, `session_views`, `category`, `viewed`."""
    columns = ["view", "session_views", "category", "viewed"]
    rows = PinnedRows(Snapshot.named(platform.iceberg, SOURCE), (from_("at", HELD_OUT),))
    predictor = load(ModelStore.at(platform.settings).files(version.name))
    parts = [
        some.rows.select(columns).to_pandas().assign(answer=some.answer) for some in labelled(predictor, rows, columns)
    ]
    found = pd.concat(parts, ignore_index=True)
    best: pd.DataFrame = found.loc[found.groupby("view")["answer"].idxmax(), columns]
    return best.set_index("view")


def hit_rates(chosen: pd.DataFrame) -> pd.Series:
    """The share of first choices that were viewed, by how many views the session had; the last of `ENOUGH` or more."""
    return chosen.groupby(chosen["session_views"].clip(upper=ENOUGH))["viewed"].mean()


def _champion(platform: Platform, name: str, kind: type[model.NextView]) -> ModelVersion:
    store = ModelStore.at(platform.settings)
    version = register(store, kind(platform, device="cpu").train(plots=False), WHY, trainer=name)
    if store.status(version.name).state is not State.TRAINED:
        return version
    gates = kind.examination().bound(store, platform.settings, version.facts)
    store.verify(version.name, gates, WHY)
    promoted(store, version, "it passed its gates")
    return version


if __name__ == "__main__":
    from headrace.runtime.settings import load_settings

    shop = Platform(load_settings())
    write(shop, SEED)
    rates = {name: hit_rates(choices(shop, version)) for name, version in champions(shop).items()}
    print(pd.DataFrame(rates).round(3))
