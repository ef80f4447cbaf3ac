#!/bin/sh
# From a bare Debian-like machine with Node and npm to a running guest: builds dist/vserver, bootstraps
# Debian from its archive as a guest named "web", and boots and asks it. Run it again at any time: what
# is there already is kept.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || {
  echo 'start: guests need root: run sudo npm start' >&2
  exit 6
}
guest=web
made=
step() { printf '\n[%s/4] %s\n' "$1" "$2" >&2; }

# The child gets Ctrl-C too and cleans up after itself; what this run had finished is undone here.
interrupted() {
  trap '' INT TERM HUP
  if [ -n "$made" ] && dist/vserver list --quiet | grep -qx "$guest"; then
    dist/vserver kill "$guest" >&2
    dist/vserver destroy --yes "$guest" >&2
  fi
  echo 'start: interrupted; what this run made of the guest is removed' >&2
  exit 130
}
trap interrupted INT TERM HUP

step 1 'dist/vserver: one static file'
VSERVER_PREREQUISITES=start sh build/build.sh

step 2 "guest \"$guest\", Debian trixie from its own archive"
if dist/vserver list --quiet | grep -qx "$guest"; then
  echo "$guest is there already"
else
  made=1
  dist/vserver create "$guest" --from debian:trixie
fi

step 3 'boot'
dist/vserver start "$guest" --wait

step 4 'ask its systemd'
echo "\$ vserver exec $guest -- systemctl is-system-running"
dist/vserver exec "$guest" -- systemctl is-system-running
trap - INT TERM HUP
dist/vserver list

cat <<NEXT

"$guest" runs. What to type next:

  sudo install dist/vserver /usr/local/bin/   # the whole product is this one file
  sudo vserver enter $guest                     # a shell in it
  sudo vserver status $guest                    # what it is
  sudo vserver stop $guest                      # ends it
  sudo vserver destroy $guest                   # and away with it
  sudo npm test                               # everything that is tested
NEXT
