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

import pytest

from image_pipeline.probes import console

Cause = console.Cause

# What real consoles end with, by what went wrong.
FATAL = {
    Cause.NO_BOOT_LOADER: [
        'SeaBIOS (version 1.16.2)\nBooting from Hard Disk...\n'
        'Boot failed: not a bootable disk\n\nNo bootable device.',
        'BdsDxe: failed to load Boot0001 "UEFI Misc Device": Not Found\n'
        'UEFI Interactive Shell v2.2',
        'BdsDxe: No bootable option or device was found.',
    ],
    Cause.BOOT_LOADER: [
        'Booting from Hard Disk...\nerror: no such device: 1111-2222.\n'
        'Entering rescue mode...\ngrub rescue> ',
        'GNU GRUB  version 2.06\n\n   Minimal BASH-like line editing is '
        'supported.\n\ngrub> ',
        'SYSLINUX 6.04 EDD 20210613\nCould not find kernel image: linux\n'
        'boot: ',
    ],
    Cause.KERNEL_PANIC: [
        '[    1.58] Kernel panic - not syncing: Attempted to kill init!',
    ],
    Cause.NO_ROOT: [
        'Gave up waiting for root file system device.\n'
        'ALERT!  UUID=11 does not exist.  Dropping to a shell!\n(initramfs) ',
        '[  190.1] dracut-initqueue[300]: Warning: dracut-initqueue: timeout',
        '[    1.5] VFS: Cannot open root device "vda3" or unknown-block(0,0)\n'
        '[    1.6] Kernel panic - not syncing: VFS: Unable to mount root fs',
    ],
    Cause.EMERGENCY: [
        'You are in emergency mode. After logging in, type "journalctl -xb"',
        'Cannot open access to console, the root account is locked.',
    ],
    Cause.RESET_LOOP: ['SeaBIOS (version 1.16.2)\nBooting\n' * 5],
    Cause.NO_DATASOURCE: [
        '[   57.0] cloud-init[506]: Cloud-init v. 22.4.2 finished at Sat, 21 '
        'Nov 2026 04:27:45 +0000. Datasource DataSourceNone.  Up 56.97 s',
    ],
    Cause.NO_NETWORK: [
        'ci-info: +++++++Net device info+++++++\n'
        'ci-info: | Device |   Up  |  Address  |    Mask   | Scope |\n'
        'ci-info: | enp1s0 | False |     .     |     .     |   .   |\n'
        'ci-info: |   lo   |  True | 127.0.0.1 | 255.0.0.0 |  host |\n'
        'Cloud-init v. 22.4.2 finished at Sat. Datasource DataSourceNone.',
        'DHCPDISCOVER on eth0 to 255.255.255.255 port 67 interval 13\n'
        'No DHCPOFFERS received.\n'
        'Cloud-init v. 22.4.2 finished at Sat. Datasource DataSourceNone.',
    ],
    Cause.NO_METADATA: [
        'ci-info: |  eth0  |  True | 10.0.0.5  |     .     | global |\n'
        "url_helper.py[WARNING]: Calling 'http://169.254.169.254/openstack' "
        'failed [50/-1s]: request error\n'
        'Cloud-init v. 22.4.2 finished at Sat. Datasource DataSourceNone.',
    ],
}

# What a boot that does not go on has said before.
STUCK = {
    Cause.BOOT_LOADER: [
        'SeaBIOS (version 1.16.2)\nWelcome to GRUB!\n'
        "error: file `/boot/vmlinuz-6.1.0-49' not found.",
    ],
    Cause.NO_NETWORK: [
        'Linux version 6.1.0\nsystemd[1]: started\n[  FAILED  ] Failed to '
        'start ifup.service - Raise network interfaces.',
        'Linux version 6.1.0\nsystemd[1]: started\n[ ***] A start job is '
        'running for Wait for Network to be Configured (1min / no limit)',
    ],
    Cause.NO_METADATA: [
        'Linux version 6.1.0\nCloud-init v. 22.4.2 running\n'
        'ci-info: |  eth0  |  True | 10.0.0.5  |     .     | global |\n'
        "Calling 'http://169.254.169.254/2009-04-04/meta-data/instance-id' "
        'failed [0/120s]: bad status code [500]',
        'Linux version 6.1.0\nCloud-init v. 22.4.2 running\n[ ***] A start '
        'job is running for Initial cloud-init job (1min 3s / no limit)',
    ],
    Cause.CLOUD_INIT_ERROR: [
        'Linux version 6.1.0\nCloud-init v. 22.4.2 running\n'
        'cloud-init[412]: Traceback (most recent call last):\n'
        "cloud-init[412]: KeyError: 'x'",
        'Linux version 6.1.0\nCloud-init v. 22.4.2 running\n[FAILED] Failed '
        'to start cloud-final.service - Execute cloud user/final scripts.',
    ],
}


