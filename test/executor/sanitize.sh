#!/bin/sh
# The verifier and the interpreter under AddressSanitizer and UndefinedBehaviorSanitizer: the verifier
# over the whole corpus, the interpreter through the executor's own tests.
set -eu
cd "$(dirname "$0")/../.."
. test/executor/hosted/common.sh
sanitize='-O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'

# shellcheck disable=SC2086
clang $flags $sanitize -o "$work/verify" test/executor/hosted/verify_main.c core/executor/verify.c
# shellcheck disable=SC2086
clang $flags $sanitize -o "$work/batch" test/executor/hosted/batch_main.c $batch_sources
"$node" test/reject/export.ts reject "$work/reject"
"$node" test/reject/export.ts golden "$work/golden"
refused=$("$work/verify" "$work"/reject/* | grep -vc '^0 ')
total=$(find "$work/reject" -type f | wc -l)
[ "$refused" -eq "$total" ] || { echo "the verifier took $((total - refused)) bad plans"; exit 1; }
"$work/verify" "$work"/golden/* | grep -v '^0 0$' && { echo 'a golden plan was refused'; exit 1; }
"$node" test/reject/differential.ts "$work/verify" "$work/changed"

# abandoned children of the tests never return to main: leaks are not looked for
ASAN_OPTIONS=detect_leaks=0 VSERVER_TEST_EXECUTOR="$work/batch" \
  "$node" test/support/run.ts --tier exec test/executor/
echo "ok - executor sanitized: $total bad plans, golden plans, and the executor's tests"
