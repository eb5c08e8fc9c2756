#!/bin/bash
# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

# Make a disk of a Debian as one does who is in a hurry: mmdebstrap, a password
# for root, an account, keys and a history left, a swap file, /dev/sda1 in
# fstab, and no boot loader installed.  For doc/source/user/comparison.rst.
#
#     benchmarks/careless.sh careless.raw        (as root; 3 min)

set -eu
set -o pipefail

disk=${1:?which file is to be made?}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mmdebstrap --mode=root --variant=important \
    --include=linux-image-amd64,grub-pc,openssh-server,isc-dhcp-client,ifupdown,vim-tiny \
    bookworm "$tree"
echo careless > "$tree/etc/hostname"
chroot "$tree" useradd --create-home --shell /bin/bash --groups sudo admin
printf 'root:secret\nadmin:admin\n' | chroot "$tree" chpasswd
sed -i 's/^#PermitRootLogin.*/PermitRootLogin yes/' "$tree/etc/ssh/sshd_config"
printf 'auto lo\niface lo inet loopback\nauto ens3\niface ens3 inet dhcp\n' \
    > "$tree/etc/network/interfaces"
printf '/dev/sda1 / ext4 errors=remount-ro 0 1\n/swapfile none swap sw 0 0\n' \
    > "$tree/etc/fstab"
dd if=/dev/zero of="$tree/swapfile" bs=1M count=64 status=none
mkswap --quiet "$tree/swapfile"
printf 'apt update\napt install vim\n' > "$tree/root/.bash_history"
mkdir -m 700 "$tree/root/.ssh"
ssh-keygen -q -t ed25519 -N '' -f "$tree/root/.ssh/id_ed25519"
cp "$tree/root/.ssh/id_ed25519.pub" "$tree/root/.ssh/authorized_keys"

rm -f "$disk"
truncate --size=2G "$disk"
sgdisk --new=1:2048:0 --typecode=1:8300 "$disk" > /dev/null
mke2fs -q -t ext4 -d "$tree" -E offset=1048576 "$disk" 2095104k
