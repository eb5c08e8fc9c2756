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
"""Know which units a guest's systemd has, and which of them it starts.

What the guest's own systemd would do is worked out from the files: the
search path, masks, drop-ins, links in ``*.wants`` folders, and the presets
where the image is set up for a first boot.  What generators make at boot is
not there; :attr:`Units.generators` names them.  See systemd.unit(5) and
systemd.preset(5).
"""

import functools

from image_pipeline import exceptions
from image_pipeline.audit.guest import (
    systemd_conf,
    systemd_names,
    systemd_presets,
)
from image_pipeline.disk import files

#: Where units are, the folder that wins first (systemd.unit(5)).
FOLDERS = (
    '/etc/systemd/system.control',
    '/run/systemd/system.control',
    '/run/systemd/transient',
    '/etc/systemd/system',
    '/etc/systemd/system.attached',
    '/run/systemd/system',
    '/run/systemd/system.attached',
    '/usr/local/lib/systemd/system',
    '/usr/lib/systemd/system',
    '/lib/systemd/system',
)
_SYSTEMD = ('/usr/lib/systemd/systemd', '/lib/systemd/systemd')
_LINKED = ('.wants', '.requires', '.upholds')
#: Dependencies that start what they name.
_PULLS = ('Wants', 'Requires', 'BindsTo', 'Requisite', 'Upholds')
_INSTALLS = ('WantedBy', 'RequiredBy', 'UpheldBy')
#: An image has some hundreds of units.
_MOST, _MOST_NAMES = 5_000, 20_000


def units(tree: files.FileTree) -> 'Units':
    """Return what is known of the image's units.

    :param tree: the image's files.
    """
    return Units(tree)


