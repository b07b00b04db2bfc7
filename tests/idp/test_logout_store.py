"""What logouts leave behind, on either database; and what is told again, for how long."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from connector.errors import ApplicationUnavailable, RequestRefused
from connector.idp.logout.back_channel import deliver_due
from connector.idp.logout.status import find_sign_ons, revoke
from connector.idp.logout_transaction import Channel, DeliveryState
from connector.idp.message.logout_response import REQUESTER
from connector.idp.names import Binding
from connector.idp.reason import Reason
from connector.idp.store.sign_off_mark import Mark, MarkStore
from connector.idp.visit import Visit
from tests.idp.bench import NOW, load_key
from tests.idp.logout_bench import (
    SOAP_URLS,
    LogoutBench,
    application,
    by_redirect,
    logout_request,
    make_logout_bench,
    server_answer,
)

MAIL = SOAP_URLS["mail"]


@pytest.fixture
def person(engine, clock) -> LogoutBench:
    return make_logout_bench(engine, clock)


def deliveries(person: LogoutBench) -> dict[str, object]:
    """Return the latest delivery to each application of Ann's."""
    found = find_sign_ons(person.parts, "ann-1").deliveries
    return {delivery.application: delivery for _, delivery in reversed(found)}


def test_revoking_ends_everything_and_says_who_answered(person):
    person.sign_in("mail", "intranet", "wiki")
    other = person.another_browser().sign_in("both")

    logout = revoke(person.parts, "ann-1", by="ivo")

    assert (person.is_signed_in(), other.is_signed_in()) == (False, False)
    assert logout.session_count == 2
    assert {each.application: each.state for each in logout.deliveries} == {
        "mail": DeliveryState.SIGNED_OUT,
        "both": DeliveryState.SIGNED_OUT,
        # Nobody's browser is there.
        "intranet": DeliveryState.UNTOLD,
        "wiki": DeliveryState.UNTOLD,
    }
    (event,) = person.events("session.ended")
    assert (event.details["cause"], event.details["by"]) == ("help-desk", "ivo")


def test_what_somebody_has_is_listed(person):
    person.sign_in("mail", "wiki")

    found = find_sign_ons(person.parts, "ann-1")

    assert [each.address for each in found.sessions] == ["192.0.2.7"]
    assert {each.application for each in found.participants} == {"mail", "wiki"}
    assert found.deliveries == ()


def test_a_session_that_lets_nobody_in_any_more_is_not_listed(person, clock):
    person.sign_in("mail")

    clock.moment += timedelta(hours=1)

    assert find_sign_ons(person.parts, "ann-1").sessions == ()
    assert find_sign_ons(person.parts, "ann-1").participants


def test_a_server_that_does_not_answer_is_told_again_and_again_and_then_no_more(person, clock):
    person.sign_in("mail")
    del person.bench.servers.answers[MAIL]
    revoke(person.parts, "ann-1", by="ivo")
    asked = [clock.moment]

    while (due_at := deliveries(person)["mail"].due_at) is not None:
        clock.moment = due_at
        assert deliver_due(person.parts) == 1
        asked.append(clock.moment)

    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses[:7] == [timedelta(minutes=2**n) for n in range(6)] + [timedelta(hours=1)]
    assert timedelta(hours=22) < asked[-1] - asked[0] < timedelta(hours=24)
    assert deliveries(person)["mail"].state is DeliveryState.SILENT
    # The first failure and the last are told; those between would say nothing new.
    assert len(person.events("logout.failed")) == 2


def test_who_has_yet_to_be_told_is_counted(person):
    person.sign_in("mail", "both", "wiki")
    assert person.parts.logouts.waiting_counts() == {}
    del person.bench.servers.answers[MAIL]

    revoke(person.parts, "ann-1", by="ivo")

    assert person.parts.logouts.waiting_counts() == {"Mail": 1}