@pytest.mark.parametrize(
    ('cause', 'text'),
    [(cause, text) for cause, texts in FATAL.items() for text in texts],
)
def test_boot_that_cannot_succeed_is_told_by_its_console(
    cause: console.Cause, text: str
) -> None:
    found = console.fatal(text)
    assert found and found.cause is cause
    assert found.tail[-1] == text.splitlines()[-1]


@pytest.mark.parametrize(
    ('cause', 'text'),
    [(cause, text) for cause, texts in STUCK.items() for text in texts],
)
def test_silence_is_explained_by_what_was_said_before(
    cause: console.Cause, text: str
) -> None:
    # It may still go on: alone it is no reason to give up.
    assert console.fatal(text) is None
    assert console.silence(text, 30).cause is cause
    assert console.too_slow(text, 300).cause is cause


def test_colours_whose_escape_the_cloud_took_away_are_no_text() -> None:
    said = b'[[0;32m  OK  [0m] Started x\n[    0.000000] Linux version'
    assert console.text_of(said) == (
        '[  OK  ] Started x\n[    0.000000] Linux version'
    )


@pytest.mark.parametrize(
    'text',
    [
        '',
        'SeaBIOS (version 1.16.2)\nBooting from Hard Disk...\nGRUB loading..',
        'BdsDxe: failed to load Boot0001 "UEFI QEMU DVD-ROM": Not Found\n'
        'BdsDxe: starting Boot0002 "UEFI Misc Device"\nWelcome to GRUB!',
        '[    0.0] Command line: root=UUID=1 panic=10 emergency_restart\n'
        'systemd[1]: Reached target emergency.target - Emergency Mode.',
        'Cloud-init v. 22.4.2 finished at Sat. Datasource '
        'DataSourceConfigDrive [net,ver=2][source=/dev/sr0].  Up 52.09 s',
        'SeaBIOS (version 1.16.2)\n' * 2,
    ],
)
def test_boot_that_may_succeed_is_left_alone(text: str) -> None:
    assert console.fatal(text) is None


def test_colours_cursor_moves_and_answers_are_not_shown() -> None:
    raw = (
        b'\x1b[2J\x1b[01;01H[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mx'
        b'\r\n@image-pipeline@ 00 secret@\r\nlast\r\n'
    )
    text = console.text_of(raw)
    assert text == '[  OK  ] Started x\nlast'


def test_tail_has_the_last_lines_that_say_something() -> None:
    text = '\n'.join(f'line {number}\n\n' for number in range(40))
    tail = console.tail_of(text)
    assert tail[-1] == 'line 39' and len(tail) == console.TAIL


@pytest.mark.parametrize(
    ('cause', 'text', 'words'),
    [
        (Cause.SILENT, '', 'power-on'),
        (Cause.SILENT, 'SeaBIOS (version 1)\nBooting from Hard', 'firmware'),
        (Cause.SILENT, 'GRUB loading..', 'boot loader'),
        (Cause.HANG, '[ 0.0] Linux version 6.1', 'the kernel'),
        (Cause.HANG, 'systemd[1]: Starting x', 'the system'),
        (Cause.HANG, 'Cloud-init v. 22 running', 'the start of cloud-init'),
        (Cause.HANG, 'Cloud-init v. 22 running\nhost login: ', 'a login'),
        (Cause.NO_CLOUD_INIT, 'Linux version 6\nhost login: ', 'not run'),
        (
            Cause.NO_ANSWER,
            'Cloud-init v. 22.4 finished at x. Datasource DataSourceOpenStack',
            'user data',
        ),
    ],
)
def test_silence_is_called_by_how_far_the_boot_got(
    cause: console.Cause, text: str, words: str
) -> None:
    found = console.silence(text, 30)
    assert found.cause is cause
    assert words in found.message


def test_machine_that_stopped_after_a_panic_panicked() -> None:
    text = 'Linux version 6\nKernel panic - not syncing: oops\nRebooting..'
    assert console.stopped(text).cause is Cause.KERNEL_PANIC
    assert console.stopped('Linux version 6').cause is Cause.STOPPED


def test_failed_user_data_is_an_error_of_cloud_init() -> None:
    text = (
        'cc_scripts_user.py[WARNING]: Failed to run module scripts-user\n'
        'Cloud-init v. 22 finished at x. Datasource DataSourceConfigDrive'
    )
    assert console.no_answer(text).cause is Cause.CLOUD_INIT_ERROR
