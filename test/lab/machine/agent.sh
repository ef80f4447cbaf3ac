#!/lab/busybox sh
# Runs what the lab asks for over the second serial line, one command at a time. Each line of the answer
# begins with the number of the command; protocol.ts says how.
box=/lab/busybox
line=/dev/ttyS1
$box stty -F $line raw -echo -onlcr
exec 3<>$line

# A person's shell on the first serial line; the machine goes off when it ends.
case " $($box cat /proc/cmdline) " in
*' lab.shell '*)
  $box sh -c "cd /; $box stty -F /dev/ttyS0 sane; PATH=$PATH HOME=/root TERM=vt100 \
    $box setsid -c sh -i <>/dev/ttyS0 >&0 2>&1; echo b >/proc/sysrq-trigger" 3>&- &
  ;;
esac

echo "@ready $($box uname -r)" >&3
while read -r number limit script <&3; do
  echo "$script" | $box base64 -d >/run/lab-script
  {
    $box timeout -s KILL "$limit" sh /run/lab-script </dev/null 2>&1 3>&-
    echo $? >/run/lab-code
  } | $box awk -v number="$number" '{ print "@" number "| " $0; fflush() }' >&3
  echo "@$number= $($box cat /run/lab-code)" >&3
done
