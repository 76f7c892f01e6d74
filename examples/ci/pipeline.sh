#!/bin/sh
# pipeline.sh [MANIFEST]: validate, plan, apply exactly that plan. For any service that can run a script; OUT is where
# the reports go. Exit codes are ovl's: 12 a guard refused, 13 the manifest is invalid, 10 something has moved meanwhile.
set -eu
manifest=${1:-.}
out=${OUT:-reports}
mkdir -p "$out"

ovl validate --format junit "$manifest" >"$out/validate.xml"

# 2: there are changes.
code=0
ovl plan --detailed-exitcode --json-into "$out/plan.json" --out "$out/plan.saved" "$manifest" || code=$?
case $code in
  0) exit 0 ;;
  2) ovl apply --events "$out/events.ndjson" "$out/plan.saved" ;;
  *) exit "$code" ;;
esac
