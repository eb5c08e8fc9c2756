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

"""What a console says of a boot that goes wrong.

The text may come from a file or from Nova's API, cut off at the front.  It
holds what firmware, boot loader, kernel and guest print to the serial port,
nothing else is known of a guest that does not answer.
"""

import dataclasses
import enum
import re

from image_pipeline.probes import protocol, symptoms

#: Lines of the console that an error shows.
TAIL = 15


class Cause(enum.StrEnum):
    """Why a boot did not get to the answers."""

    NO_BOOT_LOADER = 'no-boot-loader'
    BOOT_LOADER = 'boot-loader'
    KERNEL_PANIC = 'kernel-panic'
    NO_ROOT = 'no-root'
    EMERGENCY = 'emergency-shell'
    RESET_LOOP = 'reset-loop'
    STOPPED = 'stopped'
    SILENT = 'silent-console'
    HANG = 'hang'
    NO_CLOUD_INIT = 'no-cloud-init'
    NO_DATASOURCE = 'no-datasource'
    NO_NETWORK = 'no-network'
    NO_METADATA = 'no-metadata'
    CLOUD_INIT_ERROR = 'cloud-init-error'
    NO_ANSWER = 'no-answer'
    TIME_LIMIT = 'time-limit'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Why a boot did not get to the answers, as far as its console tells.

    :param cause: by what the reader can do about it.
    :param message: what happened, one line.
    :param tail: the console's last lines, without colours and answers.
    """

    cause: Cause
    message: str
    tail: tuple[str, ...] = ()


# From the most specific to the least: a kernel without a root panics too,
# and that is the consequence.  Each is printed by, in this order:
# initramfs-tools, dracut and the kernel; the kernel; systemd and sulogin;
# SeaBIOS, edk2 and the boot sector of syslinux; GRUB and syslinux.
_FATAL: tuple[tuple[Cause, str, re.Pattern[str]], ...] = (
    (
        Cause.NO_ROOT,
        'the root file system was not found',
        re.compile(
            r'ALERT!\s+\S+ does not exist'
            r'|Gave up waiting for (root|suspend/resume)'
            r'|Dropping to a shell!|^\(initramfs\)'
            r'|dracut-initqueue.*(timeout|Could not boot)'
            r'|VFS: (Cannot open root device|Unable to mount root fs)',
            re.MULTILINE,
        ),
    ),
    (
        Cause.KERNEL_PANIC,
        'the kernel panicked',
        re.compile(r'Kernel panic - not syncing.*'),
    ),
    (
        Cause.EMERGENCY,
        'the system went to an emergency shell',
        re.compile(
            r'You are in (emergency|rescue) mode|Welcome to emergency mode'
            r'|Entering emergency mode|Press Enter for maintenance'
            r'|Give root password for maintenance'
            r'|access to console, the root account is locked'
        ),
    ),
    (
        Cause.NO_BOOT_LOADER,
        'the firmware found no boot loader on the disk',
        re.compile(
            r'No bootable device|Boot failed: not a bootable disk'
            r'|No bootable option or device was found|UEFI Interactive Shell'
            r'|Missing operating system|No operating system found'
        ),
    ),
    (
        Cause.BOOT_LOADER,
        'the boot loader stopped at its prompt',
        re.compile(
            r'grub rescue>|^grub> ?$|Minimal BASH-like line editing'
            r'|Could not find kernel image|Failed to load ldlinux\.c32'
            r'|No DEFAULT or UI configuration directive found',
            re.MULTILINE,
        ),
    ),
)
_FINISHED = re.compile(
    r'Cloud-init v\. \S+ finished at .*?Datasource (DataSource\w+)', re.DOTALL
)
_CLOUD_INIT = re.compile(r'Cloud-init v\. ')
_FIRMWARE = re.compile(r'SeaBIOS \(version|BdsDxe: starting Boot')
_LOGIN = re.compile(r' login: ?$', re.MULTILINE)
#: How often a machine may start before that is called a loop: SELinux labels
#: a file system and restarts once, and firmware may start twice.
_STARTS = 4
_LOADER = 'the start of the boot loader'
# What a boot passes, the last first.
_MILESTONES = (
    ('the end of cloud-init', _FINISHED),
    ('a login prompt', _LOGIN),
    ('the start of cloud-init', _CLOUD_INIT),
    (
        'the start of the system',
        re.compile(
            r'systemd\[1\]: |^Welcome to (?!GRUB).*!$|OpenRC ', re.MULTILINE
        ),
    ),
    ('the start of the initramfs', re.compile(r'Run /init as init process')),
    ('the start of the kernel', re.compile(r'Linux version|Booting Linux')),
    (
        _LOADER,
        re.compile(
            r'GRUB|Loading Linux|Loading initial ramdisk|EFI stub'
            r'|(SYS|EXT|ISO)LINUX'
        ),
    ),
    (
        'the start of the firmware',
        re.compile(r'SeaBIOS|BdsDxe|UEFI firmware|Booting from'),
    ),
)
_KERNEL = 5  # index of the kernel's start in _MILESTONES
_ESCAPE = re.compile(
    r'\x1b(\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[a-zA-Z0-9=>])'
    # Nova takes the escape itself away (its API gives no control characters).
    r'|\[[0-9]{1,3}(;[0-9]{1,3})*m|\[0m'
)


def text_of(console: bytes) -> str:
    """Return a console's text without colours, cursor moves and answers.

    :param console: what it printed.
    """
    text = console.decode(errors='replace').replace('\r', '')
    text = _ESCAPE.sub('', text)
    return '\n'.join(
        line.rstrip()
        for line in text.splitlines()
        if protocol.MARK not in line
    )


def tail_of(text: str) -> tuple[str, ...]:
    """Return the last lines that say something.

    :param text: of :func:`text_of`.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    return tuple(line[:200] for line in lines[-TAIL:])


