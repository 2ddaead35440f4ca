"""The files of a model: `model.json`, `weights.safetensors`, `encoding.json` and `example.json`.

Nothing of time, place or machine is within, so that the same learning gives the same bytes.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from headrace.errors import HeadraceError, ModelError, did_you_mean
from headrace.training.learning.machine import is_of_machine
from headrace.training.learning.networks import Inputs
from headrace.training.learning.packed import canonical, pack, unpack
from headrace.training.learning.spec import ModelSpec, Recipe

MODEL, WEIGHTS, ENCODING, EXAMPLE = "model.json", "weights.safetensors", "encoding.json", "example.json"
FILES = (MODEL, WEIGHTS, ENCODING, EXAMPLE)
#: Raised with every change that an older headrace could not read.
FORMAT = 1


class ArtifactWarning(UserWarning):
    """An artifact can be used, but not everything about it is as it was where it was made."""


def network_of(spec: ModelSpec, inputs: Inputs) -> nn.Module:
    """A new network of a spec, its weights at random. ModelError when it cannot be made, but for want of memory."""
    kind = network_class(spec.module)
    try:
        return kind(inputs, **spec.arguments)
    # A user's own code may raise anything.
    except Exception as error:
        if is_of_machine(error):
            raise
        msg = f"model {spec.module!r}: cannot be made of {inputs} with arguments {dict(spec.arguments)!r}: "
        msg += str(error) if isinstance(error, TypeError | HeadraceError) else f"{type(error).__name__}: {error}"
        raise ModelError(msg) from error


def network_class(name: str) -> type[nn.Module]:
    """The torch module of a name `package.module:Class`.

    Raises ModelError when it cannot be imported, or is anything but a torch module: an artifact that somebody else
    wrote names what is to be called.
    """
    package, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        msg = f"model {name!r}: module {package!r} cannot be imported: {error}; install what has it on this machine"
        raise ModelError(msg) from error
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        known = [key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, nn.Module)]
        msg = f"model {name!r}: {attribute!r} of {package} is no torch module; {did_you_mean(attribute, known)}"
        raise ModelError(msg)
    return found


def model_files(
    recipe: Recipe,
    inputs: Inputs,
    network: nn.Module,
    facts: Mapping[str, Any],
    encoding: str,
    example: Mapping[str, Any],
) -> dict[str, bytes]:
    """The four files; `facts` go into `model.json` beside the rest."""
    weights = network.state_dict()
    model = {
        **facts,
        "format": FORMAT,
        "torch": torch_release(),
        "recipe": recipe.to_json(),
        "inputs": {"numbers": inputs.numbers, "categories": list(inputs.categories)},
        "weights": _shapes(weights),
    }
    return {
        MODEL: canonical(model),
        WEIGHTS: pack(weights, {"format": FORMAT}),
        ENCODING: encoding.encode(),
        EXAMPLE: canonical(example),
    }


def read_model(files: Mapping[str, bytes]) -> tuple[Recipe, Inputs, nn.Module]:
    """The recipe, the inputs and the network with its weights.

    Raises ModelError for files that are missing or not what they should be, a module that cannot be had, weights that
    do not fit it, and a torch of another major version; warns of another minor version (ArtifactWarning).
    """
    check_files(files)
    model = read_json(files, MODEL)
    try:
        recipe = Recipe.from_json(model["recipe"])
        inputs = Inputs(int(model["inputs"]["numbers"]), tuple(map(int, model["inputs"]["categories"])))
        made_by, format_ = str(model["torch"]), model["format"]
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{MODEL}: {type(error).__name__}: {error}; expected what headrace wrote"
        raise ModelError(msg) from error
    if format_ != FORMAT:
        msg = f"{MODEL}: format {format_!r}, expected {FORMAT}; use the headrace that made it, or train again"
        raise ModelError(msg)
    check_torch(made_by)
    network = network_of(recipe.model, inputs)
    fill_network(network, unpack(files[WEIGHTS], WEIGHTS)[0], WEIGHTS)
    return recipe, inputs, network


def check_files(files: Mapping[str, bytes]) -> None:
    """ModelError unless the four files are there."""
    absent = [name for name in FILES if name not in files]
    if absent:
        msg = (
            f"artifact: no file {absent[0]!r}; expected {', '.join(FILES)}, found {', '.join(sorted(files)) or 'none'}"
        )
        raise ModelError(msg)


def read_json(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """A file of JSON; ModelError when it is none, such as a pickle."""
    try:
        found = json.loads(files[name])
    except ValueError as error:
        msg = f"{name}: expected JSON, found {files[name][:16]!r}"
        raise ModelError(msg) from error
    if not isinstance(found, dict):
        msg = f"{name}: expected a JSON object, found {type(found).__name__}"
        raise ModelError(msg)
    return found


def fill_network(network: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    """Put weights into a network; ModelError, and nothing changed, unless names, shapes and types are its own."""
    expected, found = _shapes(network.state_dict()), _shapes(weights)
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            msg = f"{what}: tensor {name!r}: expected {expected.get(name, 'none')}, found {found.get(name, 'none')}"
            raise ModelError(msg)
    network.load_state_dict(dict(weights))


def torch_release() -> str:
    """The major and minor version of torch: what decides whether weights mean the same."""
    return ".".join(str(torch.__version__).split(".")[:2])


def check_torch(made_by: str) -> None:
    """Refuse an artifact of another major version of torch (ModelError), warn of another minor (ArtifactWarning).

    Weights are numbers, whose layout torch keeps within a major version; the stored example is checked in any case.
    """
    here = torch_release()
    if made_by.split(".")[0] != here.split(".")[0]:
        msg = f"{MODEL}: made by torch {made_by}, and this is torch {here}: another major version; use torch {made_by}"
        raise ModelError(msg)
    if made_by != here:
        msg = f"{MODEL}: made by torch {made_by}, and this is torch {here}; answers may differ in their last digits"
        warnings.warn(msg, ArtifactWarning, stacklevel=2)


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """Shape and type of each tensor, as JSON says them."""
    return {
        name: {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
        for name, tensor in weights.items()
    }
