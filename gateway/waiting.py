"""Whoever waits for an answer, as a class and not as a function.

What is compiled calls a method of such a class directly. For a method that is handed over as a function, an object
is made and its arguments are packed, each time; and the cells of a closure are a cycle. A decision is handed on four
times.
"""

import asyncio
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


class _Awaited(Waiter[A]):
    """Whoever awaits may have lost interest when the answer comes."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[A] = asyncio.get_running_loop().create_future()

    def answered(self, answer: A) -> None:
        if not self.future.done():
            self.future.set_result(answer)


async def answer_of(start: Callable[[Waiter[A]], object]) -> A:
    """start: asks, and hands the waiter on to who will answer."""
    awaited = _Awaited[A]()
    start(awaited)
    return await awaited.future
