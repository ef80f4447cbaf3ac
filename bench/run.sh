#!/bin/sh
# Measures vserver against its floors and peers, alternating in one run. Needs root and dist/vserver.
#   sh bench/run.sh [--quick] [exec|start|create|boot|bootstrap|density|version…]
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
  echo 'bench: this needs root: sudo npm run bench' >&2
  exit 6
fi
# Peers are compared with where they can be had; a missing one is left out.
lacking=
for pair in runc:runc crun:crun nsenter:util-linux bwrap:bubblewrap gcc:gcc cpio:cpio jdupes:jdupes rdfind:rdfind \
  hardlink:util-linux; do
  command -v "${pair%%:*}" >/dev/null || lacking="$lacking ${pair##*:}"
done
if [ -n "$lacking" ] && command -v apt-get >/dev/null; then
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking >&2 ||
    echo "bench: could not install$lacking; they are left out" >&2
fi
[ -x dist/vserver ] || sh build/build.sh
exec node_modules/.bin/node bench/main.ts "$@"
