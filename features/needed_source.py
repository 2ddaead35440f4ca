"""Which statements of a user's file a function needs: its own, and whatever those read that the file defines.

What is read and what is bound is taken from the compiled statements, so shadowed names are not mistaken for globals.
"""

from __future__ import annotations

import ast
import builtins
import dis
import linecache
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FunctionType

from headrace.errors import DefinitionError, UnsupportedError, did_you_mean
from headrace.features.function import Statement, lines_of
from headrace.features.place import Place, place_of_code

READS = frozenset({"LOAD_NAME", "LOAD_GLOBAL"})
#: Every module has these.
ALWAYS = frozenset(dir(builtins))
#: Whatever has annotations reads and changes these, and no value depends on them.
ANNOTATIONS = "__annotations__"
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
Defined = dict[str, list[ast.stmt]]


def needed_statements(function: FunctionType) -> tuple[Statement, ...]:
    """The statements, in the order of the file, without the function's decorators.

    Raises:
        DefinitionError: a name that the file does not define.
        UnsupportedError: a function that is not at the top level of a file, or reads a module of the user's own.
    """
    where = place_of_code(function.__code__)
    text = _text_of(where.file)
    statements = ast.parse(text).body
    own = next((one for one in statements if _begins(one) == where.line and _is_function(one, function)), None)
    if own is None:
        msg = f"{where}: function {function.__name__} must be defined at the top level of its file"
        raise UnsupportedError(msg)
    for statement in statements:
        _strip(statement, own)
    reached = _reached(own, statements, where)
    chosen = [one for one in statements if one in reached]
    for statement in chosen:
        _check_imports(statement, where)
    lines = lines_of(text)
    found = (Statement(_begins(one), "\n".join(lines[_begins(one) - 1 : one.end_lineno])) for one in chosen)
    return tuple(dict.fromkeys(found))  # Statements that share a line have one text, which is to run once.


def _text_of(file: str) -> str:
    """The text of a file; that of a notebook's cell is known to `linecache`."""
    path = Path(file)
    return path.read_text(encoding="utf-8") if path.is_file() else "".join(linecache.getlines(file))


def _strip(statement: ast.stmt, own: ast.stmt) -> None:
    """Take the decorators off the function and other `@udf` functions: a worker needs what they wrap."""
    if isinstance(statement, ast.FunctionDef) and (statement is own or _is_udf(statement)):
        statement.decorator_list = []


def _is_udf(function: ast.FunctionDef) -> bool:
    """Whether a function has the decorator `@udf(...)` or `@headrace.udf(...)`."""
    called = [one.func for one in function.decorator_list if isinstance(one, ast.Call)]
    names = [one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in called]
    return "udf" in names


def _is_function(statement: ast.stmt, function: FunctionType) -> bool:
    return isinstance(statement, ast.FunctionDef) and statement.name == function.__name__


def _begins(statement: ast.stmt) -> int:
    """The first line of a statement, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _reached(own: ast.stmt, statements: Sequence[ast.stmt], where: Place) -> set[ast.stmt]:
    """The statements that a function needs, directly or not; those that say how a file is compiled always."""
    futures: list[ast.stmt] = [
        one for one in statements if isinstance(one, ast.ImportFrom) and one.module == "__future__"
    ]
    codes = {one: _compiled([*(f for f in futures if f is not one), one]) for one in statements}
    stored = set().union(*map(_stored, codes.values()))
    imported = {name for one, code in codes.items() if _imported(one) for name in _stored(code)}
    defined: Defined = {}
    for statement, code in codes.items():
        for name in _bound(statement, code, imported) & stored:
            defined.setdefault(name, []).append(statement)
    reached: set[ast.stmt] = set(futures)
    pending = [own]
    while pending:
        statement = pending.pop()
        if statement not in reached:
            reached.add(statement)
            pending += _read_by(codes[statement], defined, where)
    return reached


def _compiled(statements: Sequence[ast.stmt]) -> CodeType:
    module = ast.Module(list(statements), [])
    return compile(module, "<needed>", "exec", dont_inherit=True)


def _bound(statement: ast.stmt, code: CodeType, imported: set[str]) -> set[str]:
    """The names that a statement binds or may change: of one that does more than define, whatever it reads too.

    So `LAST = TABLE.pop()` and a loop over `TABLE[name] = 9.0` are part of what TABLE is. Else every constant made by a
    package, as `ONE = pa.scalar(1)`, would be part of the package: an assignment changes nothing that is imported.
    """
    stored = _stored(code) - {"annotations"}
    if isinstance(statement, DEFINITIONS):
        return stored
    reads = set(_reads(code))
    return stored | (reads - imported if isinstance(statement, ASSIGNMENTS) else reads)


def _stored(code: CodeType) -> set[str]:
    """The names that some code binds in its module or class, not in those within it."""
    return {str(one.argval) for one in dis.get_instructions(code) if one.opname == "STORE_NAME"}


def _read_by(code: CodeType, defined: Defined, where: Place) -> Iterator[ast.stmt]:
    """The statements that define what some code reads."""
    for name in sorted(set(_missing(code)) - set(defined) - ALWAYS):
        msg = f"{where}: it reads {name!r}, which its file does not define; {did_you_mean(name, defined)}"
        raise DefinitionError(msg)
    for name in _reads(code):
        yield from defined.get(name, ())


def _reads(code: CodeType) -> Iterator[str]:
    """The names of the module that some code may read, within its functions and classes too."""
    for one in _codes(code):
        yield from _own_reads(one)


def _missing(code: CodeType) -> Iterator[str]:
    """The names that some code reads and that the module or class around them does not bind there."""
    for one in _codes(code):
        yield from _own_reads(one) - _stored(one)


def _own_reads(code: CodeType) -> set[str]:
    return {str(one.argval) for one in dis.get_instructions(code) if one.opname in READS} - {ANNOTATIONS}


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Some code, and that of the functions and classes within it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _check_imports(statement: ast.stmt, where: Place) -> None:
    """UnsupportedError for the import of a module that is not installed."""
    for node in ast.walk(statement):
        for module in _imported(node):
            if not _is_installed(module.partition(".")[0]):
                msg = (
                    f"{where}: line {node.lineno} imports {module!r}, a module that is not installed: workers have no "  # type: ignore[attr-defined]
                    "copy of it; move what the function needs into its file, or install the module as a package"
                )
                raise UnsupportedError(msg)


def _imported(node: ast.AST) -> list[str]:
    """The modules that a node imports; a relative one with its dots."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return ["." * node.level + (node.module or "")] if isinstance(node, ast.ImportFrom) else []


def _is_installed(module: str) -> bool:
    """Whether a module comes with Python or lies where packages are installed."""
    if module in sys.stdlib_module_names or module == "headrace":
        return True
    spec = find_spec(module) if module else None
    places = [spec.origin, *(spec.submodule_search_locations or [])] if spec is not None else []
    homes = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    return any(Path(place).is_relative_to(home) for place in places if place for home in homes)
