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

"""Judge an image by the rules of a profile."""

import contextlib
import dataclasses
import gc
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from image_pipeline import artifact, exceptions
from image_pipeline.audit import listing, report, rule, subjects, view
from image_pipeline.audit import profile as audit_profile
from image_pipeline.audit import waiver as audit_waiver
from image_pipeline.disk import reader

LOG = logging.getLogger(__name__)


def run(
    path: Path,
    profile: audit_profile.Profile,
    waived: Iterable[audit_waiver.Waiver] = (),
    *,
    run_view: subjects.RunView | None = None,
    registered: subjects.RegisteredImageView | None = None,
    listed: listing.ListedImageView | None = None,
    shown_as: Path | None = None,
    published: bool = True,
    source: reader.Source | None = None,
) -> report.Report:
    """Look into an image file and report what its rules say.

    :param path: a raw or qcow2 file.
    :param profile: the rules, see :func:`audit_profile.load`.
    :param waived: the waivers, see :func:`audit_waiver.load`.
    :param run_view: the run that made it, for rules about that.
    :param registered: its record in a catalogue, for rules about that.
    :param listed: what a cloud lists of it, for rules about that.
    :param shown_as: what the report and waivers call the image; None: path.
    :param published: whether the file lies where others get it, with its
        checksums beside it.
    :param source: where its bytes are; None: in the file.
    :raises ImageUnreadable: it cannot or must not be opened.
    """
    with _no_collector(), reader.open_disk(path, source) as disk:
        image = view.ImageView(disk)
        shown = subjects.Subjects(
            image=image,
            artifact=subjects.ArtifactView(
                path=path,
                image=image,
                side_files={} if source else subjects.beside(path),
                published=published,
            ),
            run=run_view,
            registered=_with_image(registered, image),
            listed=listed,
        )
        return _report(
            profile,
            shown,
            waived,
            image=shown_as or path,
            format_=disk.format,
            virtual_size=disk.size,
        )


#: What needs no file: it is said, not seen.
_SAID = frozenset({rule.Subject.REGISTERED_IMAGE, rule.Subject.LISTED_IMAGE})


def run_metadata(
    profile: audit_profile.Profile,
    waived: Iterable[audit_waiver.Waiver] = (),
    *,
    registered: subjects.RegisteredImageView,
    listed: listing.ListedImageView | None,
    shown_as: Path,
    format_: str,
    virtual_size: int,
) -> report.Report:
    """Report what rules say of what is said of an image, without looking.

    Rules about what is in it are left out; what others ask of it does not
    apply.

    :param profile: the rules, see :func:`audit_profile.load`.
    :param waived: the waivers, see :func:`audit_waiver.load`.
    :param registered: its properties, and its record in a catalogue.
    :param listed: what a cloud lists of it.
    :param shown_as: what the report and waivers call the image.
    :param format_: its format, as the catalogue says.
    :param virtual_size: likewise, in bytes; 0 if it does not say.
    """
    return _report(
        dataclasses.replace(
            profile,
            chosen=tuple(
                one for one in profile.chosen if one.rule.subject in _SAID
            ),
        ),
        subjects.Subjects(
            registered=dataclasses.replace(registered, unseen=True),
            listed=listed,
        ),
        waived,
        image=shown_as,
        format_=format_,
        virtual_size=virtual_size,
    )


def _report(
    profile: audit_profile.Profile,
    shown: subjects.Subjects,
    waived: Iterable[audit_waiver.Waiver],
    *,
    image: Path,
    format_: str,
    virtual_size: int,
) -> report.Report:
    waiver_list = tuple(waived)
    return report.Report(
        image=image,
        format=format_,
        virtual_size=virtual_size,
        profile=profile.name,
        results=tuple(
            _result(chosen, shown, image, waiver_list, profile.least)
            for chosen in profile.chosen
        ),
    )


@contextlib.contextmanager
def _no_collector() -> Iterator[None]:
    """Have no cycles looked for: all that is made lives until the end.

    It saves a tenth of the time of an image with many files.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _with_image(
    registered: subjects.RegisteredImageView | None, image: view.ImageView
) -> subjects.RegisteredImageView | None:
    if registered is None or registered.image is not None:
        return registered
    return dataclasses.replace(registered, image=image)


def judge(
    chosen: audit_profile.Chosen, shown: subjects.Subjects
) -> rule.Verdict:
    """Let one rule speak, and survive whatever it does.

    :param chosen: the rule and its options.
    :param shown: what there is to show it.
    """
    subject = shown.get(chosen.rule.subject)
    if subject is None:
        return rule.Verdict(
            outcome=artifact.Outcome.NOT_APPLICABLE,
            evidence=(
                artifact.Evidence(
                    message=f'it is about a {chosen.rule.subject.value}, '
                    'which is not at hand'
                ),
            ),
        )
    try:
        return chosen.rule.check(subject, chosen.options)
    except exceptions.Interrupted:
        raise
    except Exception as exc:
        # A rule of another package must not end the audit of the others.
        LOG.debug('rule %s failed itself', chosen.rule.id, exc_info=True)
        return rule.Verdict(
            outcome=artifact.Outcome.UNKNOWN,
            evidence=(
                artifact.Evidence(
                    message='the rule itself failed: '
                    f'{type(exc).__name__}: {exc}'
                ),
            ),
        )


def severity(
    chosen: audit_profile.Chosen, verdict: rule.Verdict
) -> rule.Severity:
    """Return how bad a verdict is.

    A profile's severity takes the place of the rule's own; a lesser finding
    of a rule stays lesser.

    :param chosen: the rule as the profile has it.
    :param verdict: what it said.
    """
    if chosen.severity is None:
        return verdict.severity or chosen.rule.severity
    if verdict.severity is None:
        return chosen.severity
    return min(chosen.severity, verdict.severity, key=lambda level: level.rank)


def _result(
    chosen: audit_profile.Chosen,
    shown: subjects.Subjects,
    path: Path,
    waived: tuple[audit_waiver.Waiver, ...],
    least: rule.Severity,
) -> report.Result:
    verdict = judge(chosen, shown)
    if (
        verdict.outcome is artifact.Outcome.FAIL
        and severity(chosen, verdict).rank < least.rank
    ):
        verdict = rule.Verdict(outcome=artifact.Outcome.PASS)
    outcome, evidence = verdict.outcome, verdict.evidence
    failed = outcome is artifact.Outcome.FAIL
    unclear = outcome is artifact.Outcome.UNKNOWN
    for waiver in waived if failed or unclear else ():
        if waiver.covers(chosen.rule.id, path):
            outcome = artifact.Outcome.WAIVED
            evidence = (
                artifact.Evidence(
                    message=f'waived until {waiver.expires}: {waiver.reason}'
                ),
                *evidence,
            )
            break
    return report.Result(
        rule=chosen.rule.id,
        severity=severity(chosen, verdict),
        outcome=outcome,
        evidence=evidence,
        statement=chosen.rule.statement,
        remedy=chosen.rule.remedy if failed else '',
    )
