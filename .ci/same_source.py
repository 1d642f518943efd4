"""Notes that an edit of the built-in plugins changes no number, so that runs trained before it stay trained.

``python .ci/same_source.py REVISION`` compares every built-in method's source at a git revision with that of
the working tree. They are the same where they differ only in docstrings, comments, layout, types, messages of
errors, descriptions of settings, names that nothing else sees (`local_names`) or the new places of public
names. The hash of the source now is then noted to stand for the one before, in
``plugins/wsbench_plugins/same_source.json``. A method that differs in anything else is named and not noted,
unless its name follows the revision: name a method whose code has moved to another file, once its predictions
were compared bit by bit.
"""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from local_names import without_local_names

import wsbench
from wsbench.contract.plugins import find
from wsbench.utils.hashing import SAME_SOURCE, files_of, hash_of_files

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = ROOT / "plugins"


class Plain(ast.NodeTransformer):
    """Public names in their first places; no text that only people read, and nothing that only a type checker
    reads."""

    def __init__(self) -> None:
        self._fields: set[int] = set()

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """``wsbench.torch.train`` -> ``wsbench.train``; new words -> first ones."""
        self.generic_visit(node)
        first = {new: old for old, new in wsbench.RENAMED.items()}
        value = node.value
        if isinstance(value, ast.Attribute) and ast.unparse(value) in {
            f"wsbench.{n}" for n in wsbench.NAMESPACES
        }:
            node.value = value.value
        if ast.unparse(node.value) == "wsbench":
            node.attr = first.get(node.attr, node.attr)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Texts that stand alone go."""
        self.generic_visit(node)
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """``raise Error("text")`` -> ``raise Error("")``."""
        self.generic_visit(node)
        if isinstance(node.exc, ast.Call):
            arguments = node.exc.args
            node.exc.args = [ast.Constant("") if _is_text(argument) else argument for argument in arguments]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """``Field(0, description="text")`` -> ``Field(0)``."""
        self.generic_visit(node)
        if ast.unparse(node.func) == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A class keeps the annotations in its own body: settings and dataclasses are made from them."""
        self._fields.update(map(id, node.body))
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """``x: T = v`` -> ``x = v``; nothing is left of ``x: T``."""
        self.generic_visit(node)
        if id(node) in self._fields:
            return node
        return ast.Assign([node.target], node.value) if node.value else None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """No annotation of what it returns."""
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """No annotation of a parameter."""
        node.annotation = None
        return node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """``if TYPE_CHECKING:`` goes."""
        self.generic_visit(node)
        return None if ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """Names of `typing` do nothing by being imported."""
        return None if node.module == "typing" else node


def _is_text(node: ast.expr) -> bool:
    """Whether an expression is a string constant or an f-string."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def plain(files: Iterable[Path]) -> list[str]:
    """What the files of a method do, without what changes no number."""
    trees = {path: Plain().visit(ast.parse(path.read_text(encoding="utf-8"))) for path in files}
    return without_local_names(trees)


def main(revision: str, *moved: str) -> int:
    """Note what is the same, and the methods that only moved; 1 where another method differs."""
    table = PLUGINS / "wsbench_plugins" / SAME_SOURCE
    noted = json.loads(table.read_text()) if table.exists() else {}
    different = []
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", revision, "plugins"], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        then = Path(folder) / "plugins"
        for name, spec in find().methods.items():
            module = inspect.getmodule(spec.build)
            files = sorted(files_of(module))
            first = then / Path(inspect.getsourcefile(module)).relative_to(PLUGINS)
            before = sorted(first.parent.rglob("*.py")) if first.name == "__init__.py" else [first]
            if not first.is_file():  # a method that is new
                continue
            old, new = (hash_of_files(version) for version in (before, files))
            if old == new:
                continue
            if name in moved or plain(before) == plain(files):
                noted[new] = old
            else:
                different.append(name)
    table.write_text(json.dumps(dict(sorted(noted.items())), indent=1) + "\n")
    for name in different:
        print(f"{name}: does something else than at {revision}; its runs are trained again")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
