"""check_output.py SCHEMA FILE...: holds JSON documents against a JSON Schema (draft 07).

Each FILE must fit. With --broken, none of its broken copies may: without a member that the schema
requires, with one that it does not know (where it is closed), with a number as format_version, and
there must be a member below those that can't be missed either. Exit code 77: the validator is missing.
"""
import copy
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError as error:
    print(error)
    sys.exit(77)


def paths(value, at=()):
    """Every member of every object below value, as a path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(value, dict):
            yield at + (key,)
        yield from paths(item, at + (key,))


def without(document, path):
    broken = copy.deepcopy(document)
    parent = broken
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    return broken


def misses(schema, validator, document):
    """What is wrong with the schema: broken copies that it lets pass."""
    if not {"format_version"} < set(schema["required"]):
        return ["though it requires nothing but a version"]
    found = [f"without {key}" for key in schema["required"] if validator.is_valid(without(document, (key,)))]
    if schema.get("additionalProperties") is False and validator.is_valid({**document, "surprise": 1}):
        found.append("with a surprise")
    if validator.is_valid({**document, "format_version": 1}):
        found.append("with a number as format_version")
    deep = [path for path in paths(document) if len(path) > 1]
    if deep and all(validator.is_valid(without(document, path)) for path in deep):
        found.append("without any member of its members")
    return found


def main(arguments):
    broken = arguments[:1] == ["--broken"]
    schema_name, *names = arguments[1:] if broken else arguments
    schema = json.loads(pathlib.Path(schema_name).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    failed = 0 if names else 1
    for name in names:
        document = json.loads(pathlib.Path(name).read_text(encoding="utf-8"))
        for error in validator.iter_errors(document):
            print(f"{name}: {error.json_path}: {error.message[:300]}")
            failed += 1
        for miss in misses(schema, validator, document) if broken else []:
            print(f"{name}: passes {pathlib.Path(schema_name).name} {miss}")
            failed += 1
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
