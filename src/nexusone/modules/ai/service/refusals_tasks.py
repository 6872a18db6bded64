"""What ai refuses about content tasks, edits and dispositions."""

from nexusone.kernel.errors import Conflict, Forbidden, NotFound, Unprocessable


class TaskNotFound(NotFound):
    """There is no such task."""

    code = "ai.task_not_found"


class TaskInputInvalid(Unprocessable):
    """The task is not given what it needs; errors say what."""

    code = "ai.task_input_invalid"


class NotEditable(Conflict):
    """Only a text that was made can be edited."""

    code = "ai.not_editable"


class EditNotMatching(Unprocessable):
    """The edited text has not the shape of the generation's output; errors say where."""

    code = "ai.edit_not_matching"


class EditNeedsPerson(Forbidden):
    """Whoever answers for a text is a person."""

    code = "ai.edit_needs_person"


class NotDisposable(Conflict):
    """Only what was made is used or discarded."""

    code = "ai.not_disposable"
