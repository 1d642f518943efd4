"""Replaces names that nothing outside a function or a module can see by numbers.

Two sources that differ only in such names have equal syntax trees afterwards. A name is replaced where it is
bound and wherever it is read, by a number in the order of first use in its scope, so swapped names, a
shadowed global and a changed constant still make a difference.

These names are replaced:

- variables of functions, comprehensions and lambdas, and the names of nested functions,
- functions and constants of a module that begin with an underscore,
- all functions and constants of a private module (``_name.py``) that no other file uses,
- parameters of nested and private functions, and of all functions of a private module.

Names that something else may use by their words keep them: keywords of calls, words in texts (``**options``
of a dictionary, ``@name`` of a pandas query), attributes, imported names, classes, and parameters of public
or decorated functions.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass
class Words:
    """Words of some files that stand for something outside the function that uses them.

    Attributes:
        keywords: keywords of calls.
        texts: string constants.
        queried: names behind an ``@`` in string constants.
        shared: names that a file imports, and names of attributes.

    A name that a file imports keeps its word in all of them.
    """

    keywords: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    queried: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, trees: Iterable[ast.AST]) -> Words:
        """The words of some files."""
        words = cls()
        for node in (node for tree in trees for node in ast.walk(tree)):
            if isinstance(node, ast.keyword) and node.arg:
                words.keywords.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.texts.add(node.value)
                words.queried |= set(re.findall(r"@(\w+)", node.value))
            elif isinstance(node, ast.Attribute):
                words.shared.add(node.attr)
            elif isinstance(node, ast.alias):
                words.shared |= {node.name, node.asname or node.name}
        return words


@dataclass
class _Scope:
    """A module, class or function: the names it binds, and those of them that are replaced."""

    kind: str
    bound: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    from_module: set[str] = field(default_factory=set)
    numbers: dict[str, str] = field(default_factory=dict)


class _Bindings(ast.NodeVisitor):
    """The names that one scope binds; nested scopes are left out.

    Attributes:
        variables: names that may be replaced.
        fixed: names that keep their words: imports, classes and patterns.
        from_module, from_outside: names that are declared ``global`` and ``nonlocal``.
    """

    def __init__(self) -> None:
        self.variables: set[str] = set()
        self.fixed: set[str] = set()
        self.from_module: set[str] = set()
        self.from_outside: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.variables.add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.variables.add(node.name)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.fixed.add(node.name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        pass

    def visit_ListComp(self, node: Comprehension) -> None:
        # An assignment expression binds its name in the function around the comprehension.
        named = (child for child in ast.walk(node) if isinstance(child, ast.NamedExpr))
        self.variables |= {assignment.target.id for assignment in named}

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def visit_alias(self, node: ast.alias) -> None:
        self.fixed.add(node.asname or node.name.partition(".")[0])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.variables |= {node.name} if node.name else set()
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.fixed |= {node.name} if node.name else set()
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self.fixed |= {node.name} if node.name else set()

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.fixed |= {node.rest} if node.rest else set()
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.from_module |= set(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.from_outside |= set(node.names)


def is_private(name: str) -> bool:
    """Whether a name begins with one underscore."""
    return name.startswith("_") and not name.startswith("__")


class LocalNames(ast.NodeTransformer):
    """Replaces the local names of one module, in place.

    Args:
        words: of all files that are compared together.
        private_module: whether only these files import the module.
    """

    def __init__(self, words: Words, *, private_module: bool) -> None:
        self._words = words
        self._private_module = private_module
        self._scopes: list[_Scope] = []
        self._count = 0

    def visit_Module(self, node: ast.Module) -> ast.AST:
        bindings = _bindings_of(node.body)
        words = self._words
        elsewhere = words.shared | words.texts | words.keywords | bindings.fixed
        unseen = bindings.variables - elsewhere
        private = {name for name in unseen if is_private(name) or (self._private_module and name[:2] != "__")}
        self._scopes.append(_Scope("module", bindings.variables | bindings.fixed, private))
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for name in ("decorator_list", "bases", "keywords"):
            self._visit_all(getattr(node, name))
        bindings = _bindings_of(node.body)
        self._scopes.append(_Scope("class", bindings.variables | bindings.fixed))
        self._visit_all(node.body)
        self._scopes.pop()
        return node

    def visit_FunctionDef(self, node: Function) -> ast.AST:
        self._visit_all([*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)])
        free = self._free_parameters(node)
        if self._scopes[-1].kind != "class":
            node.name = self._word(node.name)
        self._enter(node.args, node.body, free)
        self._visit_all(node.body)
        self._scopes.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._visit_all([*node.args.defaults, *filter(None, node.args.kw_defaults)])
        self._enter(node.args, [node.body], free=True)
        self.visit(node.body)
        self._scopes.pop()
        return node

    def visit_ListComp(self, node: Comprehension) -> ast.AST:
        # Python computes the first iterable outside the comprehension.
        first = node.generators[0]
        self.visit(first.iter)
        targets = _bindings_of([generator.target for generator in node.generators]).variables
        self._scopes.append(_Scope("function", targets, targets - self._words.queried))
        for generator in node.generators:
            self._visit_all([generator.target, *generator.ifs])
            if generator is not first:
                self.visit(generator.iter)
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._visit_all(elements)
        self._scopes.pop()
        return node

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._word(node.id)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name:
            node.name = self._word(node.name)
        self.generic_visit(node)
        return node

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.AST:
        node.names = [self._word(name) for name in node.names]
        return node

    visit_Nonlocal = visit_Global

    def _visit_all(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _free_parameters(self, node: Function) -> bool:
        """Whether a function's parameters may have any names."""
        if node.decorator_list:
            return False
        kind = self._scopes[-1].kind
        return kind == "function" or is_private(node.name) or (kind == "module" and self._private_module)

    def _enter(self, arguments: ast.arguments, body: Sequence[ast.AST], free: bool) -> None:
        """Begin the scope of a function, and replace its parameters."""
        bindings = _bindings_of(body)
        starred = [arg for arg in (arguments.vararg, arguments.kwarg) if arg]
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *starred]
        names = {parameter.arg for parameter in parameters}
        declared = bindings.from_module | bindings.from_outside
        variables = bindings.variables - names - declared - bindings.fixed
        if free:
            variables |= names - self._words.keywords - self._words.texts
        bound = (bindings.variables | bindings.fixed | names) - declared
        replaced = {name for name in variables - self._words.queried if not name.startswith("__")}
        self._scopes.append(_Scope("function", bound, replaced, bindings.from_module))
        for parameter in parameters:
            parameter.arg = self._word(parameter.arg)

    def _word(self, name: str) -> str:
        """What stands for a name where it is used now."""
        scope = self._scope_of(name)
        if scope is None or name not in scope.replaced:
            return name
        if name not in scope.numbers:
            self._count += 1
            scope.numbers[name] = f"#{self._count}"  # no Python name looks like this
        return scope.numbers[name]

    def _scope_of(self, name: str) -> _Scope | None:
        """The scope that binds a name, as Python looks for it; None for a built-in name."""
        for scope in reversed(self._scopes):
            if name in scope.from_module:
                return self._scopes[0]
            # Functions inside a class do not see its names.
            if name in scope.bound and (scope.kind != "class" or scope is self._scopes[-1]):
                return scope
        return None


def _bindings_of(nodes: Sequence[ast.AST]) -> _Bindings:
    bindings = _Bindings()
    for node in nodes:
        bindings.visit(node)
    return bindings


def without_local_names(trees: dict[Path, ast.AST]) -> list[str]:
    """What the files of one plugin do, as text, whatever their local names are.

    Args:
        trees: the syntax tree of every file; they are changed.
    """
    words = Words.of(trees.values())
    texts = []
    for path, tree in trees.items():
        names = LocalNames(words, private_module=is_private(path.stem))
        texts.append(ast.dump(names.visit(tree)))
    return texts
