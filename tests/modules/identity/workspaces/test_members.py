"""Inviting, joining, changing roles, leaving, handing over."""

from datetime import timedelta

import psycopg
from tests.modules.identity.accounts.site import PASSWORD, fresh_email
from tests.modules.identity.tokens import secret_of
from tests.modules.identity.workspaces.companies import Company, user_id


async def test_somebody_new_joins_with_the_mails_token_and_signs_in(company: Company) -> None:
    person = await company.join("marketer")
    listed = (await company.ask("GET", "/v1/members", by=person)).json()["items"]
    assert {member["email"]: member["role"] for member in listed} == {company.owner.email: "owner", person.email: "marketer"}


async def test_somebody_with_an_account_joins_without_a_second_password(company: Company) -> None:
    other = await company.site.open_account()
    token = await company.invite(other.email, role="analyst")
    joined = await company.site.post("/v1/invitations/accept", {"token": token})
    assert joined.status_code == 200
    assert joined.json()["is_new_account"] is False
    workspaces = (await company.ask("GET", "/v1/workspaces", by=other)).json()["items"]
    assert {(item["role"], item["is_current"]) for item in workspaces} == {("owner", True), ("analyst", False)}


async def test_authn_08_an_invitation_works_once_for_seven_days_and_only_in_its_last_mail(company: Company) -> None:
    email = fresh_email()
    token = await company.invite(email, role="viewer")
    answer = {"token": token, "name": "Lin", "password": PASSWORD}
    company.site.clock.move(timedelta(days=7, seconds=1))
    late = await company.site.post("/v1/invitations/accept", answer)
    assert (late.status_code, late.json()["code"]) == (401, "identity.invitation_spent")
    company.site.clock.move(-timedelta(seconds=2))
    assert (await company.site.post("/v1/invitations/accept", answer)).status_code == 200
    again = await company.site.post("/v1/invitations/accept", answer)
    assert (again.status_code, again.json()["code"]) == (401, "identity.invitation_spent")


async def test_authn_08_an_invitations_secret_is_stored_as_a_digest_and_opens_no_session(company: Company) -> None:
    email = fresh_email()
    token = await company.invite(email, role="viewer")
    with psycopg.connect(company.site.admin_url) as connection:
        rows = connection.execute("select i::text from identity.invitation as i where email = %s", (email,)).fetchall()
        jobs = connection.execute("select convert_from(payload, 'UTF8') from queue.pgqueuer").fetchall()
    assert secret_of(token) not in str(rows) + str(jobs)
    answer = await company.site.post("/v1/invitations/accept", {"token": token, "name": "Lin", "password": PASSWORD})
    assert not any("token" in name for name in answer.json())


async def test_a_withdrawn_invitation_is_void_and_another_can_follow(company: Company) -> None:
    email = fresh_email()
    token = await company.invite(email, role="viewer")
    twice = await company.ask("POST", "/v1/invitations", {"email": email, "role": "viewer"})
    assert twice.json()["code"] == "identity.already_invited"
    listed = (await company.ask("GET", "/v1/invitations")).json()["items"]
    assert (await company.ask("DELETE", f"/v1/invitations/{listed[0]['id']}")).status_code == 204
    refused = await company.site.post("/v1/invitations/accept", {"token": token, "name": "Lin", "password": PASSWORD})
    assert refused.status_code == 401
    await company.invite(email, role="viewer")


async def test_a_new_account_needs_a_name_and_a_good_password(company: Company) -> None:
    token = await company.invite(fresh_email(), role="viewer")
    bare = await company.site.post("/v1/invitations/accept", {"token": token})
    assert {fault["pointer"] for fault in bare.json()["errors"]} == {"/name", "/password"}
    weak = await company.site.post("/v1/invitations/accept", {"token": token, "name": "Lin", "password": "short"})
    assert weak.status_code == 422


async def test_nobody_hands_out_or_decides_over_more_than_they_have(company: Company) -> None:
    admin = await company.join("admin")
    above = await company.ask("POST", "/v1/invitations", {"email": fresh_email(), "role": "owner"}, by=admin)
    assert (above.status_code, above.json()["code"]) == (403, "identity.rank_too_high")
    owner = user_id(company.owner)
    assert (await company.ask("PATCH", f"/v1/members/{owner}", {"role": "viewer"}, by=admin)).json()["code"] == "identity.rank_too_high"
    assert (await company.ask("DELETE", f"/v1/members/{owner}", by=admin)).json()["code"] == "identity.rank_too_high"
    assert (await company.ask("PATCH", f"/v1/members/{user_id(admin)}", {"role": "owner"}, by=admin)).status_code == 403


async def test_authn_16_a_role_is_lost_with_the_next_request(company: Company) -> None:
    person = await company.join("marketer")
    segment = {"name": "Pro", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}
    assert (await company.ask("POST", "/v1/segments", segment, by=person)).status_code == 201
    changed = await company.ask("PATCH", f"/v1/members/{user_id(person)}", {"role": "viewer"})
    assert changed.json()["role"] == "viewer"
    assert (await company.ask("POST", "/v1/segments", segment, by=person)).status_code == 403


async def test_authn_16_a_removed_member_is_out_at_once(company: Company) -> None:
    person = await company.join("marketer")
    assert (await company.ask("DELETE", f"/v1/members/{user_id(person)}")).status_code == 204
    assert (await company.ask("GET", "/v1/me", by=person)).status_code == 401


async def test_the_last_owner_can_neither_leave_nor_step_down(company: Company) -> None:
    assert (await company.ask("POST", "/v1/members/leave")).json()["code"] == "identity.last_owner"
    owner = user_id(company.owner)
    assert (await company.ask("PATCH", f"/v1/members/{owner}", {"role": "admin"})).json()["code"] == "identity.last_owner"
    second = await company.join("owner")
    assert (await company.ask("POST", "/v1/members/leave")).status_code == 204
    assert (await company.ask("POST", "/v1/members/leave", by=second)).json()["code"] == "identity.last_owner"


async def test_ownership_goes_over_when_the_receiver_says_yes(company: Company) -> None:
    heir, stranger = await company.join("admin"), await company.join("admin")
    offered = await company.ask("POST", "/v1/workspace/transfer", {"user_id": user_id(heir)})
    assert offered.status_code == 201, offered.text
    assert (await company.ask("POST", "/v1/workspace/transfer/accept", by=stranger)).status_code == 404
    taken = await company.ask("POST", "/v1/workspace/transfer/accept", by=heir)
    assert (taken.status_code, taken.json()["role"]) == (200, "owner")
    listed = (await company.ask("GET", "/v1/members")).json()["items"]
    assert {member["user_id"]: member["role"] for member in listed}[user_id(company.owner)] == "admin"
    assert (await company.ask("POST", "/v1/workspace/transfer/accept", by=heir)).status_code == 404


async def test_an_offer_expires_and_can_be_taken_back(company: Company) -> None:
    heir = await company.join("admin")
    body = {"user_id": user_id(heir)}
    assert (await company.ask("POST", "/v1/workspace/transfer", body)).status_code == 201
    assert (await company.ask("DELETE", "/v1/workspace/transfer")).status_code == 204
    assert (await company.ask("POST", "/v1/workspace/transfer/accept", by=heir)).json()["code"] == "identity.transfer_not_found"


async def test_authn_17_ownership_is_not_offered_on_an_old_proof(company: Company) -> None:
    heir = await company.join("admin")
    company.site.clock.move(timedelta(minutes=6))
    refused = await company.ask("POST", "/v1/workspace/transfer", {"user_id": user_id(heir)})
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.step_up_needed")
