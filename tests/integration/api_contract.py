"""api/openapi.yaml as tests use it: its operations, and its schemas read strictly.

The description is open: a client passes over members that it does not know. The tests read it closed:
a member that is not described is a fault, so that nothing is answered that nobody described.
"""
import json
import os
import re

import jsonschema
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
METHODS = ("get", "post", "put", "patch", "delete")
FORMATS = jsonschema.FormatChecker(formats=())
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@FORMATS.checks("date-time")
def is_time(value):
    return not isinstance(value, str) or TIME.fullmatch(value) is not None


@FORMATS.checks("uuid")
def is_uuid(value):
    return not isinstance(value, str) or UUID.fullmatch(value) is not None


class Contract:
    def __init__(self, path=os.path.join(ROOT, "api/openapi.yaml")):
        with open(path, encoding="utf-8") as file:
            self.document = yaml.safe_load(file)
        self.validators = {}
        self.operations = {}
        for path_, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = Operation(self, path_, method, item)
                    self.operations[operation.name] = operation

    def resolve(self, node):
        """What a $ref names, with the members beside it."""
        while "$ref" in node:
            found = self.document
            for step in node["$ref"][2:].split("/"):
                found = found[step]
            node = {**found, **{key: value for key, value in node.items() if key != "$ref"}}
        return node

    def close(self, node):
        """The schema without references, in which objects have no members but those described."""
        schema = dict(self.resolve(node))
        for part in schema.pop("allOf", ()):
            part = self.resolve(part)
            schema["type"] = "object"
            schema["properties"] = {**schema.get("properties", {}), **part["properties"]}
            schema["required"] = [*schema.get("required", ()), *part.get("required", ())]
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
            schema["properties"] = {name: self.close(member) if not self.is_decoded(member) else member
                                    for name, member in schema["properties"].items()}
        if isinstance(schema.get("items"), dict) and not self.is_decoded(schema["items"]):
            schema["items"] = self.close(schema["items"])
        for several in ("anyOf", "oneOf"):
            if several in schema:
                schema[several] = [part if self.is_decoded(part) else self.close(part)
                                   for part in schema[several]]
        return schema

    @staticmethod
    def is_decoded(node):
        """The one schema that holds itself: references to it stay, and lead to components."""
        return node.get("$ref") == "#/components/schemas/Decoded"

    def validator(self, node):
        key = json.dumps(node, sort_keys=True)
        if key not in self.validators:
            decoded = dict(self.document["components"]["schemas"]["Decoded"])
            decoded["additionalProperties"] = False
            components = {**self.document["components"]["schemas"], "Decoded": decoded}
            schema = {**self.close(node), "components": {"schemas": components}}
            self.validators[key] = jsonschema.Draft202012Validator(schema, format_checker=FORMATS)
        return self.validators[key]

    def faults(self, node, value):
        """Where the value is not what the schema says: a list of texts."""
        return [f"{'/'.join(map(str, fault.absolute_path)) or 'all of it'}: {fault.message[:300]}"
                for fault in self.validator(node).iter_errors(value)]


class Operation:
    def __init__(self, contract, path, method, item):
        node = item[method]
        self.contract, self.path, self.method = contract, path, method.upper()
        self.name = node["operationId"]
        self.parameters = [contract.resolve(parameter) for parameter in
                           item.get("parameters", []) + node.get("parameters", [])]
        self.responses = {str(code): contract.resolve(response)
                          for code, response in node["responses"].items()}
        self.open = node.get("security") == []
        body = contract.resolve(node["requestBody"]) if "requestBody" in node else None
        self.body = body and contract.resolve(body["content"]["application/json"]["schema"])

    @property
    def is_websocket(self):
        return "101" in self.responses

    @property
    def query(self):
        return [parameter for parameter in self.parameters if parameter["in"] == "query"]

    def response(self, status):
        return self.responses.get(str(status)) or self.responses.get(f"{status // 100}XX")

    def faults(self, status, head, body):
        """What is wrong with an answer: a list of texts."""
        response = self.response(status)
        if response is None:
            return [f"{status} is not described: {body[:200]!r}"]
        kind = re.search(r"(?im)^content-type:\s*([^;\s]+)", head)
        content = response.get("content", {})
        if not kind or kind[1] not in content:
            return [f"{status}: Content-Type is {kind and kind[1]}, not one of {sorted(content)}"]
        if kind[1] != "application/json":
            return []
        try:
            value = json.loads(body)
        except ValueError as fault:
            return [f"{status}: no JSON: {fault}: {body[:200]!r}"]
        return [f"{status}: {fault}"
                for fault in self.contract.faults(content[kind[1]]["schema"], value)]
