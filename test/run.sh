#!/bin/sh
# All tests: checks of types and style, pure tests under Node and Deno, the C, real guests, and machines
# with stock kernels (the lab). The last line is the sum, `N passed, N failed`; the exit code is 1 when
# anything failed. A missing prerequisite is a loud skip for a person and a failure where CI=true; what
# only another host can have is skipped here and run in the lab.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH
export PATH
passed=0
failed=0
skipped=0
log=dist/test.log

# The system packages are tried for; the tests say themselves what is still missing.
sh build/prerequisites.sh test || echo 'test: going on without them' >&2
sh build/build.sh

say() { printf '\n== %s\n' "$1"; }

# A command that passes or fails as a whole.
check() {
  name=$1
  shift
  say "$name"
  if "$@" </dev/null; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $name"
  fi
}

# A command whose last line is `N passed, N failed[, N skipped]`.
count() {
  name=$1
  shift
  say "$name"
  code=0
  { "$@" </dev/null 2>&1 || echo $? >"$log.code"; } | tee "$log"
  if [ -e "$log.code" ]; then
    code=$(cat "$log.code")
    rm -f "$log.code"
  fi
  line=$(tail -n 1 "$log")
  numbers=$(printf '%s\n' "$line" |
    sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)\{0,1\}$/\1 \2 \4/p')
  if [ -z "$numbers" ]; then
    failed=$((failed + 1))
    echo "FAIL $name: no closing line"
    return
  fi
  # shellcheck disable=SC2086
  set -- $numbers
  passed=$((passed + $1))
  failed=$((failed + $2))
  skipped=$((skipped + ${3:-0}))
  if [ "$code" != 0 ] && [ "$2" = 0 ]; then
    failed=$((failed + 1))
    echo "FAIL $name: exit code $code"
  fi
}

rm -f "$log.code"
check 'types' tsc -p .
check 'format' deno fmt --check --config .deno.json core plugins build bench test
check 'lint' deno lint --quiet --config .deno.json core plugins build bench test
check 'types, as Deno sees them' \
  deno check --quiet --config .deno.json core plugins build bench test
count 'pure tests, Node' node test/support/run.ts --tier pure
count 'pure tests, Deno' node test/support/run.ts --deno
for script in test/executor/*.sh; do
  [ -e "$script" ] || continue
  check "$script" sh "$script"
done
rm -rf dist/reports
mkdir -p dist/reports
count 'tests with the executor' node test/support/run.ts --tier exec --report dist/reports/exec.json
sh build/debian-tree.sh || echo 'test: tests that boot Debian will fail' >&2
count 'tests with guests' node test/support/run.ts --tier system --report dist/reports/system.json
count 'the lab' node test/support/run.ts --tier lab --live
count 'tests that were skipped somewhere' node test/lab/everywhere.ts

printf '\n'
[ "$skipped" = 0 ] || echo "$skipped skipped: see SKIPPED above for what is missing"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
