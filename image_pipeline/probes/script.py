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

"""The user data that makes a guest answer the probes."""

from collections.abc import Iterable
from pathlib import Path

from image_pipeline.probes import base

#: The guest's side of :mod:`image_pipeline.probes.protocol`.
GUEST_SCRIPT = Path(__file__).with_name('guest.sh')

_LAUNCHER = """\
#!/bin/sh
# image-pipeline: the smoke test's probes
umask 077
IP_DIR=/run/image-pipeline
mkdir -p "$IP_DIR/probes"
{again}{files}
# cloud-final runs this, and is not finished before it ends: so the probes,
# which ask whether cloud-init finished, run in a unit of their own.
if command -v systemd-run >/dev/null 2>&1; then
    systemd-run --quiet --no-block --unit=image-pipeline-probes \\
        sh "$IP_DIR/guest.sh"
else
    setsid sh "$IP_DIR/guest.sh" </dev/null >/dev/null 2>&1 &
fi
"""
# cloud-init runs user data at an instance's first boot only, and what lies in
# this folder at each one (module scripts-per-boot).
_AGAIN = """\
mkdir -p /var/lib/cloud/scripts/per-boot
case $0 in
    */per-boot/*) ;;
    *) cp -p "$0" /var/lib/cloud/scripts/per-boot/image-pipeline ;;
esac
"""
_END = 'END_OF_IMAGE_PIPELINE_FILE'


def render(
    nonce: str,
    probes: Iterable[base.Probe],
    *,
    wait: float,
    rounds: int = 30,
    every_boot: bool = False,
) -> bytes:
    """Return user data: a script that cloud-init runs at the end of a boot.

    :param nonce: the instance's; see :mod:`image_pipeline.probes.protocol`.
    :param probes: what to ask.
    :param wait: seconds that the guest waits for the end of its boot before
        it answers all the same.
    :param rounds: how often it sends its answers, five seconds apart.
    :param every_boot: whether it is to answer after a reboot as well.
    """
    settings = (
        f'IP_NONCE={nonce}\nIP_DIR=/run/image-pipeline\n'
        f'IP_WAIT={max(1, round(wait))}\nIP_ROUNDS={rounds}\n'
    )
    files = [_file('guest.sh', settings + GUEST_SCRIPT.read_text())]
    probes = tuple(probes)
    asked = base.asked_as(probes)
    files += [
        _file(f'probes/{probe.id}', probe.snippet)
        for probe in probes
        if asked[probe.id] == probe.id
    ]
    return _LAUNCHER.format(
        files=''.join(files), again=_AGAIN if every_boot else ''
    ).encode()


def _file(name: str, text: str) -> str:
    text = text.rstrip('\n')
    return f'cat >"$IP_DIR/{name}" <<\'{_END}\'\n{text}\n{_END}\n'
