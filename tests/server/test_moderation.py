"""What a host does to others, and what nobody else may."""

from __future__ import annotations

import pytest

from server.participant import UNMUTE_GUARD
from tests.server.fakes import House, Page
from tests.server.views import names


class TestModeration:
    @pytest.mark.parametrize("kind", ["admit", "decline", "mute", "remove"])
    def test_a_guest_moderates_nobody(self, house: House, kind: str) -> None:
        host = house.host()
        guest, waiting = house.guest(host), house.knocking("Kim")
        for target in (host.id, waiting.id, guest.id, "nobody"):
            guest.say(type=kind, participant=target)
            assert guest.last("error").code == "not-allowed"
        assert len(house.room().admitted) == 2 and len(house.room().waiting) == 1
        assert not host.all("muted") and not host.all("bye")

    @pytest.mark.parametrize("message", [{"type": "lock", "locked": True}, {"type": "end"}])
    def test_a_guest_neither_locks_nor_ends(self, house: House, message: dict[str, object]) -> None:
        guest = house.guest(house.host())
        guest.say(**message)
        assert guest.last("error").code == "not-allowed"
        assert not house.room().admission.locked and not house.room().ended

    def test_somebody_who_is_gone_can_not_be_admitted(self, house: House) -> None:
        host, guest = house.host(), house.knocking()
        guest.say(type="leave")
        host.say(type="admit", participant=guest.id)
        assert host.last("error").code == "unknown-participant"

    def test_admitting_twice_changes_nothing(self, house: House) -> None:
        host = house.host()
        other = house.host("Dr. Lee", identity="lee")
        guest = house.guest(host)
        other.say(type="admit", participant=guest.id)
        assert not other.all("error") and len(guest.all("welcome")) == 2

    def test_a_removed_guest_can_not_resume_but_may_knock(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        resume = guest.last("welcome").resume
        host.say(type="remove", participant=guest.id)
        assert guest.last("bye").code == "removed" and names(host) == ["Dr. Reed"]
        back = house.page()
        back.hello(resume=resume)
        assert back.last("bye").code == "session-over"
        again = house.page()
        again.hello(house.token(), resume=resume, name="Sam")
        assert again.last("welcome").state == "waiting" and not again.last("welcome").resumed

    def test_after_a_removal_a_token_that_may_join_has_to_knock(self, house: House) -> None:
        host = house.host()
        token = house.token("guest", identity="sam", may=("join", "chat"))
        guest = house.page()
        guest.hello(token)
        host.say(type="remove", participant=guest.id)
        again = house.page()
        again.hello(token)
        assert again.last("welcome").state == "waiting"

    def test_removing_a_host_of_the_same_link_shuts_nobody_else_out(self, house: House) -> None:
        link = house.token("host")
        host, other = house.page(), house.page()
        for page, name in ((host, "Dr. Reed"), (other, "Dr. Bell")):
            page.hello(link, name=name)
        host.say(type="remove", participant=other.id)
        assert other.last("bye").code == "removed"
        second_device = house.page()
        second_device.hello(link, name="Dr. Reed")
        assert second_device.last("welcome").state == "joined"

    def test_a_removed_host_with_a_link_of_their_own_has_to_knock(self, house: House) -> None:
        host, other = house.host(), house.host("Dr. Bell", identity="bell")
        host.say(type="remove", participant=other.id)
        again = house.host("Dr. Bell", identity="bell")
        assert again.last("welcome").state == "waiting"

    def test_a_host_can_not_remove_themselves(self, house: House) -> None:
        host = house.host()
        host.say(type="remove", participant=host.id)
        assert host.last("error").code == "not-yourself"

    def test_a_locked_room_lets_nobody_new_in_but_everybody_back(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        host.say(type="lock", locked=True)
        assert guest.last("room").locked
        assert house.knocking("Kim").last("bye").code == "locked"
        guest.drop()
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert back.last("welcome").state == "joined"
        assert house.host("Dr. Lee", identity="lee").last("welcome").state == "joined"
        host.say(type="lock", locked=False)
        assert house.knocking("Kim").last("welcome").state == "waiting"

    def test_the_end_is_for_all_and_nobody_resumes(self, house: House) -> None:
        host = house.host()
        guest, waiting = house.guest(host), house.knocking("Kim")
        host.say(type="end")
        for page in (host, guest, waiting):
            assert page.last("bye").code == "ended" and not page.last("bye").retry
        assert not house.rooms.rooms
        house.host()  # a new session of the same room
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert back.last("bye").code == "session-over"


class TestMuting:
    def muted_guest(self, house: House) -> tuple[Page, Page]:
        host = house.host()
        guest = house.guest(host)
        guest.offer()
        house.sfu.peer_of(guest.id).flow("microphone")
        guest.say(type="media", microphone=True, camera=True, screen=False)
        host.say(type="mute", participant=guest.id)
        return host, guest

    def microphone(self, page: Page, participant: str) -> bool:
        return next(p.microphone for p in page.last("room").participants if p.id == participant)

    def test_the_relay_forwards_nothing_whatever_the_page_does(self, house: House) -> None:
        host, guest = self.muted_guest(house)
        assert guest.all("muted")
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted
        assert not self.microphone(host, guest.id)

    def test_a_message_that_was_under_way_does_not_unmute(self, house: House) -> None:
        _, guest = self.muted_guest(house)
        guest.say(type="media", microphone=True, camera=False, screen=False)
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted

    def test_people_unmute_themselves(self, house: House) -> None:
        host, guest = self.muted_guest(house)
        guest.say(type="media", microphone=False, camera=True, screen=False)
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted
        guest.say(type="media", microphone=True, camera=True, screen=False)
        assert not house.sfu.peer_of(guest.id).publications["microphone"].muted
        assert self.microphone(host, guest.id)

    def test_a_page_that_never_said_off_unmutes_after_a_moment(self, house: House) -> None:
        _, guest = self.muted_guest(house)
        house.now += UNMUTE_GUARD
        guest.say(type="media", microphone=True, camera=True, screen=False)
        assert not house.sfu.peer_of(guest.id).publications["microphone"].muted

    def test_a_reload_does_not_unmute(self, house: House) -> None:
        _, guest = self.muted_guest(house)
        house.now += 60
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert back.all("muted")
        back.say(type="media", microphone=True, camera=True, screen=False)
        back.offer("after-reload")
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted

    def test_the_host_can_not_unmute_others(self, house: House) -> None:
        host, guest = self.muted_guest(house)
        host.say(type="media", microphone=True, camera=True, screen=True)
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted
