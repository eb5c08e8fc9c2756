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

"""``audit``: look into image files, by named rules."""

import argparse
import contextlib
import json
from typing import TYPE_CHECKING, Any

from image_pipeline import artifact, exceptions
from image_pipeline.cli import audited, audited_cloud, base, image_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from image_pipeline.audit import mending, profile, report, rule, waiver

_QUIET = (artifact.Outcome.PASS, artifact.Outcome.NOT_APPLICABLE)
_UNITS = ('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')


class Audit(base.Command):
    """Look into images, offline and without root.

    Exit status: 0 if no rule of severity error failed, 3 if one did or
    cannot be judged, 2 if a file cannot be read as an image.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'images',
            metavar='IMAGE',
            nargs='*',
            help='an image file: raw, qcow2, VMDK, VHD, VHDX or VDI; with '
            '--target ' + image_names.HELP,
        )
        parser.add_argument(
            '--target',
            metavar='TARGET',
            help='judge images of its catalogue, as they are registered '
            'there; without IMAGE the current ones',
        )
        parser.add_argument(
            '--all',
            action='store_true',
            help='with --target: former images and candidates, too, and in a '
            'cloud all that the project has; only retired ones are left out',
        )
        parser.add_argument(
            '--visibility',
            action='append',
            choices=('private', 'shared', 'community', 'public', 'all'),
            default=[],
            help='with the target of a cloud: all images of this visibility '
            'that one sees there, those of others, too; may be given several '
            'times',
        )
        parser.add_argument(
            '--content',
            action='store_true',
            help='with the target of a cloud: look into the images, too, and '
            'not only at what Glance lists of them; what the rules need is '
            'read, or all of it where the cloud gives no parts',
        )
        parser.add_argument(
            '--profile',
            default='egi',
            help='which rules are judged, and how severely: egi, openstack, '
            "scs, minimal, vendor, one of the site's, or the path of a YAML "
            'file (default: egi)',
        )
        parser.add_argument(
            '--waivers',
            metavar='FILE',
            help='a YAML file of rules that may fail, each with a reason and '
            'a last day',
        )
        parser.add_argument(
            '--rule',
            metavar='ID',
            action='append',
            default=[],
            dest='rules',
            help='judge this rule only; may be given several times',
        )
        parser.add_argument(
            '--fix',
            metavar='OUTPUT',
            help='write a copy of the image to OUTPUT in which everything is '
            'mended that needs no decision, judge that one, and show what '
            'was changed; .raw is written raw, everything else as a '
            'compressed qcow2',
        )
        parser.add_argument(
            '-f',
            '--format',
            choices=('table', 'json', 'yaml', 'junit', 'sarif'),
            default='table',
            help='how the reports are printed; junit is for CI systems, sarif '
            'for code scanning (default: table)',
        )
        parser.add_argument(
            '--passed',
            action='store_true',
            help='show in the table what passed or does not apply, too',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Judge the images and print what was found.

        :param parsed_args: the arguments.
        :returns: the exit status.
        :raises InvalidInput: a file cannot be read as an image; the others
            were judged and printed.
        """
        from pathlib import Path

        from image_pipeline.audit import profile, registry, waiver
        from image_pipeline.host import lazy

        lazy.load_when_used(lazy.STRUTILS)
        audited.check(parsed_args)
        known = registry.rules()
        chosen = profile.load(
            parsed_args.profile,
            known,
            parsed_args.rules,
            path=self.settings.profile_path,
        )
        waived: tuple[waiver.Waiver, ...] = ()
        if parsed_args.waivers:
            waived = waiver.load(Path(parsed_args.waivers), known)
        if parsed_args.fix:
            return self._fix(parsed_args, chosen, waived)
        reports: list[report.Report] = []
        unreadable: list[exceptions.ImageUnreadable] = []
        with self._content(parsed_args) as content:
            for one in audited.choose(parsed_args, self.settings, content):
                try:
                    reports.append(one.judge(chosen, waived))
                except exceptions.ImageUnreadable as exc:
                    unreadable.append(exc)
        if reports or not unreadable:
            self.app.stdout.write(_shown(reports, parsed_args, known))
        if not reports and not unreadable and not self.app.options.quiet:
            # An empty table says nothing, and a status of 0 too much.
            self.app.stderr.write(_nothing(parsed_args))
        if len(unreadable) == 1:
            raise unreadable[0]
        if unreadable:
            raise exceptions.ImageUnreadable(
                f'{len(unreadable)} images cannot be read',
                problems=[
                    exceptions.Problem(message=exc.message, hint=exc.hint)
                    for exc in unreadable
                ],
            )
        if any(one.blocking for one in reports):
            return exceptions.AuditFailed.exit_status
        return 0

    @contextlib.contextmanager
    def _content(
        self, parsed_args: argparse.Namespace
    ) -> 'Iterator[audited_cloud.Content]':
        """Give how images of a cloud are read; signals stop it."""
        from image_pipeline.host import cancellation
        from image_pipeline.store import store

        cancelled = cancellation.CancellationToken()
        content = audited_cloud.Content(
            folder=self.settings.state_dir,
            cancelled=cancelled,
            progress=self._downloaded,
        )
        if not parsed_args.content:
            yield content
            return
        store.Store(self.settings.state_dir).prepare()
        with cancellation.cancel_on_signals(cancelled):
            yield content

    def _downloaded(self, name: str, done: int, size: int) -> None:
        """Say how far a download is; it is told to people only."""
        error = self.app.stderr
        if self.app.options.quiet or not error.isatty():
            return
        error.write(
            f'\r{base.visible(name)}: {_size(done)} of {_size(size)} '
            + ('\n' if done >= size else '')
        )
        error.flush()

    def _fix(
        self,
        parsed_args: argparse.Namespace,
        chosen: 'profile.Profile',
        waived: 'tuple[waiver.Waiver, ...]',
    ) -> int:
        """Mend a copy of the one image, and print what was done."""
        from pathlib import Path

        from image_pipeline.audit import mending, registry
        from image_pipeline.host import cancellation, process

        if len(parsed_args.images) != 1:
            raise exceptions.InvalidInput(
                '--fix takes one image: it writes one file'
            )
        output = base.new_file(parsed_args.fix)
        cancelled = cancellation.CancellationToken()
        with cancellation.cancel_on_signals(cancelled):
            mended = mending.mend(
                Path(parsed_args.images[0]),
                output,
                chosen,
                waived,
                host=process.Host(cancelled=cancelled),
                cancelled=cancelled,
            )
        if parsed_args.format in {'json', 'yaml'}:
            text = _values([mended.to_json()], parsed_args.format)
        else:
            text = _shown([mended.after], parsed_args, registry.rules())
        if parsed_args.format == 'table':
            text = f'{base.visible(_changes(mended))}\n{text}'
        self.app.stdout.write(text)
        if mended.after.blocking:
            return exceptions.AuditFailed.exit_status
        return 0


