"""How people name a gradient, what a function's own text calls the values that it returns."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from gradcheck.binding import parameters_of
from gradcheck.layer import Function
from gradcheck.meant import must_be
from gradcheck.trees import Path, only

AHEAD = (
    *("dL_d", "dJ_d", "dl_d", "dj_d", "dL_", "grad_", "gradient_", "delta_", "nabla_"),
    *("d_", "g_", "ct_"),
)
CLOSE = ("dLd", "dJd", "dL", "grad", "d", "D", "∂", "∇")
BEHIND = ("_gradient", "_grad", "_grads", "_g", "_delta", "Grad", "grad")
CACHES = ("cache", "caches", "cached", "ctx", "context", "memory", "mem", "saved", "stash", "tape")
BACK = re.compile(r"backward|back_?prop|bwd|bprop|vjp", re.IGNORECASE)
TARGET = re.compile(
    r"^(gt|[yt]_?(train|test|one_?hot|oh|enc(oded)?)|ground_?truth|one_?hot"
    r"|([yt]_?)?(true|truth|labels?|targets?|actual|expected|desired|real|gold)"
    r"(_?(y|s|tensor|values?|outputs?|labels?|class(es)?|one_?hot|ind(ex|ices)|idx))?)$",
    re.IGNORECASE,
)
LETTER_OF_A_TARGET = re.compile(r"^[yt]$", re.IGNORECASE)
"""What a target may be called, and beside one that says more a prediction."""
MASK = re.compile(r"^(\w+_)?masks?\d*(_\w+)?$", re.IGNORECASE)
"""What people call an input that lets entries through or not."""
PARAMETER = re.compile(
    r"^(w|b|weights?|bias(es)?|intercept|thetas?|betas?|coef\w*|params?|parameters?)_?\d*$", re.I
)
RATES = (
    *("learning_rate", "lr", "learn_rate", "learningrate", "eta", "step_size"),
    *("rate", "alpha"),
)
"""What people call the length of a step; the last two are other things as often."""
UPSTREAM = ("d", "grad", "delta", "upstream", "err", "top_", "g_", "out_grad", "output_grad")


def undressed(name: str) -> list[str]:
    """What a gradient's name may be the gradient of: dv, d_v, grad_v, v_grad, dL_dv belong to v."""
    name = name.lstrip("_")
    bare = [*map(name.removeprefix, (*AHEAD, *CLOSE)), *map(name.removesuffix, BEHIND)]
    return [inner for one in bare if one != name and (inner := one.lstrip("_"))]


def is_of(gradient: str, value: str) -> bool:
    """Whether a name is that of a gradient of `value`, in capitals or not, `grad_w` that of `weights`."""
    low = value.lower()
    pairs = ((gradient, value), (gradient.lower(), low), (gradient.lower(), SHORT.sub(_first, low)))
    return any(v.lstrip("_") in undressed(g) for g, v in pairs)


def flows_into(gradient: str, value: str) -> bool:
    """Whether it is called as the gradient of `value` is, that comes from the next step too: dh_next of h."""
    return is_of(gradient, value) or is_of(NEXT.sub("", gradient), value)


NEXT = re.compile(r"_(next|out|t)$", re.IGNORECASE)
SHORT = re.compile(r"^(weights?|bias(es)?)(?=\d*$)")
"""What people write out where it is a parameter, and not where it is its gradient."""


def _first(word: re.Match[str]) -> str:
    return word[0][0]


def is_cache(name: str) -> bool:
    """Whether a parameter is called as those are that carry values from the forward pass."""
    words = name.lower().strip("_").split("_")
    return words[0] in CACHES or words[-1] in CACHES


def is_rate(name: str) -> bool:
    """Whether a parameter of a backward pass is called as the length of a step is."""
    return name.lower() in RATES


def is_upstream(name: str) -> bool:
    """Whether a parameter is called as those are that carry the upstream gradient."""
    return name.lower().lstrip("_").startswith(UPSTREAM) or name.lower().endswith(("grad", "error"))


THE_INPUT = frozenset({"x", "z", "input", "inputs", "in"})
"""What a way back calls the only input, whatever the forward pass does."""


def is_target(name: str) -> bool:
    """Whether an input is called as those are that a prediction is compared with."""
    return likeness_to_a_target(name) > 0


def likeness_to_a_target(name: str) -> int:
    """How much an input is called as those are that a prediction is compared with: y_true more than y."""
    return 2 if TARGET.match(name) else int(bool(LETTER_OF_A_TARGET.match(name)))


