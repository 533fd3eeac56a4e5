"""The functions that a backward pass is written in, its own and its helpers, and the layer with another text."""

from __future__ import annotations

import ast
import copy
import difflib
import linecache
import os
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from types import FunctionType, MappingProxyType, MethodType
from typing import Any

from gradcheck.layer import Adapted, Layer
from gradcheck.lines import BackwardText, Unreadable, rewritten
from gradcheck.lines.source import Source, parsed_function, returned_function, unbound
from gradcheck.lines.together import returned, way_to
from gradcheck.repair.tree import inside
from gradcheck.result import Edit

OWN = ""
"""The name under which a program knows the function that holds the backward pass itself."""

Names = Mapping[str, Any]
NO_NAMES: Names = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Program:
    """A layer by its text: each function that may be edited by its name, its source and its text now."""

    layer: Layer
    written: BackwardText
    sources: Mapping[str, Source]
    texts: Mapping[str, str]

    @staticmethod
    def of(layer: Layer, written: BackwardText) -> Program:
        """The program of a layer whose backward pass is written there, with the helpers in its module."""
        tree = backward_in(written.source.tree, written)
        around = written.source.function.__globals__
        methods = _methods(around, layer, written) if isinstance(layer, Adapted) else {}
        sources = {OWN: written.source, **_helpers(tree, {**_own(around), **methods})}
        texts = {name: at_margin(source) for name, source in sources.items()}
        return Program(layer, written, sources, texts)

    @property
    def in_doubt(self) -> list[str]:
        """The names of the functions in which a mistake may be."""
        return [name for name, source in self.sources.items() if source.in_doubt]

    def edited(self, name: str, old: ast.AST, new: ast.AST) -> Program:
        """The program with one node of a function exchanged in its text."""
        return replace(self, texts={**self.texts, name: edited(self.texts[name], old, new)})

    def built(
        self, trees: Mapping[str, ast.FunctionDef] = NO_NAMES, more: Names = NO_NAMES
    ) -> Layer:
        """The layer as its texts now are.

        Of functions in `trees` not the text counts but that tree; they see `more` names besides.
        """
        trees = {**self._changed, **trees}
        methods: dict[FunctionType, FunctionType] = {}
        if any(map(_is_method, trees)):
            trees = {n: _looked_up(trees.get(n) or self._parsed(n)) for n in self.sources}
            more = {**more, AS_EDITED: partial(_as_edited, methods)}
        own = trees.pop(OWN, None) or self._parsed(OWN)
        by_name = {n: self._compiled(n, tree) for n, tree in trees.items() if not _is_method(n)}
        source = self.written.source
        scope = {**more, **_seeing(by_name, source.function.__globals__, more)}
        for name in filter(_is_method, trees):
            methods[self.sources[name].function] = self._compiled(name, trees[name], scope)
        return rewritten(
            _with_names(self.layer, scope if by_name else {}),
            self.written,
            source.compiled(own, scope),
        )

    def _compiled(self, name: str, tree: ast.FunctionDef, scope: Names = NO_NAMES) -> FunctionType:
        return self.sources[name].compiled(tree, scope)

    def _parsed(self, name: str) -> ast.FunctionDef:
        """The tree of a function as its text now is."""
        return parsed_function(self.texts[name])

    @property
    def _changed(self) -> dict[str, ast.FunctionDef]:
        """The functions whose text is another than in the file."""
        before = {name: at_margin(source) for name, source in self.sources.items()}
        return {n: self._parsed(n) for n, text in self.texts.items() if text != before[n]}

    def edits(self) -> tuple[Edit, ...]:
        """Each place of a file that differs, with what stands there before and after the edit."""
        return tuple(
            Edit(source.line + a, _joined(before[a:b]), _joined(after[c:d]))
            for source, before, after in self._both()
            for a, b, c, d in _differences(before, after)
        )

    def _both(self) -> Iterator[tuple[Source, list[str], list[str]]]:
        """The lines of each function before and after."""
        for name, source in self.sources.items():
            yield source, at_margin(source).split("\n"), self.texts[name].split("\n")

    def diff(self) -> str:
        """The edits as a patch of the files that the functions are written in."""
        by_file: dict[str, list[tuple[Source, list[str], list[str]]]] = defaultdict(list)
        for source, before, after in self._both():
            by_file[source.file].append((source, before, after))
        return "".join(map(_patch, by_file, by_file.values()))


