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

r"""Mutation tests of rules: spoil one thing in a sound image, and ask all.

A rule that never fires is no rule, and one that fires for another's fault
tells a user to mend the wrong thing::

    MUTATIONS = {
        'a password': Mutation(
            rule='EGI-SEC-01',
            files={'/etc/shadow': 'root:$6$x$y:1::::::\n'},
            where='/etc/shadow',
        ),
    }

    @pytest.mark.parametrize('name', list(MUTATIONS))
    def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
        mutations.check(MUTATIONS[name], sound, tmp_path)
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import (
    listing,
    profile,
    registry,
    report,
    runner,
    subjects,
)
from image_pipeline.host import process
from image_pipeline.testing import images
from image_pipeline.testing import listed as testing_listed
from image_pipeline.testing.disks import Content

#: The profile ``egi``, for images as small as these are, and raw.
PROFILE = Path(__file__).parent / 'small.yaml'
#: What is said of the sound image where it is registered.  No test depends
#: on the day on which it runs.
PROPERTIES: Mapping[str, str] = {
    'architecture': 'x86_64',
    'endorser': 'CN=Sound',
    'hw_disk_bus': 'virtio',
    'image_build_date': '2026-01-31',
    'image_description': 'a sound image',
    'image_source': 'private',
    'l1_support_contact': 'mailto:sound@example.org',
    'min_disk': '1',
    'min_ram': '512',
    'os_admin_user': 'debian',
    'os_distro': 'debian',
    'os_type': 'linux',
    'os_version': '12',
    'provided_until': 'notice',
    'replace_frequency': 'never',
    'vo': 'vo.example.org',
}
#: The sound image in a catalogue.
RECORD = artifact.ImageRecord(
    id='11111111-1111-4111-8111-111111111111',
    name='sound',
    final_name='sound',
    state=artifact.ImageState.CURRENT,
    sha256='ab' * 32,
    sha512='cd' * 64,
    size=images.SIZE,
    virtual_size=images.SIZE,
    format='raw',
    visibility='public',
    hidden=False,
    created_at='2026-01-31T12:00:00Z',
    promoted_at='2026-01-31T13:00:00Z',
    tested_sha256='ab' * 32,
    tested_ram=512,
    properties=PROPERTIES,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mutation:
    """How an image is spoilt.

    :param rule: the rule that must fire.
    :param files: files of the tree that differ; see
        :func:`image_pipeline.testing.images.build`.
    :param without: files of the sound image that are not there.
    :param mke2fs: further arguments of mke2fs.
    :param spoil: what is done to the finished file; if it returns a path,
        that is judged in its place.
    :param also: the rules that fire for the same cause; the rule must
        declare that it implies them.
    :param severity: of the result.
    :param where: a path or a byte that the evidence must name.
    :param unknown: the rules that cannot be judged any more.
    :param properties: those that differ from :data:`PROPERTIES`, None takes
        one away: the image is judged with them, as planned or registered.
    :param record: what differs from :data:`RECORD`: the image is judged as a
        catalogue has it.
    :param others: what differs from :data:`RECORD` in each other image of
        that catalogue.
    :param listed: what a cloud lists otherwise of it; see
        :func:`image_pipeline.testing.listed.view`.
    :param neighbours: what differs from it in each other image of the cloud.
    """

    rule: str
    files: Mapping[str, Content] = dataclasses.field(default_factory=dict)
    without: frozenset[str] = frozenset()
    mke2fs: tuple[str, ...] = ()
    spoil: Callable[[Path], object] = lambda path: None
    also: frozenset[str] = frozenset()
    severity: str = 'error'
    where: str | int | None = None
    unknown: frozenset[str] = frozenset()
    properties: Mapping[str, str | None] | None = None
    record: Mapping[str, Any] | None = None
    others: tuple[Mapping[str, Any], ...] = ()
    listed: Mapping[str, Any] | None = None
    neighbours: tuple[Mapping[str, Any], ...] = ()


def make(
    mutation: Mutation, sound: Path, path: Path, *, host: process.Runner
) -> Path:
    """Make the spoilt image.

    :param mutation: how it is spoilt.
    :param sound: a sound image to copy, where that is enough.
    :param path: where to.
    :param host: runs the tools.
    :returns: the file to judge.
    """
    if mutation.files or mutation.mke2fs or mutation.without:
        images.build(
            path,
            host=host,
            files=mutation.files,
            without=mutation.without,
            mke2fs=mutation.mke2fs,
        )
    else:
        images.copy(sound, path)
    made = mutation.spoil(path)
    return made if isinstance(made, Path) else path


def audit(
    path: Path,
    properties: Mapping[str, str | None] | None = None,
    record: Mapping[str, Any] | None = None,
    others: Iterable[Mapping[str, Any]] = (),
    listed: listing.ListedImageView | None = None,
) -> report.Report:
    """Judge an image by all rules.

    :param path: the image file.
    :param properties: see :class:`Mutation`.
    :param record: see :class:`Mutation`.
    :param others: see :class:`Mutation`.
    :param listed: what a cloud lists of it.
    """
    return runner.run(
        path,
        profile.load(str(PROFILE), registry.rules()),
        registered=registered(properties, record, others),
        listed=listed,
    )


def seen(
    changes: Mapping[str, Any] | None = None,
    neighbours: Iterable[Mapping[str, Any]] = (),
) -> listing.ListedImageView:
    """Return the sound image as a cloud lists it.

    :param changes: see :class:`Mutation`.
    :param neighbours: see :class:`Mutation`.
    """
    return testing_listed.view(
        *(
            testing_listed.image(number, **one)
            for number, one in enumerate(neighbours, 2)
        ),
        **(changes or {}),
    )


def registered(
    properties: Mapping[str, str | None] | None = None,
    record: Mapping[str, Any] | None = None,
    others: Iterable[Mapping[str, Any]] = (),
) -> subjects.RegisteredImageView | None:
    """Return the sound image as a catalogue has it, or is to have it.

    :param properties: see :class:`Mutation`.
    :param record: see :class:`Mutation`.
    :param others: see :class:`Mutation`.
    :returns: None if neither properties nor a record are given.
    """
    said = _changed(PROPERTIES, properties or {})
    if record is not None:
        return subjects.RegisteredImageView.of(
            _record(record, said), [_record(one, said) for one in others]
        )
    if properties is None:
        return None
    return subjects.RegisteredImageView(name='sound', properties=said)


def _record(
    changes: Mapping[str, Any], properties: Mapping[str, str]
) -> artifact.ImageRecord:
    given = {'properties': properties, **changes}
    return dataclasses.replace(RECORD, **given)


def _changed(
    base: Mapping[str, str], changes: Mapping[str, str | None]
) -> dict[str, str]:
    return {
        key: value
        for key, value in {**base, **changes}.items()
        if value is not None
    }


def check(
    mutation: Mutation, sound: Path, folder: Path, *, host: process.Runner
) -> None:
    """Make the spoilt image; fail unless that rule, and no other, fires.

    :param mutation: how it is spoilt.
    :param sound: a sound image, see :func:`images.build`.
    :param folder: an empty folder.
    :param host: runs the tools.
    """
    made = make(mutation, sound, folder / 'disk.raw', host=host)
    found = audit(
        made,
        mutation.properties,
        mutation.record,
        mutation.others,
        None
        if mutation.listed is None
        else seen(mutation.listed, mutation.neighbours),
    )
    results = {result.rule: result for result in found.results}
    assert set(found.failed) == {mutation.rule} | mutation.also, found
    unknown = {
        name for name, result in results.items() if result.outcome == 'unknown'
    }
    assert unknown == mutation.unknown, found
    assert mutation.also <= registry.get(mutation.rule).implies
    result = results[mutation.rule]
    assert result.severity == mutation.severity
    assert result.remedy
    if mutation.where is not None:
        assert mutation.where in {
            place
            for one in result.evidence
            for place in (one.path, one.offset)
        }, result.evidence
