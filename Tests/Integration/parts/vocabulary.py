"""What Narthex has: flags, commands, variables and keys, as its help, its pages and its schema say."""

import json
import re
import subprocess
from functools import cache

import yaml

from .agent import ROOT, program

COMMANDS = ("run", "check-config", "doctor", "discover", "scrape", "credentials", "healthcheck")
SCHEMA = json.loads((ROOT / "config/narthex.schema.json").read_text())


@cache
def offered():
    """{command: flags} that the commands' help shows."""
    shown = {}
    for command in COMMANDS:
        text = subprocess.run(
            [program("narthex"), command, "--help"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
        shown[command] = set(re.findall(r"--[a-z][a-z.-]+", text))
    return shown


def properties(node):
    """{key: schema} of what a mapping, or each entry of a list, may have."""
    if "$ref" in node:
        return properties(SCHEMA["definitions"][node["$ref"].rpartition("/")[2]])
    found = dict(node.get("properties", {}))
    for part in [*node.get("anyOf", []), *([node["items"]] if "items" in node else [])]:
        found |= properties(part)
    return found


@cache
def everywhere():
    """{key: [schema]} of every key of the file, and of every block by its name."""
    found = {}
    for name, node in [("", SCHEMA), *SCHEMA["definitions"].items()]:
        found.setdefault(name, []).append(node)
        for key, value in properties(node).items():
            found.setdefault(key, []).append(value)
    return found


def is_key(path):
    """A dotted key of the configuration, from any block on."""
    first, *others = path.split(".")
    places = everywhere().get(first, [])
    for key in others:
        places = [properties(place)[key] for place in places if key in properties(place)]
    return bool(places)


def assert_is_ours(token, where):
    """A flag, a command, a variable, or a key of the file."""
    if token.startswith("--"):
        assert token in set().union(*offered().values()), f"{where}: no flag {token}"
    elif token.startswith("narthex "):
        _, command, *flags = token.split()
        assert set(flags) <= offered()[command], f"{where}: {token}"
    elif re.fullmatch(r"[A-Z][A-Z0-9_]+", token):
        documented = (ROOT / "docs/configuration.md").read_text() + (ROOT / "docs/flags.md").read_text()
        generic = re.sub(r"_(STS|EC2)$", "_<SERVICE>", token)
        assert token in documented or generic in documented, f"{where}: no variable {token}"
    elif ":" in token:
        for key in yaml.safe_load(f"{{{token}}}"):
            assert is_key(key), f"{where}: no key {key}"
    else:
        actions = re.findall(r"\| action \| one of (.*) \|", (ROOT / "docs/configuration.md").read_text())
        assert is_key(token) or token in actions[0].split(", "), f"{where}: no key {token}"
