"""What ai refuses about the knowledge base."""

from nexusone.kernel.errors import Conflict, NotFound, Unavailable, Unprocessable, UnsupportedMedia


class NoEmbedder(Unavailable):
    """No vendor that compares texts by meaning is connected, or it has no model of that name any more."""

    code = "ai.no_embedder"


class EmbedderFailed(Unavailable):
    """The vendor that compares texts by meaning did not; nothing was charged."""

    code = "ai.embedder_failed"


class CollectionNotFound(NotFound):
    """There is no such collection in this workspace."""

    code = "ai.collection_not_found"


class DocumentNotFound(NotFound):
    """There is no such document in this workspace."""

    code = "ai.document_not_found"


class DocumentEmpty(Unprocessable):
    """The document has no words."""

    code = "ai.document_empty"


class DocumentTooLong(Unprocessable):
    """The document makes more passages than one document may have."""

    code = "ai.document_too_long"


class DocumentUnreadable(UnsupportedMedia):
    """The file is no UTF-8 text, or none of a type that is read here."""

    code = "ai.document_unreadable"


class DocumentNotFailed(Conflict):
    """Only a document whose indexing failed can be indexed again."""

    code = "ai.document_not_failed"


class KnowledgeFull(Conflict):
    """The workspace's knowledge base holds as many passages as it may."""

    code = "ai.knowledge_full"
