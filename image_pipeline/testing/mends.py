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

"""Let a rule mend the sound image in memory, for tests of rules.

::

    def test_host_name_is_mended():
        assert mends.after('HYG-05', {'/etc/hostname': 'b'}) == 'pass'
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import registry
from image_pipeline.disk import edits
from image_pipeline.testing import images
from image_pipeline.testing.disks import Content, File, Folder, Link


def apply(
    content: Mapping[str, Content], changes: Iterable[edits.Edit]
) -> dict[str, Content]:
    """Return files as they are after changes.

    :param content: files by path, as
        :class:`~image_pipeline.testing.disks.MemoryFiles` takes them.
    :param changes: in their order.
    """
    found = dict(content)
    for one in changes:
        if isinstance(one, edits.Remove):
            found = {
                path: what
                for path, what in found.items()
                if path != one.path and not path.startswith(f'{one.path}/')
            }
        elif isinstance(one, edits.Truncate):
            found[one.path] = _like(found.get(one.path), b'')
        elif isinstance(one, edits.Write):
            found[one.path] = _like(found.get(one.path), one.content, one.mode)
        elif isinstance(one, edits.Link):
            found[one.path] = Link(one.target)
        else:
            found[one.path] = _with_mode(found.get(one.path), one.mode)
    return found


def changes(
    rule_id: str,
    files: Mapping[str, Content] | None = None,
    without: Iterable[str] = (),
    **options: Any,
) -> list[edits.Edit]:
    """Return what a rule changes in the sound image, made worse.

    :param rule_id: the rule's id.
    :param files: see :func:`image_pipeline.testing.images.in_memory`.
    :param without: likewise.
    :param options: of the rule, those that differ from the defaults.
    """
    rule = registry.get(rule_id)
    view = images.in_memory(files, without)
    return list(rule.mend(view, rule.defaults() | options))


def after(
    rule_id: str,
    files: Mapping[str, Content] | None = None,
    without: Iterable[str] = (),
    **options: Any,
) -> artifact.Outcome:
    """Return what a rule says of the sound image, made worse and mended.

    :param rule_id: the rule's id; it must fail before.
    :param files: see :func:`image_pipeline.testing.images.in_memory`.
    :param without: likewise.
    :param options: of the rule, those that differ from the defaults.
    """
    rule = registry.get(rule_id)
    before = rule.check(images.in_memory(files, without), options)
    assert before.outcome is artifact.Outcome.FAIL, before
    left_out = set(without)
    content = {
        path: what
        for path, what in {**images.FILES, **(files or {})}.items()
        if path not in left_out or path in (files or {})
    }
    mended = apply(content, changes(rule_id, files, without, **options))
    left = set(images.FILES) - set(mended)
    return rule.check(images.in_memory(mended, left), options).outcome


def _with_mode(before: Content, mode: int) -> Content:
    if isinstance(before, bytes | str):
        return File(before, mode=mode)
    if isinstance(before, File | Folder):
        return dataclasses.replace(before, mode=mode)
    return Folder(mode=mode) if before is None else before


def _like(
    before: Content, content: bytes | str, mode: int | None = None
) -> File:
    """Return a file with other content, and the metadata that it had."""
    if isinstance(before, File):
        return File(
            content,
            mode=before.mode if mode is None else mode,
            uid=before.uid,
            gid=before.gid,
        )
    return File(content, mode=0o644 if mode is None else mode)
