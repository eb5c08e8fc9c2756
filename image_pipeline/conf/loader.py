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

"""Read the configuration files, and make settings of them."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg

from image_pipeline import exceptions
from image_pipeline.conf import (
    clouds,
    default,
    limits,
    notifications,
    opts,
    target,
)
from image_pipeline.conf import settings as conf_settings

#: Groups of OpenStack libraries; they check their own options.
_FOREIGN = ('oslo_', 'keystone', 'profiler')


def load(
    config_files: Sequence[Path] = (), *, state_dir: Path | None = None
) -> cfg.ConfigOpts:
    """Return the configuration, with a group for every target.

    :param config_files: instead of those in /etc and in the home folder.
    :param state_dir: instead of the state folder that they say.
    :raises InvalidInput: with every unknown group and option, or because a
        file cannot be read.
    """
    files = list(config_files) or default.config_files()
    sections = [_read(file) for file in files]
    conf = cfg.ConfigOpts()
    for group in opts.GROUPS:
        group.register_opts(conf)
    try:
        conf(
            args=[],
            project=default.NAME,
            default_config_files=[str(file) for file in files],
            default_config_dirs=[],
        )
    except cfg.Error as exc:
        raise exceptions.InvalidInput(str(exc)) from exc
    problems: list[exceptions.Problem] = []
    names = [conf_settings.LOCAL]
    for file, found in zip(files, sections, strict=True):
        problems.extend(_unknown(file, found))
        names += [
            section.removeprefix(target.PREFIX)
            for section in found
            if section.startswith(target.PREFIX)
        ]
    if problems:
        raise _invalid(problems)
    for name in dict.fromkeys(names):
        target.register_opts(conf, name)
    if state_dir is not None:
        conf.set_override('state_dir', str(state_dir))
    return conf


def settings_from(conf: cfg.ConfigOpts) -> conf_settings.Settings:
    """Return what the configuration says, as frozen values.

    :param conf: what :func:`load` returned.
    :raises InvalidInput: with every value that does not fit.
    """
    reader = _Reader(conf)
    requests = reader.requests()
    targets = {
        section.removeprefix(target.PREFIX): reader.target(section, requests)
        for section in reader.targets()
    }
    state_dir = reader.get('DEFAULT', 'state_dir')
    timeouts = reader.get('limits', 'stage_timeouts') or {}
    made = {
        'state_dir': _path(state_dir) if state_dir else default.state_dir(),
        'recipe_path': (
            *map(_path, reader.get('DEFAULT', 'recipe_path') or ()),
            *default.recipe_path(),
        ),
        'profile_path': (
            *map(_path, reader.get('DEFAULT', 'profile_path') or ()),
            *default.profile_path(),
        ),
        'elements_path': tuple(
            map(_path, reader.get('DEFAULT', 'elements_path') or ())
        ),
        'mirrors': conf_settings.Mirrors(
            debian=reader.get('mirrors', 'debian'),
            debian_security=reader.get('mirrors', 'debian_security'),
            ubuntu=reader.get('mirrors', 'ubuntu'),
        ),
        'cache_max_age': reader.get('cache', 'max_age'),
        'cache_keep_days': reader.get('cache', 'keep_days'),
        'cache_max_bytes': (reader.get('cache', 'max_size') or 0) * 2**30,
        'keep_runs': reader.get('limits', 'keep_runs'),
        'keep_candidates': reader.get('limits', 'keep_candidates'),
        'taskflow_connection': reader.get('engine', 'connection'),
        'max_workers': reader.get('engine', 'max_workers'),
        'stage_timeouts': dict(limits.STAGE_TIMEOUTS) | timeouts,
        'accel': reader.get('engine', 'accel'),
        'requests': requests,
        'targets': {name: one for name, one in targets.items() if one},
        'notifications': reader.notifications(),
    }
    if reader.problems:
        raise _invalid(reader.problems)
    return conf_settings.Settings(**made)


class _Reader:
    """Read values, and collect those that do not fit."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf
        self.problems: list[exceptions.Problem] = []

    def get(self, group: str, name: str) -> Any:
        """Return a value, or None where it does not fit."""
        try:
            where = self.conf if group == 'DEFAULT' else self.conf[group]
            return where[name]
        except (cfg.Error, ValueError) as exc:
            self.problem(group, name, _reason(exc))
            return None

    def problem(self, group: str, name: str, message: str) -> None:
        """Collect what is wrong with a value."""
        file = line = None
        files = [Path(one) for one in self.conf.default_config_files or ()]
        # The last file that sets it wins; what none sets is the group's.
        for key, path in itertools.product((name, ''), reversed(files)):
            line = _line(path, group, key)
            if line is not None:
                file = str(path)
                break
        self.problems.append(
            exceptions.Problem(
                file=file,
                line=line,
                path=f'[{group}] {name}'.strip(),
                message=message,
            )
        )

    def notifications(self) -> conf_settings.Notifications:
        """Return who is told of runs."""
        group = notifications.GROUP
        drivers = self.get(group, 'driver') or []
        url = self.get(group, 'transport_url')
        if wrong := notifications.problem(drivers, url):
            self.problem(group, *wrong)
        return conf_settings.Notifications(
            drivers=tuple(drivers),
            transport_url=url,
            topics=tuple(self.get(group, 'topics') or ()),
            retry=self.get(group, 'retry') or 0,
            config_files=tuple(
                map(_path, self.conf.default_config_files or ())
            ),
        )

    def targets(self) -> Iterator[str]:
        """Return the groups of targets, ``local`` first."""
        local = target.PREFIX + conf_settings.LOCAL
        yield local
        for section in self.conf.list_all_sections():
            if section.startswith(target.PREFIX) and section != local:
                yield section

    def requests(self) -> conf_settings.Requests:
        """Return how the services of clouds are spoken to."""
        return conf_settings.Requests(
            **{
                opt.dest: self.get(clouds.GROUP, opt.dest)
                for opt in clouds.opts
            }
        )

    def target(
        self, group: str, requests: conf_settings.Requests
    ) -> conf_settings.Target | None:
        """Return one target, or None where it does not fit."""
        before = len(self.problems)
        name = group.removeprefix(target.PREFIX)
        if not target.NAME.fullmatch(name):
            self.problem(
                group, '', 'a target\'s name has letters, digits and "._-"'
            )
        values = {opt.dest: self.get(group, opt.dest) for opt in target.opts}
        cloud = values['cloud']
        local = cloud is None
        values['catalogue'] = values['catalogue'] or (
            'directory' if local else 'glance'
        )
        values['hypervisor'] = values['hypervisor'] or (
            'qemu' if local else 'nova'
        )
        values['promote'] = values['promote'] or (
            'auto' if local else 'manual'
        )
        values['image_name'] = values.pop('name')
        for key in ('formats', 'tags', 'members', 'stores'):
            values[key] = tuple(values[key] or ())
        self._check(group, values)
        if len(self.problems) > before:
            return None
        return conf_settings.Target(name=name, requests=requests, **values)

    def _check(self, group: str, values: Mapping[str, Any]) -> None:
        if not values['formats']:
            self.problem(group, 'formats', 'must not be empty')
        for name in values['formats']:
            if not name.isalnum() or not name.islower():
                self.problem(group, 'formats', f'"{name}" is no format')
        if values['cloud'] is None and (
            values['catalogue'] == 'glance' or values['hypervisor'] == 'nova'
        ):
            self.problem(
                group, 'cloud', 'is missing: name a cloud of clouds.yaml'
            )
        if (
            values['import_method'] == 'web-download'
            and not values['import_url']
        ):
            self.problem(
                group, 'import_url', 'is missing: web-download needs it'
            )


