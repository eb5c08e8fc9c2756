#!/bin/busybox sh
# The first process of the tiny image: what cloud-init does for the probes, by
# busybox alone.  It takes its lease by DHCP, reads a config drive or asks the
# metadata service, and runs the user data.  tiny=WAY on the kernel's command
# line makes it go wrong in a known way; see tiny_image.py.
/bin/busybox mkdir -p /bin /sbin /proc /sys /dev /run /tmp /mnt /root \
    /etc/ssh /var/lib/cloud/data /run/cloud-init /home/debian/.ssh
/bin/busybox --install -s /bin
PATH=/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
for word in $(cat /proc/cmdline); do
    case $word in tiny=*) way=${word#tiny=} ;; esac
done
cat /proc/version
[ "${way:-}" != panic ] || exit 1
while read -r module; do
    insmod "/modules/$module" 2>/dev/null
done </modules/order
echo 'Run /init as init process'
echo 'Welcome to tiny!'
case ${way:-} in
    silent) while :; do sleep 1000; done ;;
    emergency)
        echo 'You are in emergency mode. After logging in, type' \
            '"journalctl -xb" to view'
        while :; do
            sleep 1000
        done
        ;;
    off) poweroff -f ;;
    login)
        echo 'tiny login: '
        while :; do
            sleep 1000
        done
        ;;
esac
# Like a real guest, it stops when the power button is pressed.
for event in /dev/input/event*; do
    [ -c "$event" ] || continue
    grep -qs /button/ "/sys/class/input/${event##*/}/device/phys" || continue
    (head -c 1 "$event" >/dev/null && sync && poweroff -f) &
done

echo "Cloud-init v. 22.4.2 running 'init-local' at $(date -R)." \
    "Up $(cut -d ' ' -f 1 /proc/uptime) seconds."

# udhcpc calls this with what it was given.
cat >/bin/lease <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ifconfig "$interface" "$ip" netmask "$subnet" up
[ -z "$router" ] || route add default gw "${router%% *}" dev "$interface"
set -- $staticroutes
while [ -n "$2" ]; do
    case $1 in
        0.0.0.0/0) ;;
        */32) route add -host "${1%/32}" gw "$2" dev "$interface" ;;
        *) route add -net "$1" gw "$2" dev "$interface" ;;
    esac
    shift 2
done
END
chmod 755 /bin/lease
ifconfig lo 127.0.0.1 up

card=
for link in /sys/class/net/*; do
    [ -e "$link/device" ] && card=${link##*/}
done
ip=.
if [ -n "$card" ] && [ "${way:-}" != no-network ]; then
    ifconfig "$card" up
    udhcpc -i "$card" -n -q -t 8 -T 2 -O 121 -s /bin/lease
    ip=$(ifconfig "$card" | sed -n 's/.*inet addr:\([0-9.]*\).*/\1/p')
fi
if [ -n "$card" ]; then
    up=True
    [ -n "$ip" ] && [ "$ip" != . ] || { up=False; ip=.; }
    echo "ci-info: | Device |   Up  |  Address  |"
    echo "ci-info: | $card | $up | $ip | . | . |" \
        "$(cat "/sys/class/net/$card/address") |"
fi

data=/run/metadata
mkdir -p "$data"
source=None
if [ "${way:-}" != no-metadata ]; then
    for drive in /dev/vdb /dev/vdc /dev/sr0 /dev/sr1; do
        [ -b "$drive" ] || continue
        mount -t iso9660 -o ro "$drive" /mnt 2>/dev/null || continue
        if [ -e /mnt/openstack/latest/meta_data.json ]; then
            cp /mnt/openstack/latest/* "$data"
            source="ConfigDrive [net,ver=2][source=$drive]"
        fi
        umount /mnt
        [ "$source" = None ] || break
    done
    url=http://169.254.169.254/openstack
    tries=0
    while [ "$source" = None ] && [ "$ip" != . ] && [ "$tries" -lt 10 ]; do
        if timeout 10 wget -q -O "$data/meta_data.json" \
            "$url/latest/meta_data.json"; then
            timeout 10 wget -q -O "$data/user_data" "$url/latest/user_data" ||
                rm -f "$data/user_data"
            source='OpenStack [net,ver=2]'
            break
        fi
        tries=$((tries + 1))
        echo "url_helper.py[WARNING]: Calling '$url' failed" \
            "[$((tries * 2))/20s]: request error"
        sleep 2
    done
fi

# field NAME: a text of the metadata.
field() {
    sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$data/meta_data.json"
}
finish() {
    echo "{\"v1\": {\"datasource\": \"DataSource$source\"," \
        "\"errors\": [$1]}}" >/run/cloud-init/result.json
    echo "Cloud-init v. 22.4.2 finished at $(date -R)." \
        "Datasource DataSource$source." \
        "Up $(cut -d ' ' -f 1 /proc/uptime) seconds"
}
if [ "$source" != None ]; then
    id=$(field uuid)
    hostname "$(field hostname | cut -d . -f 1)"
    echo "$id" >/var/lib/cloud/data/instance-id
    sed -n 's/.*"\(ssh-[a-z0-9]* [A-Za-z0-9+\/=]*[^"\\]*\).*/\1/p' \
        "$data/meta_data.json" >/home/debian/.ssh/authorized_keys
    chmod 600 /home/debian/.ssh/authorized_keys
    # Who it is stays on the disk, in the gap before the first partition, for
    # the next boot of this instance; another instance is somebody else.
    disk=
    for try in /dev/vda /dev/sda /dev/vdb; do
        [ -b "$try" ] && disk=$try && break
    done
    [ -z "$disk" ] || dd if="$disk" of=/run/kept bs=512 skip=64 count=2 \
        2>/dev/null
    if [ "$(head -n 1 /run/kept 2>/dev/null)" = "$id" ]; then
        machine=$(sed -n 2p /run/kept)
        key=$(sed -n 3p /run/kept)
    else
        machine=$(tr -d - </proc/sys/kernel/random/uuid)
        key=$(head -c 32 /dev/urandom | base64)
        [ "${way:-}" != clone ] || machine=0123456789abcdef0123456789abcdef
        { echo "$id"; echo "$machine"; echo "$key"; } >/run/keep
        [ -z "$disk" ] || { dd if=/run/keep of="$disk" bs=512 seek=64 \
            conv=sync,notrunc 2>/dev/null; sync; }
    fi
    echo "$machine" >/etc/machine-id
    echo "ssh-ed25519 $key root@tiny" >/etc/ssh/ssh_host_ed25519_key.pub
    while :; do
        echo 'SSH-2.0-tiny' | nc -l -p 22
    done >/dev/null 2>&1 &
    if [ -s "$data/user_data" ] && [ "${way:-}" != no-user-data ]; then
        chmod 755 "$data/user_data"
        if ! (head -n 1 "$data/user_data" | grep -q '^#!' &&
            "$data/user_data"); then
            echo 'cc_scripts_user.py[WARNING]: Failed to run module' \
                'scripts_user (scripts in /var/lib/cloud/instance/scripts)'
            finish '"Failed to run module scripts_user"'
        fi
    fi
fi
[ -e /run/cloud-init/result.json ] || finish ''
echo "$(hostname) login: "
while :; do
    sleep 1000
done
