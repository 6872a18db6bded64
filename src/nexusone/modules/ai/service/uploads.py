"""Files that documents are made of."""

from pydantic import ValidationError

from nexusone.kernel.errors import FieldError, PayloadTooLarge, Unprocessable
from nexusone.modules.ai.contracts.knowledge import NewDocument
from nexusone.modules.ai.domain.uploads import UPLOAD_BYTES_MAX, UnreadableFile, kind_of_file, text_of_file
from nexusone.modules.ai.service.refusals_knowledge import DocumentEmpty, DocumentUnreadable

# One more than fits tells a file that is too large.
READ_BYTES = UPLOAD_BYTES_MAX + 1


def document_of_file(*, name: str, content: bytes, title: str | None, locale: str | None) -> NewDocument:
    """The document in a file; `content` has at most `READ_BYTES`.

    Raises:
        PayloadTooLarge: it has more than 2 MiB.
        DocumentUnreadable: it is none that can be read, by its name or by its bytes.
        DocumentEmpty: there is nothing in it.
        Unprocessable: the title cannot be one.
    """
    if len(content) > UPLOAD_BYTES_MAX:
        raise PayloadTooLarge(limit=UPLOAD_BYTES_MAX)
    try:
        kind, text = kind_of_file(name), text_of_file(content)
    except UnreadableFile as error:
        raise DocumentUnreadable(reason=str(error)) from error
    if not text:
        raise DocumentEmpty
    try:
        return NewDocument(title=(title or name)[:200], kind=kind, content=text, locale=locale)
    except ValidationError as error:
        fault = FieldError(pointer="/title", code="title_invalid", detail="a title has words and no control characters")
        raise Unprocessable(errors=(fault,), count=1) from error
