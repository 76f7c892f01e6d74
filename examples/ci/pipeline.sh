#!/bin/sh
# pipeline.sh [MANIFEST]: validate, plan, apply exactly that plan. For any service that can run a script; OUT is where
# the reports go. Exit codes are ovl's: 12 a guard refused, 13 the manifest is invalid, 10 something has moved meanwhile.
#
# OVL_KEYSTORE, OVL_CLUSTER and, where there are secrets, OVL_TOKEN and its like are for the service to say: a checkout
# is somebody's words. What comes from outside it runs with BASE=origin/main, as a user without rights and without those
# variables: that validates, shows what would change, and connects to nobody.
set -eu
manifest=${1:-.}
out=${OUT:-reports}
mkdir -p "$out"

ovl validate --format junit "$manifest" >"$out/validate.xml"
if [ -n "${BASE:-}" ]; then
  exec ovl diff "$BASE" HEAD
fi

: "${OVL_KEYSTORE:?is for the CI service to say}" "${OVL_CLUSTER:?is for the CI service to say}"
export OVL_KEYSTORE OVL_CLUSTER

# 2: there are changes.
code=0
ovl plan --detailed-exitcode --json-into "$out/plan.json" --out "$out/plan.saved" "$manifest" || code=$?
case $code in
  0) exit 0 ;;
  2) ovl apply --events "$out/events.ndjson" "$out/plan.saved" ;;
  *) exit "$code" ;;
esac
