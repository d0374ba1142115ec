"""The decision as the listeners ask for it, sans I/O: prepare() says what to ask Redis, conclude() gives the answer."""

from dataclasses import replace
from typing import Final

from gateway.core.forward import pages
from gateway.core.forward.answer import Answer, own_head
from gateway.core.forward.callback import Callback, prepare_ours
from gateway.core.forward.connection import TOO_MANY_TAKEN, connection_trick
from gateway.core.forward.context import Context
from gateway.core.forward.credentials import consumable
from gateway.core.forward.decide import Ask, Ours, begin, finish
from gateway.core.forward.decision import Decision
from gateway.core.forward.names import to_delete
from gateway.core.forward.proxy import EARLIER, VERSION
from gateway.core.forward.refusal import refusal
from gateway.core.forward.request import ForwardedRequest, MalformedRequest
from gateway.core.forward.respond import respond
from gateway.core.principal.ask import Reply

_FEW_CREDENTIALS: Final = 2


def prepare(
    request: ForwardedRequest, context: Context, now_us: int, random: bytes, number: int
) -> Answer | Ask | Callback:
    """random: RANDOM_BYTES bytes. number: no other call that waits has it."""
    if request.proxy is not EARLIER:
        refused = _trouble(request, context)
        if refused is not None:
            return refused
    begun = begin(request, context, random, number)
    if isinstance(begun, Ask):
        return begun if begun.needs_store else conclude(begun, None, now_us)
    if isinstance(begun, Ours):
        return prepare_ours(context, request, now_us // 1_000_000, random, number)
    return _told(begun, request, context, random, now_us)


def conclude(ask: Ask, reply: Reply | None, now_us: int) -> Answer:
    """reply None: Redis did not answer. now_us: of the shell's clock, used only where Redis did not say its own."""
    return _told(finish(ask, reply, now_us), ask.request, ask.context, ask.random, now_us)


def _told(decision: Decision, request: ForwardedRequest, context: Context, random: bytes, now_us: int) -> Answer:
    counted = context.refused_keys.counted(decision, request, context.names, now_us)
    return respond(counted, request, context, random)


def _trouble(request: ForwardedRequest, context: Context) -> Answer | None:
    """What Caddy leaves to us to judge. None: the proxy understands our answers, the client plays no trick with the
    connection, and there is room for what has to be taken away.
    """
    proxy = request.proxy
    if proxy.version != VERSION:
        return _other_snippet(request, context, "is of a version that is not known")
    if not proxy.identity <= context.people.names:
        missing = ", ".join(sorted(proxy.identity - context.people.names))
        return _other_snippet(request, context, f"hands on {missing}, which identity_headers no longer has")
    trick = connection_trick(request)
    may_be_many = request.taken or len(request.credential_lines) > _FEW_CREDENTIALS
    if not trick and may_be_many and to_delete(request.taken + consumable(request), context.passed) is None:
        trick = TOO_MANY_TAKEN
    if not trick:
        return None
    page = replace(pages.TRICK, detail=f"{trick}.").on(request.host, request.request_id)
    return refusal(context, request, 400, page, "refused", error="headers", reason=trick)


def _other_snippet(request: ForwardedRequest, context: Context, why: str) -> Answer:
    page, reason = pages.OTHER_SNIPPET.on(request.host, request.request_id), f"the snippet of Caddy {why}"
    return refusal(context, request, 503, page, "unavailable", error="snippet", reason=reason)


def malformed(error: MalformedRequest) -> Answer:
    """A question that our snippet does not ask. Plain text: there is no host to show a page for.

    What the proxy did wrong is for the log: a client can change nothing about it.
    """
    body = f"Bastion: {error.told}.\n".encode()
    head = own_head("", [("Content-Type", "text/plain; charset=utf-8")])
    return Answer(400, head, body, "refused", "", str(error))