def test_a_server_that_is_back_is_told_when_it_is_time(person, clock):
    person.sign_in("mail")
    answer = person.bench.servers.answers.pop(MAIL)
    revoke(person.parts, "ann-1", by="ivo")
    person.bench.servers.answers[MAIL] = answer

    clock.moment += timedelta(seconds=59)
    assert deliver_due(person.parts) == 0
    clock.moment += timedelta(seconds=1)
    assert deliver_due(person.parts) == 1

    delivery = deliveries(person)["mail"]
    assert (delivery.state, delivery.due_at) == (DeliveryState.SIGNED_OUT, None)
    (answered,) = person.events("logout.answered")
    assert answered.details["seconds"] == "60.00"


def test_who_has_signed_in_anew_meanwhile_is_not_signed_out_by_what_is_left(person, clock):
    person.sign_in("mail")
    answer = person.bench.servers.answers.pop(MAIL)
    person.sign_out()
    person.bench.servers.answers[MAIL] = answer
    sent = len(person.bench.servers.sent)
    clock.moment += timedelta(minutes=5)
    person.another_browser().sign_in("mail")

    assert deliver_due(person.parts) == 0

    assert len(person.bench.servers.sent) == sent
    assert deliveries(person)["mail"].due_at is None


def test_nobody_tells_what_another_is_telling(person, clock):
    """A cycle in one process, a person who signs out in another."""
    person.sign_in("mail")
    begun, go_on = threading.Event(), threading.Event()
    inner = person.bench.servers.answers[MAIL]

    def slow(envelope: bytes) -> bytes:
        begun.set()
        assert go_on.wait(10)
        return inner(envelope)

    person.bench.servers.answers[MAIL] = slow
    telling = threading.Thread(target=person.sign_out)
    telling.start()
    assert begun.wait(10)

    assert deliver_due(person.parts) == 0
    go_on.set()
    telling.join(10)

    assert len(person.bench.servers.sent) == 1


