"""The faults that tests must catch, each with the test that names it: what `make mutants` plants, one at a time."""

from __future__ import annotations

from . import (
    bench,
    compiler,
    connectors,
    examples,
    features,
    jobs,
    pipelines,
    registry,
    runtime,
    serving,
    testing,
    training_continual,
    training_data,
    training_freshness,
    training_learning,
    training_models,
    training_streaming,
)
from .mutant import Mutant

__all__ = ["MUTANTS", "Mutant"]

MUTANTS = (
    *bench.MUTANTS,
    *compiler.MUTANTS,
    *connectors.MUTANTS,
    *examples.MUTANTS,
    *features.MUTANTS,
    *jobs.MUTANTS,
    *pipelines.MUTANTS,
    *registry.MUTANTS,
    *runtime.MUTANTS,
    *serving.MUTANTS,
    *testing.MUTANTS,
    *training_continual.MUTANTS,
    *training_data.MUTANTS,
    *training_freshness.MUTANTS,
    *training_learning.MUTANTS,
    *training_models.MUTANTS,
    *training_streaming.MUTANTS,
)
