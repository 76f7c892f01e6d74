"""check_events.py SCHEMA FILE...: holds the lines of --events against their JSON Schema (draft 07).

Each FILE must be whole: every line fits, the first is the version, the last and only the last the summary, a step
that begins ends, and no broken copy of a line fits: without a member, with one more, with another type. Prints the
types that were seen. Exit code 77: the validator is missing.
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


def broken_copies(event):
    for key in event:
        yield {name: value for name, value in event.items() if name != key}
    yield {**event, "surprise": 1}
    yield {**event, "type": "surprise"}
    yield {**event, "@timestamp": "yesterday"}
    for key, value in event.items():
        if isinstance(value, dict):
            yield {**copy.deepcopy(event), key: {**value, "surprise": 1}}


def wrong_order(events):
    types = [event["type"] for event in events]
    if types[:1] != ["version"] or types.count("version") != 1:
        yield "the version is not the first line alone"
    if types[-1:] != ["summary"] or types.count("summary") != 1:
        yield "the summary is not the last line alone"
    open_step = None
    for event in events:
        name = event.get("step", {}).get("name")
        if event["type"] == "apply_start" and open_step is not None:
            yield f"{name} begins inside {open_step}"
        if event["type"].startswith("apply_") and event["type"] != "apply_start" and name != open_step:
            yield f"{event['type']} of {name} inside {open_step}"
        if event["type"] in ("apply_start", "apply_complete", "apply_errored"):
            open_step = name if event["type"] == "apply_start" else None
    if open_step is not None:
        yield f"{open_step} does not end"
    if [event["@timestamp"] for event in events] != sorted(event["@timestamp"] for event in events):
        yield "time goes backwards"


def main(arguments):
    schema = json.loads(pathlib.Path(arguments[0]).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    failed = 0 if arguments[1:] else 1
    seen = set()
    for name in arguments[1:]:
        text = pathlib.Path(name).read_text(encoding="utf-8")
        events = [json.loads(line) for line in text.splitlines()]
        found = list(wrong_order(events)) + ([] if text.endswith("\n") else ["the last line has no end"])
        for event in events:
            seen.add(event["type"])
            if not validator.is_valid(event):
                found.append(f"does not fit: {event}")
            found += [f"a broken copy fits: {one}" for one in broken_copies(event) if validator.is_valid(one)]
        for what in found[:20]:
            print(f"{name}: {what}")
        failed += len(found)
    print("types:", *sorted(seen))
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
