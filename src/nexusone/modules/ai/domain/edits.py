"""What an edit changed."""

import difflib
import json

from pydantic import JsonValue

DIFF_BYTES_MAX = 64 * 1024
# Comparing is quadratic in the lines at worst; what has more of them is shown as replaced.
LINES_MAX = 2_000
CUT = "\n… (cut)\n"


def difference(before: str, after: str) -> str:
    """A unified diff; empty where nothing changed."""
    if before == after:
        return ""
    old, new = before.splitlines(), after.splitlines()
    if len(old) > LINES_MAX or len(new) > LINES_MAX:
        lines = [f"-({len(old)} lines)", f"+({len(new)} lines)"]
    else:
        lines = list(difflib.unified_diff(old, new, "before", "after", lineterm="", n=2)) or ["+(line ends changed)"]
    diff = "\n".join(lines) + "\n"
    encoded = diff.encode()
    return diff if len(encoded) <= DIFF_BYTES_MAX else encoded[:DIFF_BYTES_MAX].decode("utf-8", "ignore") + CUT


def readable(output: str | dict[str, JsonValue]) -> str:
    """An output as lines that can be compared."""
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, indent=1)
