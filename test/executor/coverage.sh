#!/bin/sh
# Line coverage of the verifier over the corpus and the golden plans: at least 95 per cent.
set -eu
cd "$(dirname "$0")/../.."
. test/executor/hosted/common.sh
top=$(pwd)

"$node" test/reject/export.ts reject "$work/reject"
"$node" test/reject/export.ts golden "$work/golden"
cd "$work"
# shellcheck disable=SC2086
gcc ${flags% -Icore/executor} -I"$top/core/executor" -O0 --coverage -o verify \
  "$top/test/executor/hosted/verify_main.c" "$top/core/executor/verify.c"
./verify reject/* golden/* > /dev/null
gcov --no-output --object-directory . verify-verify.gcda > report
percent=$(awk '/^File .*verify\.c/ { found = 1 } found && /^Lines executed:/ {
  split($2, part, /[:%]/); print part[2]; exit }' report)
[ -n "$percent" ] || { cat report; exit 1; }
awk -v percent="$percent" 'BEGIN { exit percent < 95 }' ||
  { echo "the verifier's line coverage is $percent %, and must be 95 %"; exit 1; }
echo "ok - verifier's line coverage: $percent %"
