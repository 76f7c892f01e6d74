"""read_formats.py FORMAT FILE...: reads what ovl wrote for a service with programs and rules that are not ours.

junit      python3-junitparser, and what the readers of Jenkins (xUnit plugin, schema junit-10) and GitLab ask for
sarif      the JSON Schema of SARIF 2.1.0 (npm @microsoft/jest-sarif), and GitHub's limits
markdown   cmark-gfm: nothing of the document is a link, a picture or HTML but the comment and the details
terraform  npm @ahmadnassri/terraform-unidiff, made for `terraform show -json`, and the published rules of that format

Each FILE must pass. Exit code 77: a program is missing.
"""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

READERS = pathlib.Path(__file__).resolve().parents[2] / "build" / "readers" / "node_modules"


def need(there, what):
    if not there:
        print(f"{what} is missing")
        sys.exit(77)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def read_junit(path):
    try:
        import junitparser
    except ImportError:
        need(False, "python3-junitparser")
    root = xml.etree.ElementTree.parse(path).getroot()
    expect(root.tag == "testsuites", root.tag)
    expect(len(root.findall("testsuite")) == len(root), "only suites in testsuites")
    for suite in root:
        expect({"name", "tests", "failures", "errors"} <= set(suite.attrib), suite.attrib)
        cases = suite.findall("testcase")
        expect(len(cases) == len(suite) and cases, "Jenkins fails a report without a test case")
        for kind in ("failure", "error"):
            found = sum(1 for case in cases if case.find(kind) is not None)
            expect(found == int(suite.get(kind + "s")), f"{found} {kind}s")
        expect(int(suite.get("tests")) == len(cases), "tests")
        for case in cases:
            expect(case.get("name") and set(case.attrib) <= {"name", "time", "classname", "group"}, case.attrib)
            expect({one.tag for one in case} <= {"failure", "error", "skipped", "system-out", "system-err"}, "tags")
            expect(sum(1 for one in case if one.tag in ("failure", "error")) <= 1, "GitLab reads one failure")
    read = junitparser.JUnitXml.fromfile(path)
    expect(sum(1 for suite in read for _ in suite) == int(root.get("tests")), "junitparser reads another number")


def read_sarif(path):
    import jsonschema
    schema_path = READERS / "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
    need(schema_path.exists(), "the schema of SARIF: tools/fetch-readers build/readers")
    schema = json.loads(schema_path.read_text(encoding="utf-8"))
    document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(document)
    # The schema that is asked for must be one that refuses something.
    expect(not jsonschema.validators.validator_for(schema)(schema).is_valid({**document, "version": "2.0"}), "schema")
    expect(pathlib.Path(path).stat().st_size < 10_000_000, "GitHub takes 10 MB")
    for run in document["runs"]:
        expect(len(run["results"]) <= 5000, "GitHub takes 5,000 results")
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        for result in run["results"]:
            expect(rules[result["ruleIndex"]] == result["ruleId"], "the rule's index")
            expect(result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1, "GitHub wants a place")
        for rule in run["tool"]["driver"]["rules"]:
            expect(rule["help"]["text"] and rule["shortDescription"]["text"], f"{rule} has no help")


class Shown(html.parser.HTMLParser):
    """The tags of a page, and the text that stands in no code."""

    def __init__(self):
        super().__init__()
        self.tags, self.code, self.plain, self.comments = set(), 0, "", []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.code += tag == "code"

    def handle_endtag(self, tag):
        self.code -= tag == "code"

    def handle_data(self, data):
        if not self.code:
            self.plain += data

    def handle_comment(self, data):
        self.comments.append(data)


def read_markdown(path):
    need(shutil.which("cmark-gfm"), "cmark-gfm")
    text = pathlib.Path(path).read_text(encoding="utf-8")
    expect(re.match(r"<!-- ovl (plan|apply|destroy|validate)( [a-z0-9-]+)? -->\n", text), text[:80])
    expect(len(text.encode()) <= 65536, f"{len(text.encode())} bytes: GitHub takes 65,536")
    command = ["cmark-gfm", "--unsafe", "-e", "autolink", "-e", "table", "-e", "strikethrough"]
    shown = Shown()
    shown.feed(subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout)
    known = {"h3", "p", "strong", "code", "pre", "details", "summary"}
    expect(shown.tags <= known, f"{shown.tags - known} got out")
    expect(len(shown.comments) == 1 and shown.code == 0, "one comment, all code ended")
    for foreign in ("@", "http", "evil", "#1"):
        expect(foreign not in shown.plain, f"{foreign} stands outside of code: {shown.plain[:300]}")


KNOWN_ACTIONS = (["no-op"], ["create"], ["read"], ["update"], ["delete"], ["forget"],
                 ["delete", "create"], ["create", "delete"])


def read_terraform(path):
    plan = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    expect(plan["format_version"].split(".")[0] == "1", "a reader refuses another major version")
    for change in plan["resource_changes"]:
        expect(change["mode"] == "managed" and change["provider_name"], change)
        expect(change["address"].startswith(f"{change['type']}.{change['name']}"), change["address"])
        actions = change["change"]["actions"]
        expect(actions in KNOWN_ACTIONS, actions)
        expect(actions != ["create"] or change["change"]["before"] is None, "before a create")
        expect(actions != ["delete"] or change["change"]["after"] is None, "after a delete")
    reader = READERS / "@ahmadnassri/terraform-unidiff/bin.js"
    need(reader.exists() and shutil.which("node"), "terraform-unidiff: tools/fetch-readers build/readers")
    ran = subprocess.run(["node", reader, path], capture_output=True, text=True)
    expect(ran.returncode == 0, ran.stderr)
    counted = plan["ovl"]["summary"]
    last = ran.stdout.strip().splitlines()[-1]
    expect(last == f"Plan: {counted['create'] + counted['replace']} to add, {counted['update']} to change, "
           f"{counted['remove'] + counted['replace']} to destroy", last)
    for change in plan["resource_changes"]:
        shown = f"Index: {change['address']}" in ran.stdout
        expect(shown or change["change"]["actions"] == ["no-op"], f"{change['address']} is not shown")


def main(arguments):
    read = {"junit": read_junit, "sarif": read_sarif, "markdown": read_markdown, "terraform": read_terraform}
    failed = 0 if arguments[1:] else 1
    for path in arguments[1:]:
        try:
            read[arguments[0]](path)
        except Exception as error:  # whatever a reader stumbles over
            print(f"{path}: {type(error).__name__}: {str(error)[:1000]}")
            failed += 1
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