class Units:
    """The units of an image; everything is read when it is asked for.

    Names are whole ones (``ssh.service``, ``getty@tty1.service``).

    :param tree: the image's files.
    """

    def __init__(self, tree: files.FileTree) -> None:
        self.tree = tree

    @functools.cached_property
    def is_there(self) -> bool:
        """Whether the image has systemd at all."""
        return any(self.tree.is_file(path) for path in _SYSTEMD)

    @functools.cached_property
    def folders(self) -> tuple[str, ...]:
        """The folders of units that there are, the one that wins first."""
        found: dict[str, str] = {}
        for folder in FOLDERS:
            if self.tree.is_folder(folder):
                found.setdefault(self.tree.resolve(folder), folder)
        return tuple(found.values())

    @functools.cached_property
    def generators(self) -> frozenset[str]:
        """The names of generators that run at boot."""
        return frozenset(
            path.rpartition('/')[2]
            for path in systemd_conf.merged(
                self.tree,
                [
                    f'{folder}/systemd/system-generators'
                    for folder in ('/run', *systemd_conf.FOLDERS)
                ],
                '',
            )
        )

    @functools.cached_property
    def default_target(self) -> str:
        """The target that a boot goes to, by its own name."""
        return self.real_name('default.target')

    def path(self, name: str) -> str | None:
        """Return where a unit is defined, or None if it is not there.

        A masked unit has a path as well: that of its mask.

        :param name: of the unit; for an instance, its template counts.
        """
        for one in (name, systemd_names.template(name)):
            for folder in self.folders if one else ():
                if one in self._listed[folder]:
                    return f'{folder}/{one}'
        return None

    def exists(self, name: str) -> bool:
        """Tell whether there is such a unit, and it is not masked.

        :param name: of the unit.
        """
        return self.path(name) is not None and not self.is_masked(name)

    def is_masked(self, name: str) -> bool:
        """Tell whether a unit is masked, so that nothing starts it.

        :param name: of the unit; the mask of a template masks its instances.
        """
        path = self.path(name)
        return path is not None and systemd_conf.is_mask(self.tree, path)

    def real_name(self, name: str) -> str:
        """Return the name of the unit that an alias stands for.

        :param name: of the unit.
        """
        seen = {name}
        while target := self._target(name):
            if target in seen:
                break
            seen.add(target)
            name = target
        return name

    def names(self, name: str) -> frozenset[str]:
        """Return all the names of a unit.

        :param name: one of them.
        """
        real = self.real_name(name)
        return frozenset(
            {name, real}
            | {
                alias
                for alias in self._aliases
                if self.real_name(alias) == real
            }
        )

    def links(self, name: str) -> tuple[str, ...]:
        """Return what makes a unit be started: links, or none.

        :param name: of the unit, or one of its aliases.
        :returns: paths such as
            ``/etc/systemd/system/multi-user.target.wants/ssh.service``.
        """
        return tuple(
            path
            for one in sorted(self.names(name))
            for path in self._links.get(one, ())
        )

    def is_enabled(self, name: str) -> bool:
        """Tell whether a unit is enabled, as ``systemctl is-enabled`` does.

        A unit that a distribution wires up by a link in ``/usr/lib`` counts
        too.  So do those that the presets enable at a first boot, and init
        scripts.

        :param name: of the unit, or one of its aliases.
        """
        if self.path(name) is None:
            return self._is_enabled_script(name)
        if self.is_masked(name):
            return False
        wanted = (link.rpartition('/')[2] for link in self.links(name))
        if any(not self.is_masked(one) for one in wanted):
            return True
        if (self.names(name) - {name}) & self._made_aliases:
            return True
        return name in self._preset

    def starts(self, name: str) -> bool:
        """Tell whether a boot to the default target starts a unit.

        :param name: of the unit, or one of its aliases.
        """
        return self.real_name(name) in self.started

    @functools.cached_property
    def started(self) -> frozenset[str]:
        """The units that a boot to the default target starts.

        What sockets, timers, D-Bus, generators and devices start later is
        not among them.
        """
        return self.reached(self.default_target)

    def reached(self, name: str) -> frozenset[str]:
        """Return the units that are started with one, and itself.

        :param name: of the unit; masked ones start nothing.
        """
        found: set[str] = set()
        waiting = [name]
        while waiting and len(found) < _MOST:
            name = self.real_name(waiting.pop())
            if name in found or not self.exists(name):
                continue
            found.add(name)
            waiting += self.pulls(name)
        return frozenset(found)

    def pulls(self, name: str) -> list[str]:
        """Return the units that a unit starts together with itself.

        :param name: of the unit.
        """
        found = []
        settings = self.settings(name)
        for key in _PULLS:
            found += settings.words('Unit', key)
        if name.endswith('.service') and settings.all('Service', 'Sockets'):
            found += settings.words('Service', 'Sockets')
        for one in {*self.names(name), systemd_names.template(name)} - {''}:
            found += self._wants.get(one, ())
        return [one for one in found if systemd_names.is_unit(one)]

    def drop_ins(self, name: str) -> list[str]:
        """Return the drop-ins of a unit, in the order of reading.

        :param name: of the unit, or one of its aliases.
        """
        owners = [
            owner
            for one in sorted(self.names(name))
            for owner in (
                one,
                systemd_names.template(one),
                *systemd_names.prefixes(one),
            )
            if owner
        ]
        kind = name.rpartition('.')[2]
        return systemd_conf.merged(
            self.tree,
            [
                f'{folder}/{owner}.d'
                for owner in (*owners, kind)
                for folder in self.folders
                if f'{owner}.d' in self._listed[folder]
            ],
        )

    def settings(self, name: str) -> systemd_conf.Ini:
        """Return what a unit and its drop-ins say.

        :param name: of the unit, or one of its aliases.
        """
        path = self.path(self.real_name(name))
        return systemd_conf.parse(
            self.tree, [*([path] if path else []), *self.drop_ins(name)]
        )

    @functools.cached_property
    def _listed(self) -> dict[str, frozenset[str]]:
        return {path: frozenset(self._names(path)) for path in self.folders}

    def _names(self, folder: str) -> list[str]:
        found = systemd_conf.names(self.tree, folder)
        if len(found) > _MOST_NAMES:
            raise exceptions.ImageUnreadable(
                f'{folder} has more than {_MOST_NAMES} files'
            )
        return found

    @functools.cached_property
    def _aliases(self) -> dict[str, str]:
        """By an alias, the name that it links to."""
        found: dict[str, str] = {}
        for folder in self.folders:
            for name in self._listed[folder]:
                if name in found or not systemd_names.is_unit(name):
                    continue
                target = self._link(f'{folder}/{name}')
                if target and target != name and systemd_names.is_unit(target):
                    found[name] = target
        return found

    @functools.cached_property
    def _made_aliases(self) -> frozenset[str]:
        """The aliases that an administrator made, by enabling a unit."""
        return frozenset(
            name
            for folder in self.folders
            if folder.startswith('/etc/')
            for name in self._listed[folder]
            if name in self._aliases and name != 'default.target'
        )

    @functools.cached_property
    def _links(self) -> dict[str, list[str]]:
        """By a unit, the links in ``*.wants`` folders that start it."""
        found: dict[str, list[str]] = {}
        for links in self._folders_of_links.values():
            for name, path in links.items():
                found.setdefault(name, []).append(path)
        return found

    @functools.cached_property
    def _wants(self) -> dict[str, list[str]]:
        """By a unit, what links of its folders start."""
        found: dict[str, list[str]] = {}
        for folder, links in self._folders_of_links.items():
            found.setdefault(folder.rpartition('.')[0], []).extend(links)
        return found

    @functools.cached_property
    def _folders_of_links(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for folder in self.folders:
            for owner in sorted(self._listed[folder]):
                if not owner.endswith(_LINKED):
                    continue
                path = f'{folder}/{owner}'
                for name in self._names(path):
                    if systemd_names.is_unit(name):
                        found.setdefault(owner, {}).setdefault(
                            name, f'{path}/{name}'
                        )
        return {
            owner: {
                name: path
                for name, path in links.items()
                if not systemd_conf.is_mask(self.tree, path)
            }
            for owner, links in found.items()
        }

    def _target(self, name: str) -> str | None:
        """Return what an alias links to, for this instance of it."""
        target = self._aliases.get(name)
        if target is None:
            target = self._aliases.get(systemd_names.template(name))
            instance = name.partition('@')[2].rpartition('.')[0]
            target = target and target.replace('@.', f'@{instance}.')
        return target

    def _link(self, path: str) -> str | None:
        """Return the last part of where a link leads, or None."""
        try:
            stat = self.tree.lstat(path)
        except OSError:
            return None
        if stat.type is not files.FileType.LINK or not stat.link:
            return None
        return stat.link.rstrip('/').rpartition('/')[2]

    @functools.cached_property
    def _preset(self) -> frozenset[str]:
        """The units that the presets enable at a first boot."""
        found: set[str] = set()
        if not systemd_presets.is_first_boot(self.tree):
            return frozenset()
        presets = systemd_presets.Presets(self.tree)
        for folder in self.folders:
            for name in self._listed[folder]:
                if not systemd_names.is_unit(name) or not presets.enables(
                    name
                ):
                    continue
                if self.is_masked(name) or self.real_name(name) != name:
                    continue
                said = self.settings(name)
                if any(said.all('Install', key) for key in _INSTALLS):
                    found |= {name, *said.words('Install', 'Also')}
        return frozenset(found)

    def _is_enabled_script(self, name: str) -> bool:
        script = name.removesuffix('.service')
        return (
            name.endswith('.service')
            and self.tree.is_file(f'/etc/init.d/{script}')
            and any(
                self.tree.glob(f'/etc/rc{level}.d/S[0-9][0-9]{script}')
                for level in '2345'
            )
        )
