"""The examples in docstrings say what really comes out."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import gradcheck

MODULES = [
    module.name
    for module in pkgutil.walk_packages(gradcheck.__path__, "gradcheck.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["gradcheck", *MODULES])
def test_docstring_examples(name):
    module = import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


def test_check_has_one():
    assert doctest.DocTestFinder().find(gradcheck.check)[0].examples
