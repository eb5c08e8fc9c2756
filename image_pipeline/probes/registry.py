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

"""Every probe, by id."""

from collections.abc import Iterable

from image_pipeline import exceptions
from image_pipeline.probes import (
    access,
    base,
    boot,
    cloud_init,
    hardening,
    identity,
    layout,
    machine,
    network,
    services,
    ssh,
    traces,
)

_ALL = (
    *cloud_init.PROBES,
    *boot.PROBES,
    *services.PROBES,
    *machine.PROBES,
    *layout.PROBES,
    *network.PROBES,
    *ssh.PROBES,
    *access.PROBES,
    *hardening.PROBES,
    *traces.PROBES,
    identity.PROBE,
)


def names() -> tuple[str, ...]:
    """Return the ids of all probes, in the order of their report."""
    return tuple(probe.id for probe in _ALL)


def load(name: str) -> base.Probe:
    """Return a probe.

    :param name: its id.
    :raises NotFound: there is none of that id.
    """
    for probe in _ALL:
        if probe.id == name:
            return probe
    raise exceptions.NotFound(
        f'there is no probe "{name}"',
        hint=exceptions.did_you_mean(name, names())
        or f'probes are {", ".join(names())}',
    )


def select(chosen: Iterable[str] | None) -> tuple[base.Probe, ...]:
    """Return the probes to ask; the identity is always asked.

    :param chosen: ids; None means all.
    """
    ids = set(names() if chosen is None else chosen) | {identity.ID}
    return tuple(probe for probe in _ALL if probe.id in ids)
