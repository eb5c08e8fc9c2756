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

"""Findings, made from where something was seen."""

from image_pipeline import artifact
from image_pipeline.audit import rule
from image_pipeline.audit.guest import text

#: Characters of a line that evidence shows.
_MOST_SHOWN = 160


def at(
    line: text.Line | None,
    message: str,
    *,
    data: str | None = None,
    severity: rule.Severity | None = None,
) -> rule.Finding:
    """Return a finding at a line of a file.

    :param line: where; None if that is not known.
    :param message: what is wrong.
    :param data: what is seen there; None: the line itself.
    :param severity: see :class:`~image_pipeline.audit.rule.Finding`.
    """
    if line is None:
        return said(message, data=data, severity=severity)
    seen = line.text if data is None else data
    return rule.Finding(
        evidence=artifact.Evidence(
            message=message,
            path=line.path,
            line=line.number,
            data=seen.strip()[:_MOST_SHOWN],
        ),
        severity=severity,
    )


def secret_at(
    line: text.Line | None,
    message: str,
    *,
    severity: rule.Severity | None = None,
) -> rule.Finding:
    """Return a finding at a line that a report must not repeat.

    :param line: where; None if that is not known.
    :param message: what is wrong.
    :param severity: see :class:`~image_pipeline.audit.rule.Finding`.
    """
    if line is None:
        return said(message, severity=severity)
    return rule.Finding(
        evidence=artifact.Evidence(
            message=message, path=line.path, line=line.number
        ),
        severity=severity,
    )


def in_file(
    path: str,
    message: str,
    *,
    data: str | None = None,
    severity: rule.Severity | None = None,
) -> rule.Finding:
    """Return a finding about a file as a whole.

    :param path: the file, absolute in the image.
    :param message: what is wrong.
    :param data: what is seen there.
    :param severity: see :class:`~image_pipeline.audit.rule.Finding`.
    """
    return rule.Finding(
        evidence=artifact.Evidence(
            message=message,
            path=path,
            data=None if data is None else data[:_MOST_SHOWN],
        ),
        severity=severity,
    )


def said(
    message: str,
    *,
    data: str | None = None,
    severity: rule.Severity | None = None,
) -> rule.Finding:
    """Return a finding about something that is nowhere.

    :param message: what is missing.
    :param data: what there is instead.
    :param severity: see :class:`~image_pipeline.audit.rule.Finding`.
    """
    return rule.Finding(
        evidence=artifact.Evidence(message=message, data=data),
        severity=severity,
    )
