"""The decision as the listeners ask for it, sans I/O: prepare() says what to ask Redis, conclude() gives the answer."""

from gateway.core.forward.answer import Answer, own_head
from gateway.core.forward.callback import Callback, prepare_ours
from gateway.core.forward.context import Context
from gateway.core.forward.decide import Ask, Ours, begin, finish
from gateway.core.forward.request import ForwardedRequest, MalformedRequest
from gateway.core.forward.respond import respond
from gateway.core.principal.ask import Reply


def prepare(
    request: ForwardedRequest, context: Context, now_us: int, random: bytes, number: int
) -> Answer | Ask | Callback:
    """random: RANDOM_BYTES bytes. number: no other call that waits has it."""
    begun = begin(request, context, random, number)
    if isinstance(begun, Ask):
        return begun if begun.needs_store else conclude(begun, None, now_us)
    if isinstance(begun, Ours):
        return prepare_ours(context, request, now_us // 1_000_000, random, number)
    return respond(begun, request, context, random)


def conclude(ask: Ask, reply: Reply | None, now_us: int) -> Answer:
    """reply None: Redis did not answer. now_us: of the shell's clock, used only where Redis did not say its own."""
    return respond(finish(ask, reply, now_us), ask.request, ask.context, ask.random)


def malformed(error: MalformedRequest) -> Answer:
    """A question that our snippet does not ask. Plain text: there is no host to show a page for."""
    body = f"Bastion refused the question: {error}. See the snippet for Caddy.\n".encode()
    head = own_head("", [("Content-Type", "text/plain; charset=utf-8")])
    return Answer(400, head, body, "refused", "", str(error))
