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
"""Merge configuration as cloud-init does.

After ``cloudinit.util.mergemanydict`` and ``cloudinit.mergers`` of
cloud-init 26.x: of two files the one with the higher priority is taken
first, and a later one only adds: to mappings key by key, all else is left
alone.  A file may ask for another way of merging by ``merge_how``.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

#: Values that are merged at most; the configuration of an image has some
#: hundreds.  More are YAML's aliases of aliases.
_MOST = 50_000
_MERGER = re.compile(r'([a-z_][a-z0-9_]*)\((.*?)\)')


def merge(sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what several files say together.

    :param sources: what each says, the one with the highest priority first.
    :raises ValueError: a file asks for a merger that there is not, or there
        is too much to merge.
    """
    found: dict[str, Any] = {}
    for source in sources:
        rest = dict(source)
        found = _Mergers(_asked(rest)).merge(found, rest)
    return found


def _asked(source: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Take out of a file how it wants to be merged.

    :returns: by the type's name (``dict``, ``list``, ``str``), the options.
    """
    how = source.pop('merge_how', None)
    if how is None:
        how = source.pop('merge_type', None)
    if isinstance(how, str):
        return _parse(how)
    found = {}
    for one in how if isinstance(how, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get('name'), str):
            name, options = one['name'], one.get('settings')
        elif isinstance(one, list) and one and isinstance(one[0], str):
            name, *options = one
        else:
            raise ValueError(f'merge_how cannot be {one!r}')
        if not isinstance(options, list):
            options = []
        found[name.replace('-', '_').strip()] = frozenset(map(str, options))
    return found


def _parse(how: str) -> dict[str, frozenset[str]]:
    found = {}
    for part in how.lower().replace('-', '_').split('+'):
        if not part.strip():
            continue
        match = _MERGER.fullmatch(part.strip())
        if match is None:
            raise ValueError(f'merge_how cannot be {how!r}')
        found[match[1]] = frozenset(
            option.strip() for option in match[2].split(',') if option.strip()
        )
    return found


class _Mergers:
    """Merge mappings, lists and text, each by its options.

    :param options: by type; a type that is not in it is not merged at all.
    """

    def __init__(self, options: Mapping[str, frozenset[str]]) -> None:
        nothing: frozenset[str] = frozenset()
        self._options = options or {
            'dict': nothing,
            'list': nothing,
            'str': nothing,
        }
        self._left = _MOST

    def merge(self, old: Any, new: Any) -> Any:
        """Merge by the type of what there is; ``_on_dict`` and the others."""
        kind = type(old).__name__
        options = self._options.get(kind)
        if options is None:
            return old
        if kind == 'dict':
            return self._dicts(old, new, options)
        if kind == 'list':
            return self._lists(old, new, options)
        if kind == 'str' and 'append' in options and isinstance(new, str):
            return old + new
        return new if kind == 'str' else old

    def _dicts(self, old: Any, new: Any, options: frozenset[str]) -> Any:
        if not isinstance(new, Mapping):
            return old
        found = dict(old)
        for key, value in new.items():
            self._left -= 1
            if self._left < 0:
                raise ValueError('there is too much to merge')
            if key not in found:
                found[key] = value
            elif value is None and 'allow_delete' in options:
                del found[key]
            elif 'replace' in options:
                found[key] = value
            elif isinstance(value, Mapping) or self._recurses(value, options):
                found[key] = self.merge(found[key], value)
        return found

    def _lists(self, old: Any, new: Any, options: frozenset[str]) -> Any:
        if not isinstance(new, list):
            if not options & {'append', 'prepend', 'no_replace'}:
                return new
            if not isinstance(new, Mapping | str):
                raise ValueError(f'a list cannot be merged with {new!r}')
            # Python's list.extend() takes keys and letters.
            new = list(new)
        self._left -= len(new)
        if self._left < 0:
            raise ValueError('there is too much to merge')
        if 'append' in options:
            return [*old, *new]
        if 'prepend' in options:
            return [*new, *old]
        if 'no_replace' in options:
            return old
        merged = [
            self.merge(mine, other)
            if self._recurses(other, options)
            else other
            for mine, other in zip(old, new, strict=False)
        ]
        return [*merged, *old[len(merged) :]]

    def _recurses(self, value: Any, options: frozenset[str]) -> bool:
        if isinstance(value, list):
            return bool(options & {'recurse_list', 'recurse_array'})
        if isinstance(value, str):
            return 'recurse_str' in options
        return isinstance(value, Mapping) and 'recurse_dict' in options
