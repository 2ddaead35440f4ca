"""The views of a project as its registry has them: at the versions that serve, or at those that are named."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from headrace.compiler.plan import ViewPlan
from headrace.registry.store import Registry


def registered_views(
    registry: Registry, project: str, versions: Mapping[str, str] = MappingProxyType({})
) -> dict[str, ViewPlan]:
    """The project's views, each at the version that serves, or the newest where none does.

    Args:
        registry: where they are.
        project: whose they are.
        versions: by the name of a view the version to take instead, whether it serves or not.

    Raises:
        NotFoundError: the project has no such view, or the view no such version.
    """
    found = {view: _chosen(registry, project, view) for view in registry.views(project)}
    named = {view: registry.version(project, view, version).plan for view, version in versions.items()}
    return {view: ViewPlan.from_dict(dict(plan)) for view, plan in {**found, **named}.items()}


def _chosen(registry: Registry, project: str, view: str) -> Mapping[str, object]:
    """The plan of the version that serves, or of the newest."""
    pointer, versions = registry.pointer(project, view), registry.versions(project, view)
    return (versions[-1] if pointer is None else registry.version(project, view, pointer.version)).plan
