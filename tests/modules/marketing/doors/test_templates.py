"""Templates over HTTP."""

from typing import Any

from tests.modules.audience.companies import Company

MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Dear {{ contact.first_name }}</mj-text></mj-column></mj-section></mj-body></mjml>"
EN = {"subject": "Hello {{ contact.first_name }}", "preheader": "News", "mjml": MJML, "text": ""}


def template(**changes: Any) -> dict[str, Any]:
    return {"name": "Sale", "channel": "email", "default_locale": "en", "variants": {"en": EN}, **changes}


async def add(company: Company, **changes: Any) -> dict[str, Any]:
    answer = await company.client.post("/v1/templates", json=template(**changes))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_template_is_written_read_changed_and_deleted(company: Company) -> None:
    made = await add(company)
    path = f"/v1/templates/{made['id']}"
    read = await company.client.get(path)
    assert read.json() == made
    assert read.headers["ETag"] == '"1"'
    german = {"subject": "Hallo", "mjml": MJML}
    changed = await company.client.patch(path, json={"name": "Sale 2", "variants": {"de": german}}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["version"], list(changed.json()["variants"])) == (200, 2, ["de", "en"])
    assert (await company.client.patch(path, json={"name": "X"}, headers={"If-Match": '"1"'})).status_code == 412
    merged = await company.client.patch(path, json={"variants": {"de": {"subject": "Servus"}}})
    assert merged.json()["variants"]["de"] == {"subject": "Servus", "preheader": "", "mjml": MJML, "text": "", "generation_id": None}
    without = await company.client.patch(path, json={"variants": {"de": None}})
    assert list(without.json()["variants"]) == ["en"]
    listed = (await company.client.get("/v1/templates")).json()["items"]
    assert [(item["name"], item["locales"], item["version"]) for item in listed] == [("Sale 2", ["en"], 4)]
    assert (await company.client.delete(path)).status_code == 204
    assert (await company.client.get(path)).status_code == 404
    assert (await company.client.get("/v1/templates")).json()["items"] == []


async def test_faults_point_at_the_field_and_the_line(company: Company) -> None:
    broken = {"subject": "{{ contact.first_name", "mjml": "<mjml><mj-body><mj-oops/></mj-body></mjml>"}
    answer = await company.client.post("/v1/templates", json=template(variants={"en": EN, "de": broken}, default_locale="fr"))
    assert (answer.status_code, answer.json()["code"]) == (422, "marketing.template_faulty")
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert {"/default_locale", "/variants/de/subject"} <= pointers


async def test_a_new_variant_needs_its_subject_and_its_body(company: Company) -> None:
    made = await add(company)
    answer = await company.client.patch(f"/v1/templates/{made['id']}", json={"variants": {"de": {"text": "Hallo"}}})
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/variants/de/subject", "/variants/de/mjml"}


async def test_the_default_variant_cannot_be_removed(company: Company) -> None:
    made = await add(company)
    answer = await company.client.patch(f"/v1/templates/{made['id']}", json={"variants": {"en": None, "de": EN}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/default_locale")


async def test_rendering_shows_the_mail_of_a_contact_in_its_language(company: Company) -> None:
    made = await add(company, variants={"en": EN, "de": {**EN, "subject": "Hallo {{ contact.first_name }}"}})
    path = f"/v1/templates/{made['id']}/render"
    contact = await company.add(email="otto@example.com", first_name="Otto <b>", locale="de-AT")
    shown = (await company.client.post(path, json={"contact_id": contact["id"]})).json()
    assert (shown["locale"], shown["subject"], shown["preheader"]) == ("de", "Hallo Otto <b>", "News")
    assert "Dear Otto &lt;b&gt;" in shown["html"]
    assert "Dear Otto <b>" in shown["text"]
    assert "/u/preview" in shown["html"]
    forced = (await company.client.post(path, json={"contact": {"first_name": "Zoe"}, "locale": "en-GB"})).json()
    assert (forced["locale"], forced["subject"]) == ("en", "Hello Zoe")
    sample = (await company.client.post(path, json={})).json()
    assert sample["subject"] == "Hello Ada"
    missing = await company.client.post(path, json={"contact_id": made["id"]})
    assert (missing.status_code, missing.json()["code"]) == (404, "marketing.contact_not_found")


async def test_a_stranger_sees_none_of_it(company: Company, stranger: Company) -> None:
    made = await add(company)
    path = f"/v1/templates/{made['id']}"
    answers = [
        await stranger.client.get(path),
        await stranger.client.patch(path, json={"name": "mine"}),
        await stranger.client.delete(path),
        await stranger.client.post(f"{path}/render", json={}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert (await company.client.get(path)).json() == made