def backward_in(tree: ast.FunctionDef, written: BackwardText) -> ast.FunctionDef:
    """The backward pass in the tree of the function that holds it."""
    return (returned_function(tree) if written.inside else None) or tree


def _helpers(tree: ast.AST, reached: Mapping[str, FunctionType]) -> dict[str, Source]:
    """The functions among those in reach that a function calls, and those that they call."""
    trees = [tree]
    found: dict[str, Source] = {}
    while trees:
        called = _called(trees.pop())
        for name in sorted(n for n in reached.keys() - found if _as_called(n) in called):
            with suppress(Unreadable):
                found[name] = Source.of(reached[name])
                trees.append(found[name].tree)
    return found


def _called(tree: ast.AST) -> set[str]:
    """The names that are read in a tree, and the attributes with their dot."""
    attributes = {f".{node.attr}" for node in inside(tree, ast.Attribute)}
    return attributes | {node.id for node in inside(tree, ast.Name)}


def _as_called(name: str) -> str:
    """How a call names a helper: `.derivative` is any class's."""
    return f".{name.rpartition('.')[2]}" if _is_method(name) else name


def _is_method(name: str) -> bool:
    """Whether a helper is known by its class."""
    return "." in name


def _methods(around: Names, layer: Adapted, written: BackwardText) -> dict[str, FunctionType]:
    """The methods of a module's classes but the backward pass itself, and those that a forward pass goes through.

    An edit of those would change the value too, and with it what is right. A loss goes to its value through
    those that this comes from.
    """
    own = written.source
    methods = {n: one for n, one in _all_methods(around).items() if one is not own.function}
    if not own.in_doubt:
        # Which of them the value comes from is written nowhere: an edit that changes it is refuted.
        return methods
    with suppress(Unreadable):
        ahead = Source.of(layer.forward)
        trees: list[ast.AST] = [ahead.tree]
        if layer.forward is layer.backward:
            trees = [_way_to_the_value(ahead.tree), _way_to_the_value(own.tree)]
        found = (_helpers(tree, methods).values() for tree in trees)
        before = {ahead.function, *(s.function for s in chain.from_iterable(found))}
        return {name: one for name, one in methods.items() if one not in before}
    return {}


def _way_to_the_value(loss: ast.FunctionDef) -> ast.Module:
    """The statements that what a loss returns first is computed by."""
    whole = returned(loss) or ast.Tuple([])
    return ast.Module(way_to(loss, [*getattr(whole, "elts", [whole])[:1]]), [])  # type: ignore[arg-type]


def _all_methods(around: Names) -> dict[str, FunctionType]:
    """The methods of the classes that a module itself defines."""
    classes = {one for one in around.values() if isinstance(one, type)}
    own = (cls for cls in classes if cls.__module__ == around.get("__name__"))
    return dict(chain.from_iterable(map(_methods_of, own)))


