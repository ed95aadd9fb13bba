"""What stands in a page of the documentation: its headings, its links, its blocks of code, its commands."""

import re
import shlex
from pathlib import Path

from .process import ROOT

_FENCE = re.compile(r"^(`{3,})([a-z]*)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")


def pages():
    """Everything that somebody reads here: README, CONTRIBUTING, docs, and the README of each folder."""
    return [
        ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "config").rglob("README.md")),
    ]  # fmt: skip


class Page:
    def __init__(self, path):
        self.path = Path(path)
        self.text = self.path.read_text()
        self.prose = _FENCE.sub("", self.text)

    def blocks(self, *languages):
        """The fenced blocks of these languages, in their order."""
        return [text for _, language, text in _FENCE.findall(self.text) if language in languages]

    def links(self):
        """What is linked, as it stands there, without addresses of the web."""
        prose = _SPAN.sub(lambda found: "`" + "x" * len(found[1]) + "`", self.prose)
        return [link for link in _LINK.findall(prose) if not re.match("[a-z]+:", link)]

    def anchors(self):
        """The names by which GitHub finds the headings."""
        found = []
        for heading in re.findall(r"^#{1,6} (.+?)\s*$", self.prose, re.MULTILINE):
            name = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
            name = re.sub(r"[^\w\- ]", "", name).replace(" ", "-")
            same = sum(1 for other in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", other))
            found.append(f"{name}-{same}" if same else name)
        return set(found)

    def commands(self, program):
        """Each command line of this program as words: in blocks, in indented lines and in spans of code, up
        to where the shell would end it. Within another command it begins with the program's name.
        """
        lines = [text for text in _FENCE.findall(self.text) if text[1] in ("", "sh")]
        lines = [line for _, _, text in lines for line in text.replace("\\\n", " ").splitlines()]
        lines += re.findall(r"^    (\S.*)$", self.prose.replace("\\\n", " "), re.MULTILINE)
        lines += _SPAN.findall(self.prose)
        start = re.compile(rf"(?:^|\$\(|[|;&] *|\S/)({re.escape(program)} [a-z-].*)")
        for line in lines:
            for found in start.finditer(line.strip()):
                yield _words(found[1])


def _words(line):
    """The words of the command that the line begins with."""
    # Within $(…) it ends with the parenthesis that it did not open.
    depth = 0
    for index, character in enumerate(line):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            line = line[:index]
            break
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if set(word) <= set("|;&<>"):
            break
        words.append(word)
    return words
