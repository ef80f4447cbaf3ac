#!/bin/sh
# Makes a Debian tree with systemd at dist/debian, with mmdebstrap and from where this machine has its
# own packages, unless it is there already. Needs root.
set -eu
cd "$(dirname "$0")/.."
tree=dist/debian
mkdir -p dist
exec 8>dist/.debian.lock
flock 8
[ ! -d "$tree" ] || exit 0
[ "$(id -u)" = 0 ] || {
  echo 'debian-tree: making a tree needs root: run it with sudo' >&2
  exit 1
}

# First suite of the distribution that this machine takes packages from, and its mirror.
suite=
mirror=
targets=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages')
while read -r origin release uri; do
  case $origin:$release in
  Debian:*-* | Ubuntu:*-*) ;;
  Debian:* | Ubuntu:*)
    suite=$release
    mirror=$uri
    break
    ;;
  esac
done <<LIST
$targets
LIST
# Without package lists nothing is known of origins: take mmdebstrap's own mirror.
if [ -z "$suite" ]; then
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
fi

new=$tree.new
# Only a tree that nothing is mounted in: a bind mount would lose what it shows.
rm -rf --one-file-system "$new"
options=$(mktemp)
trap 'rm -f "$options"' EXIT
trap 'rm -rf --one-file-system "$new"; exit 130' INT TERM HUP
apt-config dump --no-empty --format '%f "%v";%n' Acquire >"$options"
echo "debian-tree: bootstrapping $suite with mmdebstrap; this takes half a minute" >&2
# shellcheck disable=SC2086
if ! mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
  --include=systemd-sysv,dbus,procps,iproute2 --aptopt="$options" \
  "$suite" "$new" $mirror </dev/null >&2; then
  rm -rf --one-file-system "$new"
  echo 'debian-tree: mmdebstrap failed: see above; apt-get update must work on this machine' >&2
  exit 1
fi
mv "$new" "$tree"
