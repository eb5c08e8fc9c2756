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

"""Whether an instance's SSH server answers at an address, from here."""

import socket
from collections.abc import Sequence

from image_pipeline import artifact
from image_pipeline.probes import base as probe_base

#: The id of the result.
ID = 'LIVE-SSH'
_TITLE = 'the SSH server answers at an address of the instance'
_PORT = 22
#: Seconds: a server in a network that is not reached from here costs each
#: boot that much.
TIMEOUT = 3.0
_LONGEST = 255  # RFC 4253, 4.2


def check(
    addresses: Sequence[str], *, port: int = _PORT, timeout: float = TIMEOUT
) -> probe_base.ProbeResult | None:
    """Return what the first address that is reached says.

    What is not reached from here may be sound, so that is no failure; who
    refuses is there.

    :param addresses: of the instance.
    :param port: of the SSH server.
    :param timeout: seconds to wait for all of them.
    :returns: None if it has no address at all.
    """
    if not addresses:
        return None
    seen = f'{", ".join(addresses)} cannot be reached from here'
    for address in addresses:
        try:
            said = _banner(address, port, timeout / len(addresses))
        except ConnectionRefusedError:
            return _result(
                artifact.Outcome.FAIL, f'{address} refuses port {port}'
            )
        except OSError:
            continue
        if said.startswith(b'SSH-'):
            text = said.decode('ascii', 'replace').strip()
            return _result(artifact.Outcome.PASS, f'{address}: {text}')
        return _result(
            artifact.Outcome.FAIL,
            f'{address}, port {port} is no SSH server: {said[:80]!r}',
        )
    return _result(artifact.Outcome.NOT_APPLICABLE, seen)


def _banner(address: str, port: int, timeout: float) -> bytes:
    with socket.create_connection((address, port), timeout) as connection:
        # Whoever took the connection is there; a busy guest needs longer for
        # its first word.
        connection.settimeout(10 * timeout)
        said = b''
        while b'\n' not in said and len(said) < _LONGEST:
            more = connection.recv(_LONGEST)
            if not more:
                break
            said += more
        return said.partition(b'\n')[0]


def _result(outcome: artifact.Outcome, message: str) -> probe_base.ProbeResult:
    return probe_base.ProbeResult(
        probe=ID,
        title=_TITLE,
        outcome=outcome,
        evidence=(artifact.Evidence(message=message),),
        # What stands between here and there is not the image's.
        severity=artifact.Severity.WARNING,
        refutes=False,
    )