def _methods_of(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """What a class defines itself, named with the class."""
    for name, one in vars(cls).items():
        function = getattr(one, "__func__", one)
        if isinstance(function, FunctionType):
            yield f"{cls.__name__}.{name}", function


AS_EDITED = "_as_edited"
"""The name under which a function knows what puts edited methods in place of those of the file."""


def _looked_up(tree: ast.FunctionDef) -> ast.FunctionDef:
    """A copy of a function that calls the methods as they are edited."""
    changed = copy.deepcopy(tree)
    for call in inside(changed, ast.Call):
        if isinstance(call.func, ast.Attribute):
            call.func = ast.Call(ast.Name(AS_EDITED, ast.Load()), [call.func], [])
    return changed


def _as_edited(edited: Mapping[Any, FunctionType], called: Any) -> Any:
    """What is called, or its edited copy: of a method bound to the same object."""
    if isinstance(called, MethodType) and called.__func__ in edited:
        return MethodType(edited[called.__func__], called.__self__)
    return edited.get(called, called) if isinstance(called, FunctionType) else called


def _own(around: Names) -> dict[str, FunctionType]:
    """The functions that a module itself defines."""
    functions = {n: f for n, f in around.items() if isinstance(f, FunctionType)}
    return {name: f for name, f in functions.items() if f.__globals__ is around}


def _seeing(helpers: Mapping[str, FunctionType], around: Names, more: Names) -> Names:
    """The functions of a module where some are others, each a copy that sees the others."""
    seen = {**around, **more}
    functions = {**_own(around), **helpers} if helpers else {}
    seen |= {name: _recoded(function, seen) for name, function in functions.items()}
    return {name: seen[name] for name in functions}


def _recoded(function: FunctionType, seen: dict[str, Any]) -> FunctionType:
    """A function that sees other names."""
    code, name = function.__code__, function.__name__
    copy = FunctionType(code, seen, name, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _with_names(layer: Layer, names: Names) -> Layer:
    """A layer whose forward pass sees other names."""
    if isinstance(layer, Adapted):
        return replace(layer, forward=_bound(layer.forward, names))
    return _bound(layer, names)


def _bound(function: Callable[..., Any], names: Names) -> Callable[..., Any]:
    with suppress(Unreadable):
        bare, ahead, keywords = unbound(function)
        if names:
            return partial(_recoded(bare, {**bare.__globals__, **names}), *ahead, **keywords)
    return function


LOOSE = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Lambda, ast.Tuple)
"""What may need brackets where something else stood."""


def edited(text: str, old: ast.AST, new: ast.AST) -> str:
    """A text, at the left margin, with `new` where `old` stands; in brackets only if it needs them."""
    written = ast.unparse(ast.fix_missing_locations(new))
    written = written[1:-1] if isinstance(new, ast.Tuple) else written
    bare, safe = _spliced(text, old, written), _spliced(text, old, f"({written})")
    return bare if not isinstance(new, LOOSE) or _same_tree(bare, safe) else safe


def _spliced(text: str, node: Any, written: str) -> str:
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    begin = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    encoded = text.encode()
    return (encoded[:begin] + written.encode() + encoded[end:]).decode()


def _same_tree(one: str, other: str) -> bool:
    with suppress(SyntaxError):
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    return False


def at_margin(source: Source) -> str:
    """A function's text as its tree counts it: moved to the left margin."""
    return textwrap.dedent("".join(source.lines))


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)


def _differences(before: list[str], after: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Where lines differ: from and to in both; line by line, where as many stand for as many."""
    codes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for a, b, c, d in (places for tag, *places in codes if tag != "equal"):
        if b - a == d - c:
            yield from ((a + k, a + k + 1, c + k, c + k + 1) for k in range(b - a))
        else:
            yield a, b, c, d


def _patch(file: str, changed: list[tuple[Source, list[str], list[str]]]) -> str:
    """The changes in one file, as a patch."""
    lines = linecache.getlines(file)
    whole = lines or list(changed[0][0].lines)
    now = list(whole)
    for source, before, after in sorted(changed, key=lambda one: -one[0].line):
        begin = source.line - 1 if lines else 0
        first = source.lines[0]
        margin = first.removesuffix(first.lstrip())
        for a, b, c, d in reversed([*_differences(before, after)]):
            moved = textwrap.indent("".join(f"{line}\n" for line in after[c:d]), margin)
            now[begin + a : begin + b] = moved.splitlines(keepends=True)
    name = _called_in_a_patch(file)
    return "".join(difflib.unified_diff(whole, now, f"a/{name}", f"b/{name}"))


def _called_in_a_patch(file: str) -> str:
    """A file as it is called from here, if it is below."""
    name = os.path.relpath(file) if os.path.exists(file) else file
    return file.lstrip(os.sep) if name.startswith(os.pardir) else name
