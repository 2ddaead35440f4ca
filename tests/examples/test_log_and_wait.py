"""Log and wait: answers are logged with the features that were served, joined with what came of them, and learned so.

The features are those of the example of sessions, read from an online store; history has more views afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from headrace import IcebergTable, Source, TrainingPipeline, event_time, label_join
from headrace.compiler.label_join import plan_label_join
from headrace.connectors.schema import fields_of
from headrace.errors import DatasetError
from headrace.examples.late_flights.history import filled
from headrace.examples.session.rows import FEATURES, in_session
from headrace.examples.session.shop import FIRST_DAY, offered, shop_views
from headrace.pipelines.label_tables import claim_tables
from headrace.pipelines.local_labels import LabelRun, join_locally
from headrace.pipelines.store_fill import fill_store
from headrace.pipelines.training_pipeline import TrainingSetPipeline
from headrace.runtime.legs import table_name_of
from headrace.runtime.online_store import memory_store
from headrace.runtime.platform import Platform
from headrace.serving.online import OnlineStore
from headrace.training.data import Encoding, Label, Raw, Vocabulary
from headrace.training.data.fact_conditions import FactChoice
from headrace.training.learning import ModelSpec

from ..conftest import local_settings  # noqa: TID252

ANSWERS, SEED = 240, 3
HOUR = timedelta(hours=1)
#: Of four answers the first is never labelled, the third two hours later, and the others at once.
NEVER, LATE = 0, 2


class Answers(Source):
    """Answers with the features that the model saw."""

    history = IcebergTable("log.answers")
    request: int
    category: str
    session_views: int
    session_share: float
    at: datetime = event_time("0s")


class Outcomes(Source):
    """What came of them."""

    history = IcebergTable("log.outcomes")
    answer: int
    viewed: bool
    known_at: datetime = event_time("0s")


VIEWED = label_join(
    Answers, Outcomes, on={"request": "answer"}, label="viewed", missing=False, wait="1h", retention="4h"
)
PLAN = plan_label_join("viewed", VIEWED)


class Viewed(TrainingPipeline):
    """Whether an answer is taken, by the features that it was given with."""

    owner = "shop@example.com"
    source = "labels.viewed"
    encoding = Encoding({name: Raw(mask=False) for name in FEATURES} | {"category": Vocabulary()}, Label("label"))
    model = ModelSpec("logistic")
    facts: ClassVar[FactChoice | None] = "last"


class Unsaid(Viewed):
    """The same, of somebody who did not think of facts."""

    facts = None


@dataclass(frozen=True)
class Told:
    """What was served, what history says of it by now, what came of it, and what the learner was given."""

    served: pd.DataFrame
    recomputed: pd.DataFrame
    facts: LabelRun
    learned: pd.DataFrame


def served(platform: Platform, views: pd.DataFrame, file: Path) -> pd.DataFrame:
    """Answers in sessions, each with the features that the online store had of them as of then."""
    later = views[views["at"] >= FIRST_DAY + timedelta(days=1)]
    asked = offered(later).sample(ANSWERS, random_state=SEED).sort_values("at", ignore_index=True)
    view, project = in_session(), platform.settings.project
    with memory_store() as store:
        fill_store(view, written(views, file), platform.iceberg.named, store, project=project)
        online = OnlineStore(project, store.registry, store.tiles)
        for name in FEATURES:
            asked[name] = [_read(online, f"{view.name}:{name}", one) for one in asked.to_dict("records")]
    return asked.rename_axis("request").reset_index()


def _read(online: OnlineStore, feature: str, asked: dict[str, Any]) -> Any:
    entity = {"user": asked["user"]} | ({"category": asked["category"]} if feature.endswith("share") else {})
    return online.get_online_features([feature], [entity], at=asked["at"].to_pydatetime()).rows[0][0].value


def written(rows: pd.DataFrame, file: Path) -> str:
    """Rows as a file, which has no columns of an archive."""
    rows.to_parquet(file)
    return str(file)


def outcomes(answers: pd.DataFrame) -> pd.DataFrame:
    """What came of answers, when that was known."""
    kind = answers["request"] % 4
    delay = pd.to_timedelta(np.where(kind == LATE, 120, 10), unit="min")
    found = pd.DataFrame({"answer": answers["request"], "viewed": answers["viewed"], "known_at": answers["at"] + delay})
    return found[kind != NEVER]


def learned(platform: Platform) -> pd.DataFrame:
    """What the training gives to its learner, by request: numbers as tensors have them, in the order of the table."""
    pipeline = Viewed(platform, device="cpu")
    rows = pipeline.facts_of(pipeline.rows(pipeline.snapshot(Viewed.source), "train"))
    (batch,) = pipeline.dataset(rows, pipeline.fit(rows), shuffle=False)
    numbers = dict(zip(FEATURES, batch.numbers.numpy().T, strict=True))
    requests = pa.concat_arrays([one.column("request") for one in rows.batches(["request"])])
    return pd.DataFrame({"request": requests, **numbers, "label": batch.label.numpy()}).sort_values("request")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return Platform(local_settings(tmp_path_factory.mktemp("shop")))


@pytest.fixture(scope="module")
def told(shop: Platform, tmp_path_factory: pytest.TempPathFactory) -> Told:
    views, source = shop_views(SEED), in_session().source
    views = views[views["at"] < FIRST_DAY + timedelta(days=2)]
    folder = tmp_path_factory.mktemp("log")
    table = filled(shop.iceberg.create_table(*table_name_of(source), fields_of(source.columns)), views)
    answers = served(shop, views, folder / "views.parquet")
    logged = written(answers[[column.name for column in PLAN.logged.columns]], folder / "answers.parquet")
    labels = written(outcomes(answers), folder / "outcomes.parquet")
    # A minute before each answer the user had looked at something else, which was reported afterwards.
    filled(table, answers.assign(at=answers["at"] - timedelta(minutes=1), category="toys"))
    recomputed = TrainingSetPipeline(shop, {"in_session": in_session()}).build(
        answers[["user", "category", "at"]], FEATURES, event_time="at"
    )
    until = answers["at"].max().to_pydatetime() + 6 * HOUR
    facts = join_locally(PLAN, logged, labels, shop.iceberg.named, until=until)
    target, _ = claim_tables(shop, PLAN, "run")
    target.append(facts.facts.cast(target.table.schema().as_arrow()))
    return Told(answers, recomputed.to_pandas(), facts, learned(shop))


def test_what_is_learned_is_what_was_served_and_not_what_history_says_of_it_later(told: Told) -> None:
    final = told.facts.final.sort_by("request").to_pandas()
    assert final["request"].tolist() == told.served["request"].tolist() == list(range(ANSWERS))
    for name in FEATURES:
        # Bit for bit in the facts; of what the learner is given, as near as 32 bits are.
        assert final[name].tolist() == told.served[name].tolist()
        assert told.learned[name].tolist() == told.served[name].astype(np.float32).tolist()
    assert (told.recomputed["session_views"] > told.served["session_views"]).mean() > 0.9


def test_labels_that_come_late_correct_and_those_that_never_come_are_counted(told: Told) -> None:
    counts, final = told.facts.counts, told.facts.final.sort_by("request").to_pandas()
    assert (counts.logged_read, counts.logged_open, counts.orphan) == (ANSWERS, 0, 0)
    assert (counts.never_labelled, counts.corrected, counts.labelled) == (ANSWERS // 4, ANSWERS // 4, ANSWERS // 2)
    kinds = final.groupby(final["request"] % 4)["fact"].unique().map(list).to_dict()
    assert kinds == {0: ["waited"], 1: ["labelled"], 2: ["corrected"], 3: ["labelled"]}
    expected = told.served["viewed"] & (told.served["request"] % 4 != NEVER)
    assert final["label"].tolist() == expected.tolist()
    # Of a label that came late the fact before it is in the table, too, and is not learned.
    assert told.facts.facts.num_rows == ANSWERS + ANSWERS // 4
    assert told.learned["label"].tolist() == expected.tolist()
    assert expected.any()


def test_superseded_labels_are_refused_unless_all_facts_are_chosen(shop: Platform, told: Told) -> None:
    assert told.facts.counts.corrected == ANSWERS // 4
    with pytest.raises(DatasetError, match=rf"{ANSWERS // 4} ids of labels.viewed@.* of the rows are superseded"):
        Unsaid(shop, device="cpu").train()
