"""A gateway in production and the commands of operators, on a cluster that is reached by TLS only."""

import asyncio
import os
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.embedded import free_port
from gateway.stores.redis.access import NEEDED_IN_CLUSTER
from tests.attacks.conftest import PASSWORD
from tests.cluster.servers import Servers, until
from tests.faults.relay import Elsewhere
from tests.faults.test_safeguards import served
from tests.zygote import bastion


def certificate_of_this_machine(file: Path) -> ssl.SSLContext:
    """It is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cluster")])
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins + timedelta(days=36_500))
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def decrypt(listen: int, target: int, context: ssl.SSLContext) -> asyncio.Server:
    """The embedded server speaks no TLS itself."""

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while words := await source.read(65_536):
                sink.write(words)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.transport.abort()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pump(reader, there), pump(there_reader, writer))

    return await asyncio.start_server(talk, "127.0.0.1", listen, ssl=context)


async def hang_up(servers: Sequence[asyncio.Server]) -> None:
    for server in servers:
        server.close()


@dataclass(frozen=True, slots=True)
class Encrypted:
    """url: of its second server. ca_file: who trusts it trusts all of them."""

    servers: Servers
    url: str
    ca_file: Path

    def allow(self, *rules: str) -> None:
        for node in self.servers.nodes:
            node.do("ACL", "SETUSER", "bastion", *rules)


@pytest.fixture
def encrypted(breakable: Servers, tmp_path: Path) -> Iterator[Encrypted]:
    """It names itself by ports that take TLS only, and knows the documented user only."""
    elsewhere, ca_file = Elsewhere(), tmp_path / "cluster.pem"
    context = certificate_of_this_machine(ca_file)
    ports = [free_port() for _ in breakable.nodes]
    decrypting = [
        elsewhere.do(decrypt(port, node.port, context)) for node, port in zip(breakable.nodes, ports, strict=True)
    ]
    for node, port in zip(breakable.nodes, ports, strict=True):
        node.do("CONFIG", "SET", "cluster-announce-port", port)
    until(lambda: all({row[2][1] for row in node.do("CLUSTER", "SLOTS")} == set(ports) for node in breakable.nodes))
    encrypted = Encrypted(breakable, f"rediss://bastion:Q9kd82mc@127.0.0.1:{ports[1]}", ca_file)
    encrypted.allow("on", ">Q9kd82mc", *NEEDED_IN_CLUSTER.split())
    for node in breakable.nodes:
        node.do("ACL", "SETUSER", "default", "off")
    yield encrypted
    elsewhere.do(hang_up(decrypting))
    elsewhere.close()


async def test_production_serves_and_commands_act_on_a_cluster(
    encrypted: Encrypted, database_url: str, short_directory: Path
) -> None:
    directory = short_directory / "right"
    directory.mkdir()
    environment = {**os.environ, "SSL_CERT_FILE": str(encrypted.ca_file)}

    def command(*words: str) -> str:
        done = bastion(*words, "--config", directory / "config.yaml", stdin=PASSWORD, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with served(directory, database_url, {"url": encrypted.url, "cluster": True}, environment) as right:
        ready = await right.answers()
        added = await asyncio.to_thread(command, "user", "add", "ada", "--password-stdin")
        disabled = await asyncio.to_thread(command, "user", "disable", "ada")

    assert ready, right.log.read_text()
    assert added == "ada is added.\n"
    assert disabled == "ada is disabled, and logged out everywhere.\n"


async def test_production_refuses_a_user_who_may_do_too_much_on_any_of_the_servers(
    encrypted: Encrypted, database_url: str, short_directory: Path
) -> None:
    directory = short_directory / "too-wide"
    directory.mkdir()
    environment = {**os.environ, "SSL_CERT_FILE": str(encrypted.ca_file)}
    encrypted.servers.nodes[2].do("ACL", "SETUSER", "bastion", "+eval")

    with served(directory, database_url, {"url": encrypted.url, "cluster": True}, environment) as wrong:
        assert not await wrong.answers()
        assert wrong.process.wait(20) != 0

    assert "scripts (EVAL)" in wrong.log.read_text()
    assert f"ACL SETUSER bastion {NEEDED_IN_CLUSTER}" in wrong.log.read_text()
