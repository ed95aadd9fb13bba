"""Reads the Terraform module of config/fargate and works out its expressions, as far as it uses the language:
references, strings with `${…}`, `==`, `… ? … : …`, lists, objects, `length` and `templatefile`.
"""

import re
from pathlib import Path

import hcl2

from .process import ROOT

FOLDER = ROOT / "config/fargate/terraform"


def blocks():
    """{word: {labels: body}} over all files, with the labels of a block joined by dots."""
    found = {}
    for path in sorted(FOLDER.glob("*.tf")):
        for word, entries in hcl2.loads(path.read_text()).items():
            if word.startswith("__"):
                continue
            for entry in entries:
                labels = []
                while len(entry) == 1 and next(iter(entry)).startswith('"'):
                    ((label, entry),) = entry.items()
                    labels.append(label.strip('"'))
                if word == "locals":
                    found.setdefault(word, {}).update(entry)
                else:
                    found.setdefault(word, {})[".".join(labels)] = entry
    return found


class Module:
    """`given` are variables, `known` the attributes that AWS gives, by "type.name.attribute"."""

    def __init__(self, given, known):
        self.blocks = blocks()
        self.known = known
        self.variables = {
            name: given[name] if name in given else self.value(body["default"])
            for name, body in self.blocks["variable"].items()
        }
        unknown = given.keys() - self.variables.keys()
        assert not unknown, f"no such variables: {unknown}"

    def value(self, raw, scope=None):
        """What python-hcl2 gives for an attribute or a block, worked out."""
        if isinstance(raw, list):
            return [self.value(entry, scope) for entry in raw]
        if isinstance(raw, dict):
            return {
                name.strip('"'): self.value(entry, scope) for name, entry in raw.items()
                if not name.startswith("__")
            }  # fmt: skip
        if not isinstance(raw, str):
            return raw
        if raw.startswith('"'):
            return Expression(self, raw, scope).whole()
        return Expression(self, raw.removeprefix("${").removesuffix("}"), scope).whole()

    def resource(self, place):
        """The attributes of "type.name"; None where its count is 0."""
        body = dict(self.blocks["resource"][place])
        if "count" in body and self.value(body.pop("count")) == 0:
            return None
        body.pop("depends_on", None)
        dynamic = body.get("volume", [{}])[0].get("dynamic")
        if not dynamic:
            return self.value(body)
        # Of dynamic blocks there is one here.
        volume = dict(body.pop("volume")[0])
        ((name, block),) = volume.pop("dynamic")[0].items()
        name = name.strip('"')
        each = self.value(block["for_each"])
        found = self.value(body) | {"volume": [self.value(volume)]}
        found["volume"][0][name] = [
            self.value(block["content"][0], {name: {"value": entry}}) for entry in each
        ]
        return found

    def waits_for(self, place):
        """The resources in `depends_on`."""
        return {entry[2:-1] for entry in self.blocks["resource"][place].get("depends_on", [])}

    def reference(self, place, scope):
        first, *rest = place.split(".")
        if scope and first in scope:
            return scope[first][rest[0]]
        if first == "var":
            return self.variables[rest[0]]
        if first == "local":
            return self.value(self.blocks["locals"][rest[0]])
        if place == "path.module":
            return str(FOLDER)
        if place in self.known:
            return self.known[place]
        # Of a resource that is not made nothing can be asked.
        made = self.resource(".".join(place.split(".")[:2]))
        assert made is not None, f"{place} of a resource that is not there"
        return made[place.split(".")[2]]


    def call(self, name, arguments):
        if name == "length":
            return len(arguments[0])
        assert name == "templatefile", f"{name} is no function that is known here"
        path, values = arguments
        # It may use no other name than those that it is given.
        return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found.group(1)]), Path(path).read_text())


class Expression:
    def __init__(self, module, text, scope):
        self.module, self.text, self.scope, self.at = module, text, scope, 0

    def whole(self):
        found = self.choice()
        self.space()
        assert self.at == len(self.text), f"not understood: {self.text[self.at :]}"
        return found

    def space(self):
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def takes(self, word):
        self.space()
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        return False

    def needs(self, word):
        assert self.takes(word), f"no {word} in {self.text[self.at :]}"

    def choice(self):
        left = self.operand()
        if self.takes("=="):
            left = left == self.operand()
        if not self.takes("?"):
            return left
        # Both sides are worked out, as far as they can be: what is not there is only asked for in one.
        yes = self.attempt()
        self.needs(":")
        no = self.attempt()
        found = yes if left else no
        if isinstance(found, AssertionError):
            raise found
        return found

    def attempt(self):
        began = self.at
        try:
            return self.choice()
        except AssertionError as error:
            self.at = began
            self.skip()
            return error

    def skip(self):
        """Over an operand without its value."""
        quiet = Expression(_Anything(), self.text, None)
        quiet.at = self.at
        quiet.choice()
        self.at = quiet.at

    def entries(self, end, one):
        found = []
        while not self.takes(end):
            found.append(one())
            self.takes(",")
        return found

    def operand(self):
        if self.takes('"'):
            return self.string()
        if self.takes("["):
            return self.entries("]", self.choice)
        if self.takes("{"):
            return dict(self.entries("}", self.pair))
        word = re.compile(r"[\w.]+(?:\[\d+\][\w.]*)*").match(self.text, self.at)
        assert word, f"not understood: {self.text[self.at :]}"
        self.at = word.end()
        name = word.group()
        if self.takes("("):
            return self.module.call(name, self.entries(")", self.choice))
        if name.isdigit():
            return int(name)
        if name in ("true", "false"):
            return name == "true"
        index = re.fullmatch(r"(.*)\[(\d+)\]", name)
        if index:
            return self.module.reference(index.group(1), self.scope)[int(index.group(2))]
        return self.module.reference(re.sub(r"\[0\]", "", name), self.scope)

    def pair(self):
        name = re.compile(r"\s*(\w+)\s*=").match(self.text, self.at)
        self.at = name.end()
        return name.group(1), self.choice()

    def string(self):
        found = ""
        while not self.text.startswith('"', self.at):
            if self.takes_here("${"):
                found += str(self.choice())
                self.needs("}")
            else:
                found += self.text[self.at]
                self.at += 1
        self.at += 1
        return found

    def takes_here(self, word):
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        return False


class _Anything:
    """A module in which everything is known, to pass over an expression."""

    def reference(self, _place, _scope):
        return [""] * 2

    def call(self, _name, _arguments):
        return ""
