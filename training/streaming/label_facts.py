"""`LabelFactsPipeline`: a streaming trainer over the facts of a label join, all of them or some kinds alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

from headrace.compiler.flink_tables import quoted
from headrace.connectors.schema import Field
from headrace.errors import DefinitionError, did_you_mean
from headrace.features.source import IcebergTable
from headrace.runtime.platform import Platform
from headrace.training.data.fact_conditions import CONDITIONS, Which
from headrace.training.streaming.job import RowsRead
from headrace.training.streaming.pipeline import StreamingTrainingPipeline
from headrace.training.streaming.table_rows import TableRows, rows_in
from headrace.training.streaming.topic_rows import TopicRows


class LabelFactsPipeline(StreamingTrainingPipeline):
    """Learns from the facts of a label join, in the table `labels.<join>`, each once. Subclass it to declare one.

    Attributes:
        facts: `all`: a row whose label was late is learned twice, as missing and then as labelled. `first`: each row
            once, by what was told first, and no correction is ever learned. `labelled`: only what was told with a
            label, so that nothing is learned of a row whose label never comes.

    Raises:
        DefinitionError: the declaration lacks something, or has a value that it cannot have.
    """

    facts: ClassVar[Which] = "all"

    @cached_property
    def rows(self) -> TableRows | TopicRows:
        """The facts that this run reads. DefinitionError: the source is no table of facts."""
        if not isinstance(self.source, IcebergTable):
            msg = f"{type(self).__name__}.source is {self.source!r}; expected IcebergTable('labels.<join>'), its facts"
            raise DefinitionError(msg)
        if self.facts == "all":
            return super().rows
        return FactRows(self.platform, self.name, self.source.name, self.after, self.facts, follow=self.follow)

    def _check_declaration(self) -> None:
        """Raise DefinitionError, saying what the class lacks."""
        super()._check_declaration()
        if self.facts not in ("all", *CONDITIONS):
            msg = f"{type(self).__name__}.facts is {self.facts!r}; {did_you_mean(self.facts, ['all', *CONDITIONS])}"
            raise DefinitionError(msg)


class FactRows(TableRows):
    """The facts of some kind, and those that are appended."""

    def __init__(
        self, platform: Platform, model: str, name: str, after: int | None, which: str, *, follow: bool
    ) -> None:
        super().__init__(platform, model, name, after, follow=follow)
        self.condition, self.judged = CONDITIONS[which]

    def declare(self, columns: Sequence[Field]) -> tuple[tuple[str, ...], str]:
        """The statements that create the tables of the query, and the query: the facts that meet the condition."""
        needed = [field for field in self.fields if field.name == self.judged and field not in columns]
        declarations, query = super().declare([*columns, *needed])
        chosen = quoted(column.name for column in columns)
        return declarations, f"SELECT {chosen} FROM ({query}) WHERE {self.condition}"  # noqa: S608 (names are quoted)

    def read(self) -> RowsRead:
        """What is read. JobError when rows were overwritten since the snapshot to begin after."""
        skipped = 0 if self.after is None else rows_in(self.table(), self.after, self.condition)
        return replace(super().read(), where=self.condition, skipped=skipped)