def _changes(mended: 'mending.Mended') -> str:
    lines = [
        f'{one.rule:<16} {one.edit}\n{one.diff}' for one in mended.changes
    ]
    lines.append(f'{len(mended.changes)} changes\n')
    if mended.worse:
        lines.append(
            'worse than before, look at the changes: '
            f'{", ".join(mended.worse)}\n'
        )
    return ''.join(lines)


def _nothing(parsed_args: argparse.Namespace) -> str:
    """Return what to say where a target has no image to judge."""
    target = parsed_args.target
    if parsed_args.all or parsed_args.visibility:
        return f'target "{target}" has no images to judge\n'
    return (
        f'target "{target}" has no current image to judge; --all judges '
        'candidates and former images, too\n'
    )


def _shown(
    reports: list['report.Report'],
    parsed_args: argparse.Namespace,
    rules: 'Mapping[str, rule.Rule]',
) -> str:
    if parsed_args.format == 'table':
        tables = '\n'.join(_table(one, parsed_args.passed) for one in reports)
        return base.visible(tables)
    if parsed_args.format == 'junit':
        from image_pipeline.audit import junit

        return junit.render(reports)
    if parsed_args.format == 'sarif':
        from image_pipeline.audit import sarif

        return json.dumps(sarif.render(reports, rules), indent=2) + '\n'
    return _values([one.to_json() for one in reports], parsed_args.format)


def _values(values: list[Any], form: str) -> str:
    if form == 'json':
        return json.dumps(values, indent=2) + '\n'
    import yaml

    text: Any = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return str(text)


def _table(found: 'report.Report', everything: bool) -> str:
    from image_pipeline.audit import report

    # A cloud does not tell the size of every image.
    size = _size(found.virtual_size) if found.virtual_size else 'size unknown'
    lines = [f'{found.image}: {found.format}, {size}, profile {found.profile}']
    if found.reading:
        lines.append(
            f'  read {_size(found.reading.bytes)} of '
            f'{_size(found.reading.size)}; that it is what was stored '
            + (
                'was checked by its digest'
                if found.reading.digest_checked
                else 'is not checked: only all of it has a digest'
            )
        )
    for result in found.by_urgency:
        if result.outcome in _QUIET and not everything:
            continue
        lines.append(
            f'  {result.outcome.value:<14} {result.severity.value:<7} '
            f'{result.rule:<16} {result.statement}'
        )
        lines += [
            f'  {"":<14} {report.one_line(item)}' for item in result.evidence
        ]
        if result.remedy:
            lines.append(f'  {"":<14} remedy: {result.remedy}')
    counts = ', '.join(
        f'{count} {outcome.replace("_", " ")}'
        for outcome, count in found.summary.items()
        if count
    )
    lines.append(f'  {len(found.results)} rules: {counts or "none"}')
    return '\n'.join(lines) + '\n'


def _size(count: int) -> str:
    number = float(count)
    for unit in _UNITS:
        if number < 1024 or unit == _UNITS[-1]:
            break
        number /= 1024
    return f'{number:.3g} {unit}'
