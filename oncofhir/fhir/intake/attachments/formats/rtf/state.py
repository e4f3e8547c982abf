"""What an RTF reader knows of the current group, and of a font."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class State:
    """Properties of the current group; a closing brace restores those before its opening one."""

    skipped: bool = False
    unseen: frozenset[str] = frozenset()
    font: int | None = None
    fallback: int = 1  # characters that replace a `\\uN` in old readers
    in_fonts: bool = False
    is_note: bool = False
    margin: str = ""  # the control word of a page header or footer

    @property
    def is_visible(self) -> bool:
        return not (self.skipped or self.unseen or self.in_fonts)


@dataclass
class Font:
    """A font of the table: its code page, if its character set names one, and its name in pieces."""

    code_page: str | None = None
    name: list[str] = field(default_factory=list)
