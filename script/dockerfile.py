"""Reads a Dockerfile, as far as ours goes."""

import re
import shlex


def instructions(text):
    """[(word, argument)] of a Dockerfile: lines that go on are joined, comments are left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = []
    for line in joined.splitlines():
        if line.strip():
            word, _, argument = line.strip().partition(" ")
            found.append((word.upper(), re.sub(r"\s+", " ", argument.strip())))
    return found


def stages(steps):
    """[{name, base, steps}] in the order of the file."""
    found = []
    for word, argument in steps:
        if word == "FROM":
            base, _, name = argument.partition(" AS ")
            found.append({"name": name or None, "base": base, "steps": []})
        else:
            found[-1]["steps"].append([word, argument])
    return found


def substituted(text, values):
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values.get(found.group(1), ""), text)


def pairs(argument, values):
    """NAME=VALUE words of ENV and LABEL."""
    return dict(word.split("=", 1) for word in shlex.split(substituted(argument, values)))
