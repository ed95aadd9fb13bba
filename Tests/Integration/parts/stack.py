"""CloudFormation's functions over a template, as far as ours and those of ECS Compose-X use them."""

import re


class Stack:
    """`values` are what Ref gives, by name; `attributes` what GetAtt gives, by "Resource.Attribute"."""

    GONE = object()

    def __init__(self, template, values, attributes):
        self.template = template
        self.values = {
            "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": self.GONE, **values,
        }  # fmt: skip
        self.attributes = attributes
        for name, parameter in template.get("Parameters", {}).items():
            if name not in self.values and "Default" in parameter:
                self.values[name] = parameter["Default"]

    def condition(self, name):
        return self.resolved(self.template["Conditions"][name])

    def resolved(self, value):
        if isinstance(value, list):
            found = [self.resolved(entry) for entry in value]
            return [entry for entry in found if entry is not self.GONE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            function = self.FUNCTIONS.get(name)
            if function:
                return function(self, argument)
        found = {name: self.resolved(entry) for name, entry in value.items()}
        return {name: entry for name, entry in found.items() if entry is not self.GONE}

    def _if(self, argument):
        name, yes, no = argument
        return self.resolved(yes if self.condition(name) else no)

    def _equals(self, argument):
        first, second = self.resolved(argument)
        return first == second

    def _sub(self, argument):
        text, given = argument if isinstance(argument, list) else (argument, {})
        values = self.values | {name: self.resolved(entry) for name, entry in given.items()}
        return re.sub(r"\$\{([\w:]+)\}", lambda found: str(values[found.group(1)]), text)

    def _get_att(self, argument):
        place = ".".join(argument)
        return self.attributes.get(place, place)

    def _find_in_map(self, argument):
        first, second, third = self.resolved(argument)
        return self.template["Mappings"][first][second][third]

    def _select(self, argument):
        index, entries = argument
        return self.resolved(entries)[int(index)]

    def _split(self, argument):
        separator, text = argument
        return self.resolved(text).split(separator)

    def _join(self, argument):
        separator, entries = argument
        return separator.join(self.resolved(entries))

    FUNCTIONS = {
        "Ref": lambda self, name: self.values.get(name, name),
        "Condition": condition,
        "Fn::If": _if,
        "Fn::Equals": _equals,
        "Fn::Not": lambda self, argument: not self.resolved(argument)[0],
        "Fn::Or": lambda self, argument: any(self.resolved(argument)),
        "Fn::Sub": _sub,
        "Fn::GetAtt": _get_att,
        "Fn::FindInMap": _find_in_map,
        "Fn::Select": _select,
        "Fn::Split": _split,
        "Fn::Join": _join,
    }

    def has(self, resource):
        """Whether it is made, by its condition."""
        condition = self.template["Resources"][resource].get("Condition")
        return condition is None or self.condition(condition)

    def properties(self, resource):
        return self.resolved(self.template["Resources"][resource]["Properties"])


def in_api_case(value, is_free=False):
    """CloudFormation's names of properties as the ECS API has them; keys of `Options` are the user's."""
    if isinstance(value, list):
        return [in_api_case(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    odd = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "IAM": "iam", "FilesystemId": "fileSystemId"}
    return {
        name if is_free else odd.get(name, name[0].lower() + name[1:]): in_api_case(
            entry, name in ("Options", "DockerLabels")
        )
        for name, entry in value.items()
    }
