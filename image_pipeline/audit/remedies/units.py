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

"""Turn units of systemd on and off, as ``systemctl`` would."""

from collections.abc import Iterable

from image_pipeline.audit.guest import systemd, systemd_conf
from image_pipeline.audit.remedies import draft

_OURS = '/etc/systemd/system'
_NULL = '/dev/null'
_FOLDERS = (('WantedBy', 'wants'), ('RequiredBy', 'requires'))


def disable(plan: draft.Draft, units: systemd.Units, name: str) -> None:
    """Let nothing start a unit at boot.

    What a link in ``/etc`` starts is disabled; what the distribution wires
    up, a preset enables or an init script starts, is masked.

    :param plan: takes the changes.
    :param units: the image's units.
    :param name: of the unit.
    """
    links = [link for link in units.links(name) if link.startswith('/etc/')]
    links += [
        f'{_OURS}/{one}'
        for one in sorted(units.names(name) - {units.real_name(name)})
        if _is_link(units, f'{_OURS}/{one}')
    ]
    for link in links:
        plan.remove(link)
    path = units.path(name) or ''
    vendors = set(units.links(name)) - set(links)
    if (vendors or not links) and not path.startswith(f'{_OURS}/'):
        plan.link(f'{_OURS}/{name}', _NULL)


def enable(
    plan: draft.Draft, units: systemd.Units, name: str, *, also: bool = True
) -> bool:
    """Let a boot start a unit.

    :param plan: takes the changes.
    :param units: the image's units.
    :param name: of the unit, or an instance of a template.
    :param also: enable what it says must be enabled with it, too.
    :returns: whether it could be done; not where there is no such unit, or
        where it does not say what would want it.
    """
    path = _vendors(units, name)
    if path is None:
        return False
    said = systemd_conf.parse(units.tree, [path])
    wants = [
        f'{_OURS}/{target}.{suffix}/{name}'
        for key, suffix in _FOLDERS
        for target in said.words('Install', key)
    ]
    if not wants:
        return False
    unmask(plan, units, name)
    for link in wants:
        plan.link(link, path)
    for alias in said.words('Install', 'Alias'):
        plan.link(f'{_OURS}/{alias}', path)
    if also:
        for other in said.words('Install', 'Also'):
            enable(plan, units, other, also=False)
    return True


def keep(
    plan: draft.Draft, units: systemd.Units, names: Iterable[str]
) -> None:
    """Enable what only the presets of a first boot would.

    :param plan: takes the changes.
    :param units: the image's units, as they are before.
    :param names: of the units that must start, where they did.
    """
    for name in names:
        if units.is_enabled(name) and not units.links(name):
            enable(plan, units, name)


def unmask(plan: draft.Draft, units: systemd.Units, name: str) -> None:
    """Take the mask of a unit away, if there is one in ``/etc``.

    :param plan: takes the changes.
    :param units: the image's units.
    :param name: of the unit.
    """
    path = units.path(name)
    if path and path.startswith('/etc/') and units.is_masked(name):
        plan.remove(path)


def _vendors(units: systemd.Units, name: str) -> str | None:
    """Return where a unit is defined, masks left out."""
    instance = name.partition('@')[2].rpartition('.')[0]
    template = name.replace(f'@{instance}.', '@.') if instance else name
    for one in dict.fromkeys((name, template)):
        for folder in units.folders:
            path = f'{folder}/{one}'
            if units.tree.is_file(path) and not systemd_conf.is_mask(
                units.tree, path
            ):
                return path
    return None


def _is_link(units: systemd.Units, path: str) -> bool:
    try:
        return units.tree.lstat(path).link is not None
    except OSError:
        return False
