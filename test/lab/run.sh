#!/bin/sh
# The lab: `npm run lab [-- OPTIONS]`, from a bare machine on. See run.ts.
set -eu
cd "$(dirname "$0")/../.."
sh build/prerequisites.sh test || echo 'lab: going on without them' >&2
sh build/build.sh
PATH=$PWD/node_modules/.bin:$PATH
export PATH
exec node test/lab/run.ts "$@"
