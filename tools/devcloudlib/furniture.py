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


"""What the devcloud's namespaces have inside: mounts and interfaces."""

import shutil
import subprocess
import time
from pathlib import Path

from devcloudlib import config_nova, errors, instance, network

#: A store that a test can fill.
_SMALL = '64m'


def mounts(cloud: instance.Instance) -> None:
    """Mount what the services must not share with the host.

    :param cloud: the devcloud.
    """
    state = cloud.state
    _mount('--make-rprivate', '/')
    _mount('-t', 'proc', 'proc', '/proc')
    # /sys/class/net shows the host's interfaces until it is mounted anew, and
    # Neutron's agent would never see a server's.
    _mount('-t', 'sysfs', 'sysfs', '/sys')
    for folder in ('/run/libvirt', '/run/netns'):
        Path(folder).mkdir(parents=True, exist_ok=True)
        _mount('-t', 'tmpfs', 'tmpfs', folder)
    _mount('--make-shared', '/run/netns')

    for name in (
        *('nova/instances', 'neutron', 'lock', 'made', 'keys'),
        *('glance/staging', 'glance/tasks', 'glance/stores/fast'),
        *('glance/stores/slow', 'glance/stores/small'),
        *('glance_two/staging', 'glance_two/tasks', 'glance_two/stores/fast'),
    ):
        (state / name).mkdir(parents=True, exist_ok=True)
    _mount(
        *('-t', 'tmpfs', '-o', f'size={_SMALL}', 'tmpfs'),
        str(state / 'glance' / 'stores' / 'small'),
    )
    # Queues are of one boot only.
    shutil.rmtree(state / 'rabbit', ignore_errors=True)
    (state / 'rabbit').mkdir()
    (state / 'rabbit' / 'plugins').write_text('[].\n')
    _libvirt(cloud)


def _libvirt(cloud: instance.Instance) -> None:
    kept = cloud.state / 'libvirt'
    if not kept.exists():
        shutil.copytree('/var/lib/libvirt', kept, symlinks=True)
    _mount('--bind', str(kept), '/var/lib/libvirt')
    # Of the host's: no networks, no guests, no secrets.
    etc = cloud.state / 'etc-libvirt'
    (etc / 'qemu').mkdir(parents=True, exist_ok=True)
    for name in ('qemu.conf', 'libvirtd.conf'):
        shutil.copy(cloud.etc / name, etc / name)
    _mount('--bind', str(etc), '/etc/libvirt')
    log = cloud.log / 'libvirt'
    log.mkdir(exist_ok=True)
    _mount('--bind', str(log), '/var/log/libvirt')


def interfaces(cloud: instance.Instance) -> None:
    """Wait for the host's end of the network, and make the guests'.

    :param cloud: the devcloud.
    :raises DevcloudError: if the host does not join it.
    """
    chosen = cloud.settings()
    deadline = time.monotonic() + 60
    while not Path('/sys/class/net', network.INSIDE).exists():
        if time.monotonic() > deadline:
            raise errors.DevcloudError('the host did not join the network')
        time.sleep(0.05)
    network.ip('link', 'set', 'lo', 'up')
    address = f'{chosen.address}/30'
    network.ip('address', 'add', address, 'dev', network.INSIDE)
    network.ip('link', 'set', network.INSIDE, 'up')
    # Neutron bridges one end; the other one is the guests' gateway.
    ends = ('prov0', config_nova.BRIDGED)
    network.ip('link', 'add', ends[0], 'type', 'veth', 'peer', ends[1])
    gateway = f'{chosen.gateway}/{chosen.guests.prefixlen}'
    network.ip('address', 'add', gateway, 'dev', ends[0])
    for end in ends:
        network.ip('link', 'set', end, 'up')
    # From the host to the guests; the namespace leads nowhere else.
    Path('/proc/sys/net/ipv4/ip_forward').write_text('1\n')


def _mount(*argv: str) -> None:
    done = subprocess.run(
        ['mount', *argv], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise errors.DevcloudError(
            f'mount {" ".join(argv)}: {done.stderr.strip()}'
        )
