"""Load a user's file, Python or SQL, with every error at a line of that file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from headrace.errors import DefinitionError
from headrace.features.label_join import LabelJoin
from headrace.features.module import named_classes, run_file
from headrace.features.names import check_name
from headrace.features.source import Source, SourceSchema
from headrace.features.transformation import Transformation
from headrace.features.view import FeaturePipeline, View


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a file defines: sources and views by name, and the pipeline class of each view written in Python."""

    sources: dict[str, SourceSchema]
    views: dict[str, View]
    pipelines: dict[str, type[FeaturePipeline]] = field(default_factory=dict)


def load_views(path: str | Path) -> Definitions:
    """The sources and views that a Python file, or the view that a `.sql` file, defines.

    A Python file is run as a fresh module on every call. DefinitionError, with file and line, for whatever is wrong in
    it, and for a file without a view or with two of one name.
    """
    file = Path(path).resolve()
    if file.suffix == ".sql":
        return _load_sql(file)
    module = run_file(file)
    for value in vars(module).values():
        if isinstance(value, Transformation):
            value.aggregate()
    pipelines = named_classes(module, FeaturePipeline, _view_name, "view")
    if not pipelines:
        msg = f"{path}: defines no view; write a subclass of FeaturePipeline"
        raise DefinitionError(msg)
    views = {name: kind.view for name, kind in pipelines.items()}
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    own = [kind for kind in classes if kind.__module__ == module.__name__]
    sources = [kind.schema for kind in own if issubclass(kind, Source) and "schema" in vars(kind)] + [
        view.source for view in views.values()
    ]
    return Definitions({source.name: source for source in sources}, views, pipelines)


def _view_name(kind: type[FeaturePipeline]) -> str:
    """The name of a pipeline's view; empty for an abstract one, which has none."""
    return kind.view.name if "view" in vars(kind) else ""


def _load_sql(file: Path) -> Definitions:
    """The view of a `.sql` file, and its source."""
    # Loaded where it is needed: a Python file gives its first value sooner.
    from headrace.features.sql.file import load_sql

    view = load_sql(file)
    return Definitions({view.source.name: view.source}, {view.name: view})


def load_label_joins(path: str | Path) -> dict[str, LabelJoin]:
    """The label joins of a Python file, by the names that it gives them.

    The file is run as a fresh module on every call. DefinitionError, with file and line, for whatever is wrong in it,
    and for a file without a label join.
    """
    module = run_file(Path(path).resolve())
    found = {name: value for name, value in vars(module).items() if isinstance(value, LabelJoin)}
    if not found:
        msg = f"{path}: defines no label join; write `name = label_join(...)`"
        raise DefinitionError(msg)
    return {check_name(name, "label join", join.where): join for name, join in found.items()}
