"""What people make of texts that models wrote: kept beside them, with who answers for it."""

import asyncio

from tests.modules.ai.scripted import MAIL, REFUSED, SCHEMA, said, scripted
from tests.modules.ai.test_doors import ASKING, house_with

from nexusone.apps.compose import Composition
from nexusone.modules.ai.domain.edits import CUT, DIFF_BYTES_MAX, difference


def test_a_difference_is_unified_and_bounded() -> None:
    assert difference("a\nb", "a\nb") == ""
    assert "-b\n+c\n" in difference("a\nb", "a\nc")
    assert difference("a\n", "a") == "+(line ends changed)\n"
    long = difference("", "x" * DIFF_BYTES_MAX)
    assert long.endswith(CUT)
    assert len(long.encode()) <= DIFF_BYTES_MAX + len(CUT.encode())
    assert difference("a\n" * 3_000, "b") == "-(3000 lines)\n+(1 lines)\n"


async def test_an_edit_is_kept_with_who_and_what_and_the_models_own_text_stays(composition: Composition) -> None:
    async with house_with(composition, scripted(said("Licht.\nSonne."))) as house:
        member = await house.member()
        made = (await house.post(member)).json()
        path = f"/v1/generations/{made['id']}"
        assert (made["provenance"]["human_edited"], made["provenance"]["edited_by"], made["provenance"]["model_version"]) == (
            False,
            None,
            "writer-1-0301",
        )
        read = await house.client.post(f"{path}/edits", json={"output": "Licht.\nSonne."}, headers=member)
        assert (read.status_code, read.json()["diff"]) == (201, ""), read.text
        assert not (await house.get(member, path))["provenance"]["human_edited"]
        edited = await house.client.post(f"{path}/edits", json={"output": "Licht.\nMond."}, headers=member)
        assert "-Sonne.\n+Mond.\n" in edited.json()["diff"]
        found = await house.get(member, path)
        me = (await house.get(member, "/v1/me"))["user"]["id"]
        assert (found["output"], found["provenance"]["human_edited"], found["provenance"]["edited_by"]) == (
            "Licht.\nSonne.",
            True,
            f"user:{me}",
        )
        listed = (await house.get(member, f"{path}/edits"))["items"]
        assert [(item["number"], item["output"], item["edited_by"]) for item in listed] == [
            (2, "Licht.\nMond.", f"user:{me}"),
            (1, "Licht.\nSonne.", f"user:{me}"),
        ]
        assert (await house.client.get(f"{path}/edits", headers=await house.member())).status_code == 404


async def test_an_edit_has_the_shape_of_what_was_generated(composition: Composition) -> None:
    async with house_with(composition, scripted(said(MAIL))) as house:
        member = await house.member()
        made = (await house.post(member, {**ASKING, "output_schema": SCHEMA})).json()
        path = f"/v1/generations/{made['id']}/edits"
        for output in ("a text", {"subject": 1, "body": "x"}, {"subject": "x"}):
            answer = await house.client.post(path, json={"output": output}, headers=member)
            assert (answer.status_code, answer.json()["code"]) == (422, "ai.edit_not_matching"), answer.text
        answer = await house.client.post(path, json={"output": {"subject": "Mond", "body": "Da."}}, headers=member)
        assert (answer.status_code, answer.json()["output"]["subject"]) == (201, "Mond")


async def test_machines_answer_for_nothing_and_what_failed_is_not_edited(composition: Composition) -> None:
    async with house_with(composition, scripted(said("Licht."), REFUSED)) as house:
        member = await house.member()
        made, failed = [(await house.post(member)).json()["id"] for _ in range(2)]
        key = await house.client.post("/v1/api-keys", json={"name": "machine", "permissions": ["generations:write"]}, headers=member)
        machine = {"Authorization": f"Bearer {key.json()['secret']}"}
        refused = await house.client.post(f"/v1/generations/{made}/edits", json={"output": "x"}, headers=machine)
        assert (refused.status_code, refused.json()["code"]) == (403, "ai.edit_needs_person"), refused.text
        for path, body in (("edits", {"output": "x"}), ("disposition", {"disposition": "used"})):
            answer = await house.client.post(f"/v1/generations/{failed}/{path}", json=body, headers=member)
            assert answer.status_code == 409, answer.text


async def test_of_two_edits_at_once_none_is_lost_unseen(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        member = await house.member()
        path = f"/v1/generations/{(await house.post(member)).json()['id']}/edits"
        answers = await asyncio.gather(*(house.client.post(path, json={"output": f"Text {n}"}, headers=member) for n in range(5)))
        statuses = sorted(answer.status_code for answer in answers)
        kept = (await house.get(member, path))["items"]
        assert set(statuses) <= {201, 409}
        assert len(kept) == statuses.count(201) >= 1


async def test_a_disposition_is_the_last_word(composition: Composition) -> None:
    async with house_with(composition, scripted()) as house:
        member = await house.member()
        path = f"/v1/generations/{(await house.post(member)).json()['id']}"
        for said_so in ("used", "discarded"):
            answer = await house.client.post(f"{path}/disposition", json={"disposition": said_so}, headers=member)
            assert (answer.status_code, answer.json()["disposition"]) == (200, said_so), answer.text
        assert (await house.get(member, path))["disposition"] == "discarded"
        assert (await house.client.post(f"{path}/disposition", json={"disposition": "sold"}, headers=member)).status_code == 422
