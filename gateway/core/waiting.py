"""Whoever waits for an answer, as a class and not as a function.

What is compiled calls a method of such a class directly. For a method that is handed over as a function, an object
is made and its arguments are packed, each time; and the cells of a closure are a cycle. A decision is handed on four
times.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

A = TypeVar("A")


class Waiter(Generic[A]):
    """Is answered once."""

    __slots__ = ()

    def answered(self, answer: A) -> None:
        """Must not raise."""
        raise NotImplementedError


class Caller(Waiter[A]):
    """Calls a function with the answer: for those who are in no hurry."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[[A], object]) -> None:
        self._function = function

    def answered(self, answer: A) -> None:
        self._function(answer)
