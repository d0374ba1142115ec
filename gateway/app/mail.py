"""Puts together how mail leaves."""

from typing import Final

from gateway.app.concern import Concern
from gateway.app.counters import counter
from gateway.config import Config
from gateway.core.mail.letter import Letterhead
from gateway.core.outbox.kinds import MessageKind, Pauses
from gateway.flows.mail.notices import NoticeKeeper
from gateway.flows.mail.post import HandOver, MailPost, into_directory
from gateway.flows.operate.delivery import Delivery
from gateway.flows.operate.leader import Job
from gateway.metrics import Slot
from gateway.outbound.smtp import MailServer
from gateway.resources import Resources, notices_of
from gateway.stores.files.letters import LetterDirectory

_KEEP_S: Final = 3_600.0
_SENDERS: Final = {MessageKind.MAIL: 2, MessageKind.NOTICE: 1}  # of each lane, in a worker
_PAUSES: Final = Pauses(first_s=30, longest_s=3_600, jitter=0.5)


def mail(*, config: Config, resources: Resources, slot: Slot) -> Concern:
    if not config.mail.is_on:
        return Concern()
    count = counter(slot, "bastion_mail_deliveries", ("delivered", "failed"))
    letterhead, hand_over = letterhead_of(config), transport_of(config)
    posts = [MailPost(resources.acts, lane, letterhead, hand_over) for lane in _SENDERS]
    keeper = NoticeKeeper(resources.acts, notices_of(config))
    return Concern(
        jobs=(Job("notices", keeper.work, every_s=_KEEP_S),),
        deliveries=tuple(
            Delivery(resources.pool, post.lane, post.send, count, _PAUSES, post.read, post.bury)
            for post in posts
            for _ in range(_SENDERS[post.lane])
        ),
    )


def letterhead_of(config: Config) -> Letterhead:
    return Letterhead(config.pages.name, config.mail.sender, config.public_url)


def transport_of(config: Config) -> HandOver:
    """Where mail goes. Mail is on."""
    section = config.mail
    if section.directory is not None:
        return into_directory(LetterDirectory(section.directory))
    server = MailServer(
        host=section.host,
        port=section.port,
        security=section.security,
        user=section.user,
        password=section.password,
        timeout_s=section.timeout_s,
        name=config.auth_host,
    )
    return server.send
