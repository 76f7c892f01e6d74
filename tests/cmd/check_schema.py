"""check_schema.py SCHEMA CASES: holds the golden manifests against the JSON Schema.

Each .toml section of a good-*.txt must pass; those of the cases named below break a rule that the
schema knows, and must not. Exit code 77: a Python module is missing.
"""
import json
import pathlib
import re
import sys

try:
    import jsonschema
    import tomllib
except ImportError as error:
    print(error)
    sys.exit(77)

BROKEN = ["unknown-key", "unknown-block", "missing-required-keys", "wrong-types", "numbers-out-of-range",
          "subnet-and-subnets", "network-and-networks", "keystore-unknown-scheme", "moved-as-table", "policy-values", "policy-host-only"]


def sections(path):
    parts = re.split(r"^-- (\S+) --\n", path.read_text(encoding="utf-8"), flags=re.M)
    return {name: text for name, text in zip(parts[1::2], parts[2::2]) if name.endswith(".toml")}


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    cases = pathlib.Path(sys.argv[2])
    failed = 0
    good = sorted(cases.glob("good-*.txt"))
    for path in good:
        for name, text in sections(path).items():
            for error in validator.iter_errors(tomllib.loads(text)):
                print(f"{path.name}, {name}: {error.json_path}: {error.message}")
                failed += 1
    for case in BROKEN:
        documents = sections(cases / f"{case}.txt").values()
        if all(validator.is_valid(tomllib.loads(text)) for text in documents):
            print(f"{case}.txt: passes the schema, but must not")
            failed += 1
    if len(good) < 10:
        print(f"only {len(good)} good cases in {cases}")
        failed += 1
    return 1 if failed else 0


sys.exit(main())
