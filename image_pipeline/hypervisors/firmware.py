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

"""Find the UEFI firmware of this host.

QEMU's packages say where theirs is in ``qemu/firmware/*.json``
(``docs/interop/firmware.json`` in QEMU's sources; libvirt reads the same).
"""

import dataclasses
import fnmatch
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from image_pipeline import exceptions

#: Where descriptors are; a file in an earlier folder replaces one of the
#: same name in a later one.
FOLDERS = (Path('/etc/qemu/firmware'), Path('/usr/share/qemu/firmware'))
#: Code and variables where there are no descriptors: Debian and Ubuntu,
#: Enterprise Linux and Fedora, openSUSE, Arch.
PLACES = (
    ('/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'),
    ('/usr/share/OVMF/OVMF_CODE.fd', '/usr/share/OVMF/OVMF_VARS.fd'),
    ('/usr/share/edk2/ovmf/OVMF_CODE.fd', '/usr/share/edk2/ovmf/OVMF_VARS.fd'),
    (
        '/usr/share/qemu/ovmf-x86_64-code.bin',
        '/usr/share/qemu/ovmf-x86_64-vars.bin',
    ),
    (
        '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
        '/usr/share/edk2/x64/OVMF_VARS.4m.fd',
    ),
)
# Features that the smoke test's machine does not give, or that forbid
# unsigned boot loaders.
_UNWANTED = frozenset({'enrolled-keys', 'requires-smm', 'amd-sev-es'})
# Descriptors name versioned machines by pattern: any version will do.
_MACHINES = {'pc': 'pc-i440fx-7.2', 'q35': 'pc-q35-7.2'}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Firmware:
    """UEFI firmware in two flash files.

    :param code: the code; never written to.
    :param code_format: its image format.
    :param variables: an empty variable store, to be copied.
    :param variables_format: its image format.
    """

    code: Path
    code_format: str
    variables: Path
    variables_format: str


def find(
    *,
    machine: str = 'pc',
    architecture: str = 'x86_64',
    folders: Sequence[Path] = FOLDERS,
    places: Iterable[tuple[str, str]] = PLACES,
) -> Firmware:
    """Return the firmware that this host has for a machine.

    :param machine: its type, as QEMU spells it.
    :param architecture: as QEMU spells it.
    :param folders: where descriptors are.
    :param places: code and variables to look for if there are none.
    :raises StageFailed: there is none.
    """
    found = [
        firmware
        for descriptor in _descriptors(folders)
        if (firmware := _read(descriptor, architecture, machine))
    ]
    found += [
        Firmware(
            code=Path(code),
            code_format='raw',
            variables=Path(variables),
            variables_format='raw',
        )
        for code, variables in places
    ]
    for firmware in found:
        if firmware.code.is_file() and firmware.variables.is_file():
            return firmware
    raise exceptions.StageFailed(
        'this host has no UEFI firmware for QEMU',
        hint='install the package ovmf (edk2-ovmf elsewhere), or leave uefi '
        'out of the option "firmware" of smoke-test',
    )


def _descriptors(folders: Sequence[Path]) -> list[Mapping[str, Any]]:
    paths: dict[str, Path] = {}
    for folder in reversed(folders):
        paths |= {path.name: path for path in folder.glob('*.json')}
    found: list[Mapping[str, Any]] = []
    for _, path in sorted(paths.items()):
        try:
            value = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _read(
    descriptor: Mapping[str, Any], architecture: str, machine: str
) -> Firmware | None:
    try:
        mapping = descriptor['mapping']
        name = _MACHINES.get(machine, machine)
        fits = (
            'uefi' in descriptor['interface-types']
            and mapping['device'] == 'flash'
            # "combined" is code and variables in one file.
            and mapping.get('mode', 'split') == 'split'
            and not _UNWANTED & set(descriptor['features'])
            and any(
                target['architecture'] == architecture
                and any(
                    fnmatch.fnmatch(name, pattern)
                    for pattern in target['machines']
                )
                for target in descriptor['targets']
            )
        )
        if not fits:
            return None
        return Firmware(
            code=Path(mapping['executable']['filename']),
            code_format=mapping['executable']['format'],
            variables=Path(mapping['nvram-template']['filename']),
            variables_format=mapping['nvram-template']['format'],
        )
    except (KeyError, TypeError):
        # Not as the format says: somebody else's, and no reason to fail.
        return None
