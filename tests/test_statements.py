"""What a statement does with names, a row for each way to write it."""

import ast

import pytest

from gradcheck.lines import statements as read


def expression(text):
    return ast.parse(text, mode="eval").body


def texts(nodes):
    return [ast.unparse(node) for node in nodes]


@pytest.mark.parametrize(
    ("text", "name", "key"),
    [
        ("z", "z", "z"),
        ("self.z", "self.z", "z"),
        ("a.b.c", "a.b.c", "c"),
        ('cache["z"]', 'cache["z"]', "z"),
        ('self.cache["z"]', 'self.cache["z"]', "z"),
        ("cache[0]", None, None),
        ("f(x)", None, None),
        ("f(x).z", None, None),
        ("x + y", None, None),
    ],
)
def test_a_name_stands_for_one_value(text, name, key):
    assert read.name_of(expression(text)) == name
    assert name is None or read.key_of(name) == key


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("z", ("z", "z", None)),
        ("z[0]", ("z", "z", "0")),
        ("a[i][j]", ("a", "a", "i")),
        ("self.z[k + 1]", ("self.z", "self.z", "k + 1")),
        ("f(x)[0]", None),
    ],
)
def test_a_target_belongs_to_a_name(text, place):
    found = read.place_of(expression(text))
    name, *nodes = found or (None,)
    assert (found and (name, *(node and ast.unparse(node) for node in nodes))) == place


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a = b = c", ["a = c", "b = c"]),
        ("a, b = c, d", ["a = c", "b = d"]),
        ("[a, b] = f(x)", ["a = f(x)[0]", "b = f(x)[1]"]),
        ("a, (b, c) = f(x)", ["a = f(x)[0]", "b = f(x)[1][0]", "c = f(x)[1][1]"]),
        ("a, b = (g(one) for one in (c, d))", ["a = (g(c),)", "b = (g(d),)"]),
        ("a, b = [g(one) for one in [c, d]]", ["a = (g(c),)", "b = (g(d),)"]),
        ("a, b = [g(one) for one in [c, d] if one]", None),
        ("a, b = (g(one) for one in (c, d, e))", None),
        ("a += b", ["a = b"]),
        ("a: float = b", ["a = b"]),
        ("a: float", []),
        ("f(a)", []),
    ],
)
def test_what_is_assigned_and_what_it_is_given(text, pairs):
    statement = read.only_statement(text)
    found = [" = ".join(texts(pair)) for pair in read.given(statement)]
    if pairs is None:  # Taken apart by place, as everything whose parts are not written down.
        whole = ast.unparse(statement.value)
        pairs = [f"{name} = {whole}[{k}]" for k, name in enumerate("ab")]
    assert found == pairs


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("z += 1", {"z"}),
        ("self.z += w", {"self.z", "self", "w"}),
        ("z = x.dot(w)", {"x.dot", "x", "w"}),
        ("z = o_t.helped(w)", {"o_t.helped", "o_t", "w", "helped"}),
        ("z = cache['x']", {'cache["x"]', "cache"}),
        ("z[k] = 0", {"z", "k"}),
    ],
)
def test_names_that_are_computed_with(text, names):
    assert read.names_read(ast.parse(text)) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = f(x)", [{"f", "x"}]),
        ("a += x", [{"a", "x"}]),
        ("a[k] += x", [{"a", "k", "x", ""}]),
        ("a[k] = x", [{"a", "k", "x"}]),
        ("a, b = f(x)", [{"f[0]", "x"}, {"f[1]", "x"}]),
        ("a, b = self.f(x)", [{"f[0]", "x", "self"}, {"f[1]", "x", "self"}]),
        ("a, b = x", [{"x"}, {"x"}]),
    ],
)
def test_what_each_target_is_computed_with(text, names):
    statement = read.only_statement(text)
    found = [read.reads_for(statement, *pair) for pair in read.given(statement)]
    assert found == [frozenset(each) for each in names]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (
            "grads = {'dW': dW, 'db': 2 * db, k: 1, **more}",
            {'grads["dW"]': "dW", 'grads["db"]': "2 * db"},
        ),
        ("self.grads = {'dW': dW}", {'self.grads["dW"]': "dW"}),
        ("a = b = {'dW': dW}", {}),
        ("f(x)[0] = {'dW': dW}", {}),
        ("grads = dict(dW=dW)", {}),
    ],
)
def test_items_that_a_dictionary_gives_a_value(text, items):
    found = read.items_written(read.only_statement(text))
    assert {name: ast.unparse(value) for name, value in found.items()} == items


@pytest.mark.parametrize(
    ("text", "call", "place"),
    [
        ("np.exp(-z)", "np.exp(-z)", 0),
        ("1 / (1 + np.exp(-z))", "np.exp(-z)", 0),
        ("np.tanh(z) - 1", "np.tanh(z)", 0),
        ("-np.tanh(z)", "np.tanh(z)", 0),
        ("np.maximum(0, x @ W)", "np.maximum(0, x @ W)", 1),
        ("np.maximum(x, W)", None, None),
        ("np.tanh(z) * x", None, None),
        ("f(*z)", None, None),
        ("f(1)", None, None),
        ("z", None, None),
    ],
)
def test_the_call_that_computes_with_one_argument_alone(text, call, place):
    found = read.activated(expression(text))
    assert found is None if call is None else (ast.unparse(found[0]), found[1]) == (call, place)


def test_what_only_makes_room():
    def rooms(texts):
        return {read.makes_room(read.only_statement(text)) for text in texts.split(" | ")}

    assert rooms("a = [] | a = {} | a = dict() | a = list()") == {True}
    assert rooms("a = [0] | a = {1: 2} | a = list(b) | a = set() | f([])") == {False}


@pytest.mark.parametrize(
    ("text", "into", "idle"),
    [
        ("np.add.at(d, i, dy)", ["d", "np.add"], False),
        ("np.add(d[0] + 1, dy, out=e)", ["d", "e"], False),
        ("ds.append(dy)", ["dy", "ds"], False),
        ("fill(d.ravel(), 0)", ["d"], False),
        ("fill(0, d)", [], False),
        ("print(d)", [], False),
        ("self.step()", [], False),
        ("d + dy", ["d"], True),
        ("d == dy", ["d"], True),
        ("d", ["d"], True),
        ("d.T[0]", ["d.T"], True),
        ("3", [], True),
        ("d = dy", [], False),
        ("not python (", [], False),
        ("a; b", [], False),
    ],
)
def test_what_a_line_that_stands_alone_writes_into(text, into, idle):
    assert texts(read.written_into(read.only_statement(text))) == into
    assert read.does_nothing(text) is idle


def test_the_names_that_belong_to_a_function():
    function = ast.parse(
        "def f(a, *b, c=1, **d):\n    e = a + g\n    h.x = e\n    for i in e: pass"
    ).body[0]
    assert read.locals_of(function) == {"a", "b", "c", "d", "e", "i"}
    assert [*map(read.base_of, ("z", 'cache["z"]', "a.b", "f[1]"))] == ["z", "cache", "a", "f"]
