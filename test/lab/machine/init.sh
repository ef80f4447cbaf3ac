#!/bin/busybox sh
# First program of a machine: loads what its disks need, mounts them by their serial numbers, and hands
# over to the init of the host. Ending here is a kernel panic, which the lab reports with these words.
set -eu
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev

while read -r module; do insmod "/modules/$module"; done </modules/order

# The block device with this serial number; nothing when the machine has none.
disk() {
  for device in /sys/block/vd*; do
    if [ "$(cat "$device/serial")" = "$1" ]; then echo "/dev/${device##*/}"; fi
  done
}

fail() {
  echo "lab: $*"
  exit 1
}

mount -o noatime "$(disk root)" /host || fail 'cannot mount the disk of the host'
mkdir -p /host/lab/tree /host/usr/local/bin /host/lib/modules
mount -o ro "$(disk modules)" /host/lib/modules || fail 'cannot mount the modules'
tree=$(disk tree)
if [ -n "$tree" ]; then
  mount -o ro "$tree" /tree || fail 'cannot mount the tree under test'
  cp /tree/dist/vserver /host/usr/local/bin/vserver || fail 'cannot copy vserver: no space left?'
  case " $(cat /proc/cmdline) " in
  *' lab.tree '*) mount -o move /tree /host/lab/tree ;;
  *) umount /tree ;;
  esac
fi
state=$(disk state)
if [ -n "$state" ]; then
  mkdir -p /host/var/lib/vserver
  mount "$state" /host/var/lib/vserver || fail 'cannot mount the disk of the state'
  chmod 700 /host/var/lib/vserver
fi
cp /machine/* /host/lab/
init=$(sed -n 's/.*\blab\.init=\([^ ]*\).*/\1/p' /proc/cmdline)
mount -o move /dev /host/dev
umount /sys /proc
exec switch_root /host "$init"