def test_what_a_killed_process_was_telling_is_told_by_another(person, clock):
    """The list of those to be told is kept with the end of the session."""
    person.sign_in("mail")

    class Killed(BaseException):
        pass

    def die(_: bytes) -> bytes:
        raise Killed

    answer, person.bench.servers.answers[MAIL] = person.bench.servers.answers[MAIL], die
    with pytest.raises(Killed):
        person.sign_out()
    assert not person.is_signed_in()
    person.bench.servers.answers[MAIL] = answer

    clock.moment += timedelta(minutes=1)
    assert deliver_due(person.parts) == 1

    assert deliveries(person)["mail"].state is DeliveryState.SIGNED_OUT


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (server_answer(status=REQUESTER), DeliveryState.REFUSED, "it answers"),
        (server_answer(in_response_to="_other"), DeliveryState.SILENT, "something else"),
        (
            server_answer(issuer="https://intranet.corp.example/metadata"),
            DeliveryState.SILENT,
            "something else",
        ),
        (server_answer(key=load_key("stranger")), DeliveryState.SILENT, "not taken"),
        (lambda _: b"\xff", DeliveryState.SILENT, "not taken"),
        (lambda _: b"", DeliveryState.SILENT, "not taken"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_no_proof(person, answer, state, words):
    person.sign_in("mail")
    person.bench.servers.answers[MAIL] = answer

    revoke(person.parts, "ann-1", by="ivo")

    assert deliveries(person)["mail"].state is state
    (failed,) = person.events("logout.failed")
    assert words in failed.details["problem"]


@pytest.mark.parametrize(
    ("scheme", "state"), [("https", DeliveryState.SIGNED_OUT), ("http", DeliveryState.SILENT)]
)
def test_an_unsigned_answer_is_vouched_for_by_tls_and_by_nothing_else(engine, clock, scheme, state):
    plain = application("plain", ("/soap", Binding.SOAP))
    url = f"{scheme}://plain.corp.example/soap"
    endpoint = replace(plain.service_provider.slo_endpoints[0], url=url)
    provider = replace(plain.service_provider, slo_endpoints=(endpoint,))
    person = make_logout_bench(engine, clock, replace(plain, service_provider=provider))
    person.bench.servers.answers[url] = server_answer(key=None)
    person.sign_in("plain")

    revoke(person.parts, "ann-1", by="ivo")

    assert deliveries(person)["plain"].state is state


def test_an_application_that_takes_no_more_messages_is_told_no_more(engine, clock):
    person = make_logout_bench(engine, clock).sign_in("mail")
    del person.bench.servers.answers[MAIL]
    revoke(person.parts, "ann-1", by="ivo")
    without = make_logout_bench(engine, clock, application("mail"))

    clock.moment += timedelta(minutes=1)
    deliver_due(without.parts)

    delivery = deliveries(person)["mail"]
    assert (delivery.state, delivery.due_at) == (DeliveryState.UNTOLD, None)


def test_a_browser_that_brings_the_answer_ends_what_servers_are_told(person):
    person.sign_in("both")
    del person.bench.servers.answers[SOAP_URLS["both"]]

    view = person.sign_out()
    assert deliveries(person)["both"].channel is Channel.BROWSER
    assert deliveries(person)["both"].due_at is not None
    person.answer(view)

    assert deliveries(person)["both"].due_at is None


def test_logouts_and_who_was_told_are_forgotten_after_a_day(person, clock, engine):
    person.sign_in("mail", "wiki")
    person.sign_out()
    other = person.another_browser().sign_in("intranet")

    clock.moment += timedelta(hours=24)
    request = logout_request("intranet", IssueInstant=clock.moment.isoformat())
    person.flow.take(by_redirect(request), "")
    person.bench.flow.begin_at_portal("wiki", Visit(""))

    assert deliveries(person) == {}
    assert other.participants() == {}
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM logout_delivery").scalar()
    assert rows == 0


def test_the_same_request_ends_nothing_twice(person):
    person.sign_in("intranet")
    index = person.participants()["intranet"].session_index
    message = by_redirect(logout_request(ID="_once", session_index=index))
    person.flow.take(message, "")
    person.sign_in("intranet")

    with pytest.raises(RequestRefused) as refused:
        person.flow.take(message, "")

    assert refused.value.reason == Reason.REQUEST_REPLAYED
    assert person.is_signed_in()


def test_the_mark_is_kept(engine):
    marks = MarkStore(engine)
    assert marks.read() is None
    for revision in (1, 2):
        marks.write(Mark(revision, NOW, NOW + timedelta(seconds=revision), b"policy"))

    assert marks.read() == Mark(2, NOW, NOW + timedelta(seconds=2), b"policy")


def test_those_who_wait_are_told_at_once_and_not_one_after_the_other(engine, clock):
    """Each of ten servers waits until all ten were asked."""
    many = [application(f"a{n}", ("/soap", Binding.SOAP)) for n in range(10)]
    person = make_logout_bench(engine, clock, *many)
    together = threading.Barrier(10)
    answer = server_answer()

    def meet(envelope: bytes) -> bytes:
        together.wait(10)
        return answer(envelope)

    for one in many:
        person.bench.servers.answers[one.service_provider.slo_endpoints[0].url] = meet
    person.sign_in(*(one.slug for one in many))

    assert revoke(person.parts, "ann-1", by="ivo").is_complete


def test_a_server_that_does_not_answer_has_its_reason_in_the_audit(person):
    person.sign_in("mail")

    def refuse(_: bytes) -> bytes:
        raise ApplicationUnavailable("https://mail.corp.example/soap does not answer: refused")

    person.bench.servers.answers[MAIL] = refuse
    revoke(person.parts, "ann-1", by="ivo")

    (failed,) = person.events("logout.failed")
    assert (failed.reason, failed.application) == (Reason.APPLICATION_SILENT, "Mail")
    assert failed.details["problem"].endswith("does not answer: refused")
