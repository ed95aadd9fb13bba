"""The AWS command line as botocore's models describe it, without AWS: a command is taken apart as the AWS CLI
does, its service, operation, flags and values are checked, and its answer is made up from the operation's
output, so that `--query` and what a script does with the answer are seen too.
"""

import json
from pathlib import Path

import botocore.session
import jmespath
from botocore import xform_name
from botocore.validate import ParamValidator

# What the AWS CLI has beside the services' operations: its flags, of those that stand in our pages or might.
_OWN = {
    ("cloudformation", "deploy"): "template-file stack-name capabilities parameter-overrides role-arn tags",
    ("configure", "export-credentials"): "format",
    ("ecr", "get-login-password"): "",
    ("logs", "tail"): "since follow format filter-pattern log-stream-names log-stream-name-prefix",
    ("s3", "cp"): "recursive",
}
# Flags that it adds to an operation.
_ADDED = {
    ("ec2", "authorize-security-group-ingress"): "protocol port cidr source-group",
    ("ec2", "revoke-security-group-ingress"): "protocol port cidr source-group",
}
_GLOBAL = {"query", "output", "region", "profile"}


class CommandLineError(Exception):
    pass


class Command:
    """A command line: which operation, and {flag: its words}."""

    def __init__(self, words):
        if words[:1] != ["aws"] or len(words) < 3:
            raise CommandLineError(f"no command of aws: {words}")
        self.words = words
        self.service, self.name = words[1], words[2]
        rest = words[3:]
        self.waiter = rest.pop(0) if self.name == "wait" else None
        self.plain, self.flags = [], {}
        current = self.plain
        for word in rest:
            if word.startswith("--"):
                current = self.flags.setdefault(word[2:], [])
            else:
                current.append(word)


class AwsCommandLine:
    """`answers` has {(service, operation): what its answer holds, or a function of the command}, laid over
    what is made up.
    """

    def __init__(self, answers=None):
        self._session = botocore.session.get_session()
        self._models = {}
        self.answers = answers or {}
        self.commands = []

    def _model(self, service):
        if service not in self._models:
            try:
                self._models[service] = self._session.get_service_model(service)
            except botocore.exceptions.UnknownServiceError as error:
                raise CommandLineError(f"aws has no service {service}") from error
        return self._models[service]

    def check(self, words):
        """(the command, its operation's model or None): service, operation and flags exist, and what must be
        given is.
        """
        command = Command(words)
        key = command.service, command.name
        if key in _OWN:
            self._check_flags(command, set(_OWN[key].split()))
            return command, None
        model = self._model(command.service)
        name = command.name
        if command.waiter:
            waiters = self._session.get_waiter_model(command.service)
            names = {xform_name(name, "-"): name for name in waiters.waiter_names}
            if command.waiter not in names:
                raise CommandLineError(f"aws {command.service} waits for no {command.waiter}")
            name = xform_name(waiters.get_waiter(names[command.waiter]).operation, "-")
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        if name not in operations:
            raise CommandLineError(f"aws {command.service} has no {name}")
        operation = model.operation_model(operations[name])
        known = {xform_name(member, "-") for member in operation.input_shape.members}
        known |= {"cli-input-json"} | set(_ADDED.get(key, "").split())
        known |= {f"no-{flag}" for flag in known}
        self._check_flags(command, known)
        if "cli-input-json" not in command.flags:
            for member in operation.input_shape.required_members:
                # The AWS CLI makes tokens up by which a repeated call is told.
                is_token = member in operation.idempotent_members
                if not is_token and xform_name(member, "-") not in command.flags:
                    raise CommandLineError(f"--{xform_name(member, '-')} is missing: {command.words}")
        return command, operation

    @staticmethod
    def _check_flags(command, known):
        unknown = command.flags.keys() - known - _GLOBAL
        if unknown:
            raise CommandLineError(f"aws {command.service} {command.name} has no flags {unknown}")

    def run(self, words, folder):
        """What it prints. Files are looked for in the folder."""
        command, operation = self.check(words)
        self.commands.append(command)
        answer = {}
        if operation:
            command.parameters = self._parameters(command, operation, folder)
            report = ParamValidator().validate(command.parameters, operation.input_shape)
            if report.has_errors():
                raise CommandLineError(f"{' '.join(words)}: {report.generate_report()}")
            if command.waiter:
                return ""
            if operation.output_shape:
                answer = _made_up(operation.output_shape)
        given = self.answers.get((command.service, command.name), {})
        given = given(command) if callable(given) else given
        if isinstance(given, str):
            return given + "\n"
        answer |= given
        if "query" in command.flags:
            found = jmespath.search(command.flags["query"][0], answer)
            if found in (None, [], ""):
                raise CommandLineError(f"{command.flags['query']} finds nothing in {list(answer)}")
            answer = found
        if command.flags.get("output") == ["text"]:
            return _as_text(answer) + "\n"
        return json.dumps(answer, default=str) + "\n" if answer else ""

    def _parameters(self, command, operation, folder):
        members = operation.input_shape.members
        parameters = {}
        if "cli-input-json" in command.flags:
            parameters = json.loads(_content(command.flags["cli-input-json"][0], folder))
        for member, shape in members.items():
            flag = xform_name(member, "-")
            if f"no-{flag}" in command.flags:
                parameters[member] = False
            if flag in command.flags:
                words = [_content(word, folder) for word in command.flags[flag]]
                parameters[member] = _value(words, shape, flag)
        return {name: "a-token" for name in operation.idempotent_members} | parameters


