"""What can be wrong with a template when it is saved, and when it is rendered."""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """One fault its writer can mend: an RFC 6901 pointer, a stable code, a sentence, the line (from 1) where there is one."""

    pointer: str
    code: str
    detail: str
    line: int | None = None


class TemplateRejected(ValueError):
    """A template cannot be used; `faults` says why, at least one."""

    def __init__(self, faults: Iterable[TemplateFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.detail for fault in self.faults))

    def at(self, pointer: str) -> "TemplateRejected":
        """The same faults, pointing at the field they were found in."""
        return TemplateRejected(replace(fault, pointer=pointer) for fault in self.faults)


class RenderFault(ValueError):
    """A text cannot be made: `code` is stable, `detail` a sentence without personal data."""

    def __init__(self, *, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


def rejected(code: str, detail: str, *, line: int | None = None) -> TemplateRejected:
    """One fault, not yet pointing at a field."""
    where = f"Line {line}: " if line is not None else ""
    return TemplateRejected([TemplateFault(pointer="", code=code, detail=where + detail, line=line)])


def line_at(source: str, offset: int) -> int:
    """The line, from 1, that holds the character at `offset`."""
    return source.count("\n", 0, max(offset, 0)) + 1
