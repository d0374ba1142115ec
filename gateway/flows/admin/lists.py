"""What commands manage and the console only shows: read by the flows of those commands, a page at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.policy.client import Client
from gateway.core.policy.model import Policy
from gateway.flows.compliance.access_reviews import AccessReviews
from gateway.flows.compliance.report import Compliance
from gateway.flows.documents import DocumentAdmin
from gateway.flows.keys.key_acts import KeyActs
from gateway.flows.keys.key_status import KeyStatus, key_status
from gateway.flows.oauth.client_admin import ClientAdmin
from gateway.flows.people.api_keys import ApiKeyAdmin
from gateway.flows.webhooks.endpoint_admin import EndpointAdmin
from gateway.stores.postgres.clients import ClientRow

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class ClientLine:
    """enforced: as this worker has it. row: as a command registered it, None of one that a file declares. left_out:
    why the registered one is not in force.
    """

    id: str
    enforced: Client | None
    row: ClientRow | None
    left_out: str


@dataclass(frozen=True, slots=True)
class AdminLists:
    """policy: the one in force in this worker. All of it raises RecordUnavailable."""

    clients: ClientAdmin
    signing_keys: KeyActs
    api_keys: ApiKeyAdmin
    endpoints: EndpointAdmin
    compliance: Compliance
    reviews: AccessReviews
    documents: DocumentAdmin
    policy: Callable[[], Policy]

    async def page_of_clients(self, after: str) -> Sequence[ClientLine]:
        """Declared and registered ones, by id: PAGE at most and one more where there are more."""
        policy, rows = self.policy(), {one.id: one for one in await self.clients.page(after, PAGE + 1)}
        declared = {one.id for one in policy.clients.values() if one.id > after and not one.registered}
        return [
            ClientLine(one, policy.clients.get(one), rows.get(one), policy.left_out.get(one, ""))
            for one in sorted(declared | rows.keys())[: PAGE + 1]
        ]

    async def data_keys(self) -> KeyStatus:
        return await key_status(self.clients.acts)
