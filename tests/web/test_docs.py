"""The page of the API's documentation."""

import re

import httpx2

from nexusone.apps.compose import Composition


async def test_the_docs_show_every_operation_and_load_nothing(composition: Composition) -> None:
    app = composition.application()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        page = await client.get("/docs")
        document = (await client.get("/openapi.json")).json()
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for path, operations in document["paths"].items():
        assert f"<code>{path}</code>" in page.text
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in page.text
    assert not re.search(r"<(script|link|img|iframe)", page.text)
    assert "type Query" in page.text
