"""The embedded SCIM service answers like one that we did not write, and misbehaves when asked."""

from __future__ import annotations

import subprocess
import sys
from email.utils import parsedate_to_datetime

import httpx
import pytest

from connector.demo.scim_service import Silence

pytestmark = pytest.mark.real

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture(params=["simulator", "scim2-server"])
def service(request):
    """The same questions to both."""
    name = "mimecast" if request.param == "simulator" else "scim2_server"
    return request.getfixturevalue(name)


def _user(service, name: str = "bjensen@corp.example", **more) -> dict:
    document = {"schemas": [USER], "userName": name, "externalId": f"key-{name}"} | more
    answer = service.ask("POST", "/Users", document)
    assert answer.status_code == 201, answer.text
    return answer.json()


def _group(service, *members: str) -> dict:
    document = {"schemas": [GROUP], "displayName": "Staff"}
    document["members"] = [{"value": one} for one in members]
    return service.ask("POST", "/Groups", document).json()


def _patch(service, path: str, *operations: dict) -> httpx.Response:
    return service.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})


def test_a_new_user_is_found_by_id_and_by_every_filter(service):
    made = _user(service)

    assert service.ask("GET", f"/Users/{made['id']}").json()["userName"] == made["userName"]
    for clause in ('userName eq "BJENSEN@corp.example"', f'externalId eq "{made["externalId"]}"'):
        found = httpx.QueryParams({"filter": clause})
        page = service.ask("GET", f"/Users?{found}").json()
        assert [one["id"] for one in page["Resources"]] == [made["id"]]


def test_a_name_is_taken_once_whatever_its_case(service):
    _user(service, "bjensen@corp.example")

    again = service.ask("POST", "/Users", {"schemas": [USER], "userName": "BJensen@corp.example"})

    assert again.status_code == 409
    assert again.json()["scimType"] == "uniqueness"


def test_a_patch_changes_extensions_parts_of_names_and_takes_away(service):
    made = _user(service, title="Clerk")

    answer = _patch(
        service,
        f"/Users/{made['id']}",
        {"op": "replace", "path": "name.familyName", "value": "Jensen"},
        {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "replace", "path": "active", "value": False},
        {"op": "remove", "path": "title"},
    )

    assert answer.status_code in {200, 204}
    held = service.ask("GET", f"/Users/{made['id']}").json()
    assert held["name"]["familyName"] == "Jensen"
    assert held[ENTERPRISE]["department"] == "Sales"
    assert held["active"] is False
    assert "title" not in held


def test_members_come_and_go_by_patch(service):
    first, second = _user(service, "a@corp.example"), _user(service, "b@corp.example")
    group = _group(service, first["id"])

    _patch(
        service,
        f"/Groups/{group['id']}",
        {"op": "add", "path": "members", "value": [{"value": second["id"]}]},
        {"op": "remove", "path": f'members[value eq "{first["id"]}"]'},
    )

    assert service.members_of("Staff") == {second["id"]}


def test_a_deleted_user_is_gone(service):
    made = _user(service)

    assert service.ask("DELETE", f"/Users/{made['id']}").status_code == 204
    assert service.ask("GET", f"/Users/{made['id']}").status_code == 404
    assert service.ask("DELETE", f"/Users/{made['id']}").status_code == 404


def test_pages_hold_everybody_once(service):
    made = {_user(service, f"u{number}@corp.example")["id"] for number in range(7)}

    pages = [service.ask("GET", f"/Users?startIndex={at}&count=3").json() for at in (1, 4, 7)]

    listed = [one["id"] for page in pages for one in page["Resources"]]
    assert len(listed) == 7
    assert set(listed) == made


