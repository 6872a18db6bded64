"""The product's source files as the rules see them: path, text, syntax tree."""

import ast
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "nexusone"
TEXT_SUFFIXES = frozenset({".py", ".sql", ".json", ".toml"})
PUBLIC_FACE = frozenset({"api", "contracts", "events", "ports"})


@dataclass(frozen=True)
class SourceFile:
    """One file; `path` is relative to the package, such as `modules/billing/api.py`."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of a Python file."""
        return ast.parse(self.text)

    @property
    def parts(self) -> tuple[str, ...]:
        """Folders and the file's name without its ending."""
        return Path(self.path).with_suffix("").parts

    @property
    def is_public_face(self) -> bool:
        """Whether other modules or providers may import it."""
        return self.parts[0] == "modules" and len(self.parts) > 2 and self.parts[2] in PUBLIC_FACE

    @property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """All functions and methods, nested ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@lru_cache(maxsize=1)
def all_files() -> tuple[SourceFile, ...]:
    """Every text file of the package."""
    return tuple(
        SourceFile(path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*"))
        if path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts
    )


def python_files() -> tuple[SourceFile, ...]:
    """Every Python file of the package."""
    return tuple(file for file in all_files() if file.path.endswith(".py"))
