#!/bin/sh
# libFuzzer and AddressSanitizer on the verifier, for FUZZ_SECONDS (60), from all stored plans.
set -eu
cd "$(dirname "$0")/../.."
. test/executor/hosted/common.sh
seconds=${FUZZ_SECONDS:-60}

# shellcheck disable=SC2086
clang $flags -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o "$work/fuzz" \
  test/executor/hosted/verify_fuzz.c core/executor/verify.c
"$node" test/reject/export.ts reject "$work/seeds"
"$node" test/reject/export.ts golden "$work/seeds"
mkdir "$work/found"
"$work/fuzz" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=1024 \
  -artifact_prefix="$work/" -print_final_stats=1 "$work/found" "$work/seeds" > "$work/log" 2>&1 || {
  tail -50 "$work/log"
  for artifact in "$work"/crash-* "$work"/timeout-* "$work"/oom-*; do
    [ -f "$artifact" ] && od -An -tx1 "$artifact" | head -64
  done
  exit 1
}
runs=$(awk '/stat::number_of_executed_units/ { print $2 }' "$work/log")
echo "ok - verifier fuzzed for $seconds s, $runs plans"