@pytest.mark.parametrize("path", ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"])
def test_the_service_describes_itself(service, path: str):
    assert service.ask("GET", path).status_code == 200


def test_nobody_enters_without_the_token(service):
    assert httpx.get(f"{service.base_url}/Users").status_code == 401


# -- misbehaviour ---------------------------------------------------------------------------------


def test_a_busy_service_says_when_to_come_back(mimecast):
    mimecast.behave(requests_per_second=0)
    assert mimecast.ask("GET", "/Users").headers["retry-after"] == "1"

    mimecast.behave(requests_per_second=0, retry_after="date")
    date = mimecast.ask("GET", "/Users").headers["retry-after"]
    assert parsedate_to_datetime(date).tzinfo is not None

    mimecast.behave(requests_per_second=0, retry_after="milliseconds")
    answer = mimecast.ask("GET", "/Users")
    assert answer.status_code == 429
    assert answer.headers["x-ratelimit-reset"] == "300"
    assert mimecast.service.throttled_count == 3


def test_a_service_that_is_down_for_a_moment_takes_the_second_write(mimecast):
    mimecast.behave(unavailable_count=1)

    first = mimecast.ask("POST", "/Users", {"userName": "a@corp.example"})
    second = mimecast.ask("POST", "/Users", {"userName": "a@corp.example"})

    assert (first.status_code, second.status_code) == (503, 201)


@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
def test_silence_leaves_the_client_in_doubt(mimecast, when: str, count: int):
    mimecast.behave(silences=(Silence("POST", when),))

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{mimecast.base_url}/Users",
            json={"userName": "a@corp.example"},
            headers={"authorization": f"Bearer {mimecast.token}"},
            timeout=0.2,
        )

    assert len(mimecast.users()) == count


@pytest.mark.parametrize(
    ("oddity", "expected"),
    [({"member_removal": "filter"}, 400), ({"member_removal": "filter-silently"}, 200)],
)
def test_a_list_of_members_to_remove_is_refused_or_ignored(mimecast, oddity: dict, expected: int):
    user = _user(mimecast)
    group = _group(mimecast, user["id"])
    mimecast.behave(**oddity)

    removal = {"op": "remove", "path": "members", "value": [{"value": user["id"]}]}
    answer = _patch(mimecast, f"/Groups/{group['id']}", removal)

    assert answer.status_code == expected
    assert mimecast.members_of("Staff") == {user["id"]}


def test_a_refused_patch_changes_nothing_at_all(mimecast):
    user = _user(mimecast)

    answer = _patch(
        mimecast,
        f"/Users/{user['id']}",
        {"op": "replace", "path": "title", "value": "Clerk"},
        {"op": "remove", "path": "members[display co 1]"},
    )

    assert answer.status_code == 400
    assert "title" not in mimecast.users()[0]


def test_other_oddities(mimecast):
    user = _user(mimecast)
    mimecast.behave(
        patch=501,
        can_delete=False,
        finds_by_external_id=False,
        heeds_members_in_create=False,
        has_text_errors=True,
        has_config=False,
        is_case_exact=True,
    )

    path = f"/Users/{user['id']}"
    assert _patch(mimecast, path, {"op": "remove", "path": "title"}).status_code == 501
    assert mimecast.ask("DELETE", path).text == "DELETE is not supported"
    query = httpx.QueryParams({"filter": f'externalId eq "{user["externalId"]}"'})
    assert mimecast.ask("GET", f"/Users?{query}").json()["totalResults"] == 0
    assert not mimecast.members_of(_group(mimecast, user["id"])["displayName"])
    assert mimecast.ask("GET", "/ServiceProviderConfig").status_code == 404
    assert _user(mimecast, user["userName"].upper())["id"] != user["id"]


def test_a_service_that_ignores_start_index_sends_the_first_page_for_ever(mimecast):
    for number in range(5):
        _user(mimecast, f"u{number}@corp.example")
    mimecast.behave(ignores_start_index=True, default_page_size=2)

    pages = [mimecast.ask("GET", f"/Users?startIndex={at}").json() for at in (1, 3, 5)]

    assert len({page["Resources"][0]["id"] for page in pages}) == 1
    assert pages[0]["totalResults"] == 5


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"userName": ""}', b'{"userName": 7}'])
def test_bodies_that_are_no_users_are_refused(mimecast, body: bytes):
    headers = {"authorization": f"Bearer {mimecast.token}"}
    answer = httpx.post(f"{mimecast.base_url}/Users", content=body, headers=headers)

    assert answer.status_code == 400
    assert mimecast.users() == []


def test_the_page_shows_people_and_does_not_run_their_names(mimecast):
    _user(mimecast, "<script>alert(1)</script>")

    page = httpx.get(mimecast.base_url.removesuffix("/scim/v2") + "/").text

    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_the_service_runs_alone(tmp_path):
    asked = [sys.executable, "-m", "connector.demo.scim_service", "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)

    assert "--token-file" in done.stdout