def _read(file: Path) -> Mapping[str, Mapping[str, list[str]]]:
    """Return the raw values of a file, by group and option."""
    sections: dict[str, dict[str, list[str]]] = {}
    try:
        cfg.ConfigParser(str(file), sections).parse()
    except OSError as exc:
        raise exceptions.InvalidInput(
            f'the configuration file {file} cannot be read: {exc.strerror}'
        ) from exc
    except UnicodeDecodeError as exc:
        raise exceptions.InvalidInput(
            f'the configuration file {file} is not UTF-8 text'
        ) from exc
    except cfg.ParseError as exc:
        raise _invalid(
            [
                exceptions.Problem(
                    file=str(file),
                    line=exc.lineno,
                    message=exc.msg[:1].lower() + exc.msg[1:],
                )
            ]
        ) from exc
    return sections


def _unknown(
    file: Path, sections: Mapping[str, Mapping[str, list[str]]]
) -> Iterable[exceptions.Problem]:
    known = {group: list(found) for group, found in opts.list_opts()}
    for section, values in sections.items():
        if section.startswith(_FOREIGN) and section not in known:
            continue
        if section.startswith(target.PREFIX):
            options = target.opts
        elif section in known:
            options = known[section]
        else:
            yield exceptions.Problem(
                file=str(file),
                line=_line(file, section, ''),
                message=f'there is no group [{section}]',
                hint=exceptions.did_you_mean(section, known)
                or f'groups are {", ".join(sorted(known))}',
            )
            continue
        names = [option.dest for option in options]
        for name in values:
            if name.replace('-', '_') not in names:
                yield exceptions.Problem(
                    file=str(file),
                    line=_line(file, section, name),
                    message=f'there is no option "{name}" in [{section}]',
                    hint=exceptions.did_you_mean(name, names),
                )


def _line(file: Path, group: str, name: str) -> int | None:
    """Return the line of an option, or of its group if the name is empty."""
    try:
        lines = file.read_text(errors='replace').splitlines()
    except OSError:
        return None
    section = ''
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith('['):
            section = text[1:].partition(']')[0]
            if section == group and not name:
                return number
        elif section == group and name and not text.startswith(('#', ';')):
            key = text.replace(':', '=', 1).partition('=')[0].strip()
            if key.replace('-', '_') == name.replace('-', '_'):
                return number
    return None


def _reason(exc: Exception) -> str:
    """Return why a value does not fit, without oslo.config's own words."""
    reason = str(exc)
    if ' is not valid: ' in reason:
        reason = reason.partition(' is not valid: ')[2]
    if 'invalid literal for int()' in reason:
        reason = f'{reason.rpartition(": ")[2]} is not a whole number'
    if "doesn't match regex" in reason:
        reason = 'must be a URL with http, https or file'
    return reason


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _invalid(
    problems: Sequence[exceptions.Problem],
) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(
        'the configuration is not valid',
        problems=sorted(
            problems, key=lambda one: (one.file or '', one.line or 0)
        ),
        hint='the manual lists every option; `tox -e genconfig` writes a '
        'sample',
    )
