"""The words of the knowledge base: collections of documents, and the passages that a search finds in them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name, NeverNull, Text
from nexusone.kernel.money import CreditsText
from nexusone.modules.ai.contracts.generations import GenerationError, LanguageTag
from nexusone.modules.ai.contracts.prompts import PromptSource

CONTENT_CHARACTERS_MAX = 500_000

DocumentKind = Literal["text", "markdown", "html"]
DocumentStatus = Literal["queued", "indexing", "ready", "failed"]
Content = Annotated[str, StringConstraints(min_length=1, max_length=CONTENT_CHARACTERS_MAX)]
Description = Annotated[Text, StringConstraints(max_length=1_000)]
SourceUrl = Annotated[Text, StringConstraints(min_length=10, max_length=2_000, pattern=r"^https?://\S+$")]


class NewCollection(Contract):
    """A collection of documents that are searched together."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Product sheets", "description": "What our engines can do"}]})

    name: Name
    description: Description = ""


class CollectionChange(Contract):
    """The fields to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Data sheets"}]})

    name: Annotated[Name | None, NeverNull()] = None
    description: Annotated[Description | None, NeverNull()] = None


class Collection(Contract):
    """A collection; `model` is what its passages are compared by, the same for all of them."""

    id: Id
    name: str
    description: str
    model: str
    documents: int
    version: int
    created_at: Instant
    updated_at: Instant


class NewDocument(Contract):
    """A pasted document. HTML and Markdown are read for their headings and words; nothing else of them is kept."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Engine 2", "kind": "markdown", "content": "# Engine 2\n\nIt computes.", "locale": "en"}]}
    )

    title: Name
    kind: DocumentKind = "text"
    content: Content
    locale: LanguageTag | None = None
    source_url: SourceUrl | None = None


class DocumentChange(Contract):
    """The fields to change; a `locale` or `source_url` cannot be taken back, only replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Engine 2, second edition"}]})

    title: Annotated[Name | None, NeverNull()] = None
    locale: Annotated[LanguageTag | None, NeverNull()] = None
    source_url: Annotated[SourceUrl | None, NeverNull()] = None


class NewContent(Contract):
    """What a document says from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "text", "content": "It computes, now twice as fast."}]})

    kind: DocumentKind = "text"
    content: Content


class Document(Contract):
    """A document. While new content is "queued" or "indexing", and where that "failed", searches find the former one.

    `passages` counts those of the newest content, `indexed` those of them that are done; `credits` is what they cost so far.
    """

    id: Id
    collection_id: Id
    title: str
    kind: DocumentKind
    locale: str | None
    source_url: str | None
    status: DocumentStatus
    passages: int
    indexed: int
    credits: CreditsText
    error: GenerationError | None
    version: int
    created_at: Instant
    updated_at: Instant


class DocumentPassage(Contract):
    """A piece of a document as it is found: the headings above it, and its words."""

    position: int
    heading: str
    text: str


class KnowledgeQuery(Contract):
    """What to look for, and where; by default in all collections."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "How fast is engine 2?", "limit": 5}]})

    text: Annotated[PromptSource, StringConstraints(max_length=2_000)]
    collection_ids: Annotated[list[Id] | None, Field(min_length=1, max_length=20), NeverNull()] = None
    limit: Annotated[int, Field(ge=1, le=20)] = 5


class Citation(Contract):
    """Where a passage stands: the document, the headings above it, its position from 0."""

    document_id: Id
    collection_id: Id
    title: str
    heading: str
    position: int
    source_url: str | None


class Passage(Contract):
    """A found passage; `similarity` is 1 for the same meaning and 0 for none."""

    text: str
    similarity: float
    citation: Citation


class FoundPassages(Contract):
    """What a search found, nearest first."""

    items: list[Passage]


class IndexDocument(Contract):
    """The job that compares passages of a document."""

    indexing_id: Id