def is_parameter(name: str) -> bool:
    """Whether an input is called as those are that a model learns."""
    return bool(PARAMETER.match(name))


def takes(function: Function) -> list[str]:
    """The names of its parameters; none where it does not say."""
    return [parameter.name for parameter in parameters_of(function) or ()]


def needs(function: Function) -> list[str]:
    """Those of them that have no default."""
    parameters = parameters_of(function) or ()
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def are_turned_round(forward: Function, backward: Function) -> bool:
    """Whether two functions are a backward pass and its forward pass by what they are called and take.

    Only the one given first goes back: it takes an upstream gradient first, and a cache or its name says so.
    """
    if not _takes_upstream(forward) or _takes_upstream(backward) or _says_back(backward):
        return False
    return _says_back(forward) or any(map(is_cache, takes(forward)))


def _takes_upstream(function: Function) -> bool:
    return any(map(is_upstream, takes(function)[:1]))


def _says_back(function: Function) -> bool:
    return BACK.search(getattr(function, "__name__", "")) is not None


def returned_names(function: Function) -> dict[Path, str]:
    """What a function's return statement calls its values: {(0,): "dx", (1, 0): "dW"}.

    Empty where the source is not at hand or names nothing.
    """
    tree = _tree(function)
    returned = _returned(tree)
    return dict(_named(returned[-1], (), _assigned(tree))) if returned else {}


def _returned(tree: ast.AST) -> list[ast.expr]:
    """What a function returns, in the order of the text."""
    if isinstance(tree, ast.Lambda):
        return [tree.body]
    return [n.value for n in _own(tree) if isinstance(n, ast.Return) and n.value is not None]


def names_in_returns(function: Function) -> set[str]:
    """Every name in what a function returns."""
    returned = ast.Tuple(_returned(_tree(function)))
    return {node.id for node in ast.walk(returned) if isinstance(node, ast.Name)}


def unread(function: Function) -> list[str]:
    """The parameters with a default that a function's text never looks at."""
    read = {node.id for node in ast.walk(_tree(function)) if isinstance(node, ast.Name)}
    used = read.union(needs(function))
    return [name for name in takes(function) if name not in used] if read else []


def _assigned(tree: ast.AST) -> dict[str, ast.expr]:
    """The names that a function gives, each with what it is given to last."""
    return {
        target.id: node.value
        for node in _own(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _tree(function: Function) -> ast.AST:
    """The text of a function, or a lambda; nothing in it where it is not at hand."""
    while isinstance(function, partial):
        function = function.func
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
        found = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return ast.Pass()
    return found if isinstance(found, ast.FunctionDef) else _lambda(found, takes(function))


def _lambda(statement: ast.stmt, names: Sequence[str]) -> ast.AST:
    """The lambda in a statement that takes these parameters, if there is but one."""
    several = (node for node in ast.walk(statement) if isinstance(node, ast.Lambda))
    return only([node for node in several if _parameters(node) == names]) or ast.Pass()


def _parameters(node: ast.Lambda) -> list[str]:
    return [one.arg for one in node.args.args]


def _own(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it, in the order of the text."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            yield node
            yield from _own(node)


def _named(node: ast.expr, path: Path, assigned: dict[str, ast.expr]) -> Iterable[tuple[Path, str]]:
    """What an expression calls its value, or the values in it."""
    match node:
        case ast.Tuple(parts) | ast.List(parts):
            for k, part in enumerate(parts):
                yield from _named(part, (*path, k), assigned)
        case ast.Name(name):
            yield path, name
            if isinstance(assigned.get(name), (ast.Tuple, ast.List)):
                yield from _named(assigned[name], path, {})
        case ast.Attribute(_, name) | ast.Subscript(_, ast.Constant(name)):
            yield path, str(name)
        case ast.Call(ast.Attribute(ast.Name(name))) if name not in ("np", "numpy"):
            # dx.reshape(…) is still dx; np.dot(…) is nothing that has a name.
            yield path, name


def words(text: str | Iterable[str] | None, option: str) -> list[str]:
    """Names written in a row, "W b", as a list; `option` is what they were given as."""
    fits = text is None or isinstance(text, Iterable)
    must_be(fits, option, text, "names in a row, as in 'W b', or a list of them")
    return text.replace(",", " ").split() if isinstance(text, str) else list(text or ())
