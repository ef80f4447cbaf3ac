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
  $box rm -f /run/lab-job
  {
    # A session of its own, so that all of it can be killed: a child that lives on holds the pipe open.
    # In the foreground, for what a shell starts in the background ignores SIGINT.
    $box setsid $box sh -c "$box sleep $limit; kill -KILL -\$($box cat /run/lab-job)" \
      >/dev/null 2>&1 3>&- &
    watch=$!
    $box setsid sh -c 'echo $$ >/run/lab-job; exec sh /run/lab-script 2>&1' </dev/null 3>&-
    echo $? >/run/lab-code
    kill -KILL -$watch || kill -KILL $watch
    wait $watch
  } 2>/dev/null | $box awk -v number="$number" '{ print "@" number "| " $0; fflush() }' >&3
  echo "@$number= $($box cat /run/lab-code)" >&3
done
