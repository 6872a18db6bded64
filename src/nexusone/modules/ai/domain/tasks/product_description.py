"""The description of a product, for its page in a shop."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nexusone.modules.ai.domain.tasks.task import BriefedTask, Schema, ShortText, shape, some, text

LENGTHS = {"short": 600, "medium": 1_500, "long": 4_000}


class ProductDescription(BriefedTask):
    """What is known of the product; `facts` such as size, material, what is in the box."""

    name: ClassVar = "product_description"
    title: ClassVar = "Product description"
    summary: ClassVar = "Title, short and long description and the points that matter."
    example: ClassVar[Schema] = {"product": "Solar lamp", "brief": "Lights a balcony for eight hours.", "facts": ["12 cm high", "steel"]}

    product: ShortText
    facts: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    length: Literal["short", "medium", "long"] = "medium"

    def rules(self, locale: str) -> str:
        return (
            "Write the description of a product for its page in a shop: what it is and does for whom, from the facts alone. "
            "The short description is two sentences; each point names a fact and what it is good for. No superlatives "
            "that the facts do not show."
        )

    def output_schema(self, locale: str) -> Schema:
        return shape(title=text(120), short_description=text(300), description=text(LENGTHS[self.length]), benefits=some(text(200), 3, 7))
