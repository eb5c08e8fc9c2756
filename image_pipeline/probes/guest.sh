#!/bin/sh
# Runs in a booted guest: asks each probe and sends the answers over the
# serial console, framed as image_pipeline/probes/protocol.py says.  POSIX sh,
# with coreutils (or busybox) and awk; no Python, no network.
#
# Set before: IP_NONCE, IP_DIR (probes lie in $IP_DIR/probes), IP_WAIT (seconds
# to wait for the end of the boot), IP_ROUNDS (how often everything is sent).
# For tests: IP_TTY (where to write), IP_PAUSE (seconds between rounds).
set -u
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
cd / || exit 1

# The last serial console of the kernel; the first port if it has none, so
# that an image without a serial console can still be told so.
tty=${IP_TTY:-}
if [ -z "$tty" ]; then
    tty=/dev/ttyS0
    for name in $(cat /sys/class/tty/console/active 2>/dev/null); do
        case $name in
            ttyS* | ttyAMA* | hvc* | ttysclp* | ttyUL* | ttySC*)
                tty=/dev/$name
                ;;
        esac
    done
    [ -c "$tty" ] || tty=/dev/console
fi
boot=$(cut -c 1-8 /proc/sys/kernel/random/boot_id)

# frames NAME STATUS WHOLE < TEXT: the text's frames, a line each.
frames() {
    {
        printf '%s %s\n' "$2" "$3"
        cat
    } | base64 | tr -d '\n' | fold -w 240 >"$IP_DIR/chunks"
    echo >>"$IP_DIR/chunks"
    count=0
    while read -r chunk; do
        [ -z "$chunk" ] || count=$((count + 1))
    done <"$IP_DIR/chunks"
    seq=0
    while read -r chunk; do
        [ -n "$chunk" ] || continue
        head="$IP_NONCE $boot $1 $seq $count ${#chunk}"
        sum=$(printf '%s %s' "$head" "$chunk" | sha256sum)
        sum=${sum%"${sum#????????????????}"}
        echo "@image-pipeline@ $head $sum $chunk@"
        seq=$((seq + 1))
    done <"$IP_DIR/chunks"
}

# A getty that starts hangs the line up, so it is opened for each frame; the
# empty line parts the frame from what others left unfinished.
send() {
    while read -r line; do
        printf '\n%s\n' "$line" >>"$tty" 2>/dev/null
    done <"$1"
}

# cloud-init is done when its result is there, the boot when no start job is
# left.  Both end by themselves or by IP_WAIT.
booted() {
    [ -s /run/cloud-init/result.json ] || return 1
    case $(systemctl is-system-running 2>/dev/null) in
        initializing | starting) return 1 ;;
    esac
}

ask() {
    limit=
    command -v timeout >/dev/null 2>&1 && limit='timeout 60'
    $limit sh "$1" >"$IP_DIR/answer" 2>/dev/null </dev/null
    status=$?
    whole=1
    [ "$(wc -c <"$IP_DIR/answer")" -le 6000 ] || whole=0
    head -c 6000 "$IP_DIR/answer" | frames "${1##*/}" "$status" "$whole"
}

frames hello 0 1 </proc/uptime >"$IP_DIR/frames"
send "$IP_DIR/frames"
waited=0
while [ "$waited" -lt "$IP_WAIT" ] && ! booted; do
    sleep 1
    waited=$((waited + 1))
    # A sign of life: a console that is silent for long means a hang.
    [ $((waited % 10)) -ne 0 ] || send "$IP_DIR/frames"
done
for probe in "$IP_DIR"/probes/*; do
    ask "$probe" >>"$IP_DIR/frames"
done
round=0
while [ "$round" -lt "$IP_ROUNDS" ]; do
    [ "$round" -eq 0 ] || sleep "${IP_PAUSE:-5}"
    send "$IP_DIR/frames"
    round=$((round + 1))
done
