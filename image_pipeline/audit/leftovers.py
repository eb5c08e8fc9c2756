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

"""Residue as findings, for the rules that object to it."""

from collections.abc import Iterator

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import residue


def of(
    subject: view.ImageView, rule_id: str
) -> Iterator[tuple[residue.Residue, rule.Finding]]:
    """Give the residue that a rule objects to, and what it says of each.

    A line is named and not repeated: it may have a secret.

    :param subject: the image.
    :param rule_id: the rule's id.
    :raises CannotTell: a part of the image was left out; after all that was
        found.
    """
    kinds = residue.kinds_of(rule_id)
    for one in residue.found(
        subject.files,
        kinds,
        lambda folder: subject.census.below(folder),
    ):
        yield (
            one,
            rule.Finding(
                evidence=artifact.Evidence(
                    message=one.kind.why,
                    path=one.path,
                    line=one.lines[0] if one.lines else None,
                ),
                severity=one.kind.severity,
            ),
        )
    if any('/**' in path for kind in kinds for path in kind.paths):
        subject.census.need_whole()


def findings(subject: view.ImageView, rule_id: str) -> Iterator[rule.Finding]:
    """Give what a rule says of the residue that it objects to.

    :param subject: the image.
    :param rule_id: the rule's id.
    """
    for _, finding in of(subject, rule_id):
        yield finding
