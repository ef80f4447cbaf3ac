#!/bin/sh
# Makes dist/vserver, from a bare machine on: system packages, npm packages, executor, bundle, runtime.
# What is up to date is not made again. VSERVER_BUILD_FAST=1 compresses less.
set -eu
cd "$(dirname "$0")/.."
sh build/prerequisites.sh "${VSERVER_PREREQUISITES:-build}"
mkdir -p dist
PATH=$PWD/node_modules/.bin:$PATH
export PATH

# One build at a time: tests and people may start several.
exec 9>dist/.lock
flock 9

# npm writes node_modules/.package-lock.json last.
if [ ! -e node_modules/.package-lock.json ] ||
  [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'build: npm ci' >&2
  npm ci --no-audit --no-fund --loglevel=error >&2 9>&-
  touch node_modules/.package-lock.json
fi
sh build/executor.sh
exec node build/pack.ts "$@"
