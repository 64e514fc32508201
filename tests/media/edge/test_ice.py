import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import cast

import aioice.stun
import pytest

from media.edge import stun
from media.edge.ice import CONSENT_TIMEOUT, FIRST_CHECK_TIMEOUT, IceAgent, Path
from media.edge.port import MediaPort
from media.edge.transport import Transport
from media.edge.udp import UdpSender


def agent() -> IceAgent:
    return IceAgent(random.Random(1), now=100.0)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    port = MediaPort(tcp=False)
    await port.open("127.0.0.1", 0)
    yield port.create_transport(on_rtp=_ignore, on_rtcp=_ignore, on_connected=_ignore, on_closed=_ignore)
    await port.close()


def _ignore(*args: object) -> None: ...


def path(transport: Transport, port: int = 1) -> Path:
    address = ("192.0.2.1", port)
    return Path(transport, address, address, cast(UdpSender, None))


def check(username: str, password: str, *, nominate: bool = False) -> stun.BindingRequest:
    message = aioice.stun.Message(
        aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST, bytes(12), {"USERNAME": username}
    )
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    request = stun.parse_request(bytes(message), Counter())
    assert request is not None
    return request


def test_credentials_are_as_long_as_the_rfc_asks_and_differ() -> None:
    one, other = (IceAgent(random.Random(seed), now=0.0).local for seed in (1, 2))
    assert len(one.ufrag) >= 4 and len(one.pwd) >= 22
    assert one.ufrag != other.ufrag and one.pwd != other.pwd


def test_a_check_before_the_description_is_taken() -> None:
    ice = agent()
    assert ice.authenticate(check(f"{ice.local.ufrag}:any", ice.local.pwd)) is ice.local


def test_both_halves_of_the_user_name_must_fit_once_both_are_known() -> None:
    ice = agent()
    ice.set_remote("peer")
    assert ice.authenticate(check(f"{ice.local.ufrag}:peer", ice.local.pwd)) is ice.local
    assert ice.authenticate(check(f"{ice.local.ufrag}:other", ice.local.pwd)) is None
    assert ice.authenticate(check("other:peer", ice.local.pwd)) is None
    assert ice.authenticate(check(f"{ice.local.ufrag}:peer", "wrong")) is None


def test_old_and_new_credentials_work_after_a_restart() -> None:
    ice = agent()
    ice.set_remote("one")
    old = ice.local
    ice.restart()
    assert ice.authenticate(check(f"{old.ufrag}:one", old.pwd)) is ice.previous
    assert ice.authenticate(check(f"{ice.local.ufrag}:two", ice.local.pwd)) is ice.local
    ice.set_remote("two")

    assert ice.authenticate(check(f"{old.ufrag}:one", old.pwd)) is ice.previous
    assert ice.authenticate(check(f"{ice.local.ufrag}:two", ice.local.pwd)) is ice.local
    assert ice.authenticate(check(f"{ice.local.ufrag}:one", ice.local.pwd)) is None
    assert ice.authenticate(check(f"{old.ufrag}:one", ice.local.pwd)) is None


def test_the_credentials_before_the_last_but_one_are_forgotten() -> None:
    ice = agent()
    first = ice.local
    ice.restart()
    ice.restart()
    assert ice.authenticate(check(f"{first.ufrag}:x", first.pwd)) is None


async def test_the_first_path_is_taken_and_a_nomination_moves_it(transport: Transport) -> None:
    ice = agent()
    first, second = path(transport, 1), path(transport, 2)
    plain, nominating = check("a:b", "p"), check("a:b", "p", nominate=True)

    assert ice.on_check(plain, first, now=101.0) and ice.selected is first
    assert not ice.on_check(plain, second, now=101.1) and ice.selected is first
    assert ice.on_check(nominating, second, now=101.2) and ice.selected is second
    assert not ice.on_check(nominating, second, now=101.3)


@pytest.mark.parametrize("heard", [None, 110.0])
async def test_consent_ends_when_nothing_is_heard(transport: Transport, heard: float | None) -> None:
    ice = agent()
    if heard is None:
        assert ice.expires == 100.0 + FIRST_CHECK_TIMEOUT
    else:
        ice.on_check(check("a:b", "p"), path(transport), now=heard)
        assert ice.expires == heard + CONSENT_TIMEOUT


@pytest.mark.parametrize(("attribute", "code"), [("ICE-CONTROLLED", 487), (None, None)])
def test_a_controlled_peer_is_told_to_change_its_role(attribute: str | None, code: int | None) -> None:
    ice = agent()
    message = aioice.stun.Message(
        aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST, bytes(12), {"USERNAME": f"{ice.local.ufrag}:x"}
    )
    if attribute:
        message.attributes[attribute] = 5
    message.add_message_integrity(ice.local.pwd.encode())
    request = stun.parse_request(bytes(message), Counter())
    assert request is not None
    answer = aioice.stun.parse_message(ice.answer(request, ice.local, ("192.0.2.7", 99)))

    assert answer.error_code == code
    assert answer.check_message_integrity(ice.local.pwd.encode())