def milestone(text: str) -> str:
    """Return how far a boot got, for a sentence such as "hangs after …".

    :param text: of :func:`text_of`.
    """
    for name, pattern in _MILESTONES:
        if pattern.search(text):
            return name
    return 'power-on'


def fatal(text: str) -> Diagnosis | None:
    """Return why a boot cannot succeed any more, or None.

    :param text: of :func:`text_of`.
    """
    for cause, message, pattern in _FATAL:
        found = pattern.search(text)
        if found:
            said = found.group().strip()
            return _diagnosis(cause, f'{message} ("{said[:120]}")', text)
    starts = len(_FIRMWARE.findall(text))
    if starts >= _STARTS:
        return _diagnosis(
            Cause.RESET_LOOP,
            f'the machine restarts again and again ({starts} times)',
            text,
        )
    finished = _FINISHED.search(text)
    if finished and finished[1] == 'DataSourceNone':
        return _unreached(text) or _diagnosis(
            Cause.NO_DATASOURCE,
            'cloud-init found no datasource, neither config drive nor '
            'metadata service',
            text,
        )
    return None


def _unreached(text: str) -> Diagnosis | None:
    network = symptoms.no_network(text)
    if network:
        return _diagnosis(Cause.NO_NETWORK, network, text)
    metadata = symptoms.no_metadata(text)
    return (metadata and _diagnosis(Cause.NO_METADATA, metadata, text)) or None


def _cloud_init_error(text: str) -> Diagnosis | None:
    said = symptoms.cloud_init_error(text)
    return (said and _diagnosis(Cause.CLOUD_INIT_ERROR, said, text)) or None


def finished(text: str) -> bool:
    """Whether cloud-init said that it finished.

    :param text: of :func:`text_of`.
    """
    return bool(_FINISHED.search(text))


def no_answer(text: str) -> Diagnosis:
    """Return why a guest whose cloud-init finished does not answer.

    :param text: of :func:`text_of`.
    """
    if re.search(r'(?i)Failed (to run module scripts[-_]user|\S+user)', text):
        return _diagnosis(
            Cause.CLOUD_INIT_ERROR, 'cloud-init failed to run user data', text
        )
    return _cloud_init_error(text) or _diagnosis(
        Cause.NO_ANSWER,
        'cloud-init finished, but did not run the user data',
        text,
    )


def silence(text: str, seconds: float) -> Diagnosis:
    """Return what the silence of a console means.

    :param text: of :func:`text_of`.
    :param seconds: how long it has been silent.
    """
    reached = milestone(text)
    if finished(text):
        return no_answer(text)
    if reached == 'a login prompt' and not _CLOUD_INIT.search(text):
        return _diagnosis(
            Cause.NO_CLOUD_INIT,
            'the system is up, but cloud-init did not run',
            text,
        )
    stuck = _stuck(text, reached)
    if stuck:
        return stuck
    names = [name for name, _ in _MILESTONES]
    if reached not in names[: _KERNEL + 1]:
        return _diagnosis(
            Cause.SILENT,
            f'nothing on the console for {seconds:.0f} s after {reached}: '
            'the kernel hangs, or does not use the serial console',
            text,
        )
    return _diagnosis(
        Cause.HANG,
        f'nothing on the console for {seconds:.0f} s after {reached}',
        text,
    )


def _stuck(text: str, reached: str) -> Diagnosis | None:
    """Return what a boot that does not go on has said of itself.

    :param text: of :func:`text_of`.
    :param reached: of :func:`milestone`.
    """
    if reached == _LOADER:
        said = symptoms.loader_error(text)
        return (said and _diagnosis(Cause.BOOT_LOADER, said, text)) or None
    return _unreached(text) or _cloud_init_error(text)


def stopped(text: str) -> Diagnosis:
    """Return what it means that a machine does not run any more.

    :param text: of :func:`text_of`.
    """
    return fatal(text) or _diagnosis(
        Cause.STOPPED, f'the machine stopped after {milestone(text)}', text
    )


def too_slow(text: str, seconds: float) -> Diagnosis:
    """Return what it means that time is up.

    :param text: of :func:`text_of`.
    :param seconds: how long it took.
    """
    stuck = None if finished(text) else _stuck(text, milestone(text))
    return stuck or _diagnosis(
        Cause.TIME_LIMIT,
        f'not finished within {seconds:.0f} s, after {milestone(text)}',
        text,
    )


def _diagnosis(cause: Cause, message: str, text: str) -> Diagnosis:
    return Diagnosis(cause=cause, message=message, tail=tail_of(text))