def _content(word, folder):
    for start in ("file://", "fileb://"):
        if word.startswith(start):
            return (Path(folder) / word.removeprefix(start)).read_text()
    return word


def _value(words, shape, flag):
    if shape.type_name == "boolean" and not words:
        return True
    if shape.type_name == "list":
        if len(words) == 1 and words[0].startswith("["):
            return json.loads(words[0])
        return [_value([word], shape.member, flag) for word in words]
    if len(words) != 1:
        raise CommandLineError(f"--{flag} takes one value, not {words}")
    [word] = words
    if shape.type_name in ("structure", "map"):
        return json.loads(word) if word.lstrip().startswith("{") else _fitted(_Shorthand(word).pairs(), shape)
    return _fitted(word, shape)


def _fitted(value, shape):
    """Shorthand's words as what the shape wants."""
    if shape.type_name == "structure":
        unknown = value.keys() - shape.members.keys()
        if unknown:
            raise CommandLineError(f"{shape.name} has no {unknown}")
        return {name: _fitted(part, shape.members[name]) for name, part in value.items()}
    if shape.type_name == "list":
        return [_fitted(part, shape.member) for part in (value if isinstance(value, list) else [value])]
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name == "boolean":
        return {"true": True, "false": False}[value.lower()]
    return value


class _Shorthand:
    """`a=1,b=[x,y],c={d=2}`, and `Values=x,y` for a list."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def pairs(self, end=""):
        found, last = {}, None
        while self.at < len(self.text) and self.text[self.at] != end:
            word = self._word("=,]}")
            if self._next("="):
                last = word
                found[last] = self._value()
            elif last is None:
                raise CommandLineError(f"{self.text!r} is no shorthand: = is missing")
            else:
                before = found[last] if isinstance(found[last], list) else [found[last]]
                found[last] = [*before, word]
            self._next(",")
        return found

    def _value(self):
        if self._next("["):
            items = []
            while not self._next("]"):
                items.append(self._value())
                self._next(",")
            return items
        if self._next("{"):
            pairs = self.pairs("}")
            self._next("}")
            return pairs
        return self._word(",]}")

    def _word(self, ends):
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in ends:
            self.at += 1
        return self.text[start : self.at]

    def _next(self, character):
        is_there = self.text[self.at : self.at + 1] == character
        self.at += is_there
        return is_there


def _made_up(shape, within=()):
    """A value of the shape: one element in each list, names for texts."""
    if shape.name in within:
        return None
    within = (*within, shape.name)
    if shape.type_name == "structure":
        return {name: _made_up(member, within) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [_made_up(shape.member, within)]
    if shape.type_name == "map":
        return {"key": _made_up(shape.value, within)}
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else shape.name
    return {"boolean": True, "timestamp": "2026-01-01T00:00:00Z"}.get(shape.type_name, 1)


def _as_text(value):
    if isinstance(value, list):
        rows = [part for part in value if isinstance(part, list)]
        return "\n".join(map(_as_text, rows)) if rows else "\t".join(map(_as_text, value))
    return json.dumps(value, default=str) if isinstance(value, dict) else str(value)
