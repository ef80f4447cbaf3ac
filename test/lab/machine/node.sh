#!/lab/busybox sh
# Makes `node` from what the single file has unpacked, with its own loader and libraries: a copy whose
# fuse for carried programs is switched off. $1: where in the file the fuse is.
set -eu
box=/lab/busybox
vserver --quiet --version
for build in /var/lib/vserver/runtime/*; do [ ! -e "$build/node" ] || found=$build; done
$box mkdir -p /lab/bin
$box cp "$found/node" /lab/node
[ "$($box dd if=/lab/node bs=1 skip="$1" count=1 2>/dev/null)" = 1 ]
printf 0 | $box dd of=/lab/node bs=1 seek="$1" count=1 conv=notrunc 2>/dev/null
cat >/lab/bin/node <<END
#!/lab/busybox sh
exec $found/ld-linux-x86-64.so.2 --library-path $found --argv0 node /lab/node \
  --import /lab/tree/test/lab/machine/exec-path.ts "\$@"
END
$box chmod 755 /lab/bin/node
/lab/bin/node --version
