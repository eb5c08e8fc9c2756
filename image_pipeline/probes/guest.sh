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

# queue NAME STATUS FILE: cut a file into the chunks of an answer, each with
# the head of its frame in $IP_DIR/queue.  base64 wraps at 76 characters
# everywhere, so a chunk is three of its lines; 36 chunks are 6156 bytes.
# What the shell does itself costs nothing; a fork costs 10 ms and more where
# guests are emulated.
queue() {
    base64 <"$3" >"$IP_DIR/base64"
    lines=0
    while read -r line; do
        lines=$((lines + 1))
    done <"$IP_DIR/base64"
    count=$(((lines + 2) / 3))
    whole=1
    [ "$count" -gt 0 ] || count=1
    if [ "$count" -gt 36 ]; then
        count=36
        whole=0
    fi
    seq=0
    while [ "$seq" -lt "$count" ]; do
        chunk=
        for part in 1 2 3; do
            read -r line || line=
            chunk=$chunk$line
        done
        frame="$IP_NONCE $boot $1 $2 $whole $seq $count ${#chunk} $chunk"
        printf '%s' "$frame" >"$IP_DIR/queue/$number"
        number=$((number + 1))
        seq=$((seq + 1))
    done <"$IP_DIR/base64"
}

# frames: what is queued, as lines in $IP_DIR/frames.  One sha256sum for all.
frames() {
    (cd "$IP_DIR/queue" && sha256sum ./*) >"$IP_DIR/sums"
    while read -r sum name; do
        sum=${sum%"${sum#????????????????}"}
        IFS= read -r frame <"$IP_DIR/queue/$name" || :
        echo "@image-pipeline@ $sum $frame@"
    done <"$IP_DIR/sums" >"$IP_DIR/frames"
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
    $limit sh "$1" >"$IP_DIR/answer" 2>/dev/null </dev/null
    queue "${1##*/}" "$?" "$IP_DIR/answer"
}

mkdir -p "$IP_DIR/queue"
number=1000
limit=
command -v timeout >/dev/null 2>&1 && limit='timeout 60'
queue hello 0 /proc/uptime
frames
send "$IP_DIR/frames"
waited=0
while [ "$waited" -lt "$IP_WAIT" ] && ! booted; do
    sleep 1
    waited=$((waited + 1))
    # A sign of life: a console that is silent for long means a hang.
    [ $((waited % 10)) -ne 0 ] || send "$IP_DIR/frames"
done
# Seconds of uptime, before and after: what the questions cost.  That frame
# is the first one, since nobody listens any more after the last answer.
read -r begun _ </proc/uptime
number=1002
for probe in "$IP_DIR"/probes/*; do
    ask "$probe"
done
read -r ended _ </proc/uptime
echo "$begun $ended" >"$IP_DIR/answer"
number=1001
queue asked 0 "$IP_DIR/answer"
frames
round=0
while [ "$round" -lt "$IP_ROUNDS" ]; do
    [ "$round" -eq 0 ] || sleep "${IP_PAUSE:-5}"
    send "$IP_DIR/frames"
    round=$((round + 1))
done
