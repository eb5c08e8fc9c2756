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

"""``sysprep``: generalise an image file or a tree."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_pipeline import exceptions
from image_pipeline.cli import base

if TYPE_CHECKING:
    from image_pipeline.audit.guest import residue


class Sysprep(base.Lister):
    """Take out of an image what it carries of where it was made.

    Host keys, machine ids, leases, logs, histories, package caches and the
    like, without mounting the image.  An image file stays as it is; the
    result is another file.  A folder, the root of a system's tree, is changed
    itself.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'source', metavar='IMAGE', help='an image file, or a folder'
        )
        parser.add_argument(
            '-o',
            '--output',
            metavar='FILE',
            help='where the result of an image file goes; .raw is written '
            'raw, everything else as a compressed qcow2',
        )
        parser.add_argument(
            '-n',
            '--dry-run',
            action='store_true',
            help='only show what would go',
        )
        parser.add_argument(
            '--leave',
            metavar='NAME',
            action='append',
            default=[],
            help='a kind of residue that may stay; may be given several times',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Generalise, and return what went.

        :param parsed_args: the arguments.
        """
        from image_pipeline.audit import generalise

        # Before anything is read: a name may be misspelt.
        generalise.kinds(parsed_args.leave)
        source = Path(parsed_args.source)
        if source.is_dir():
            found = self._folder(source, parsed_args)
        else:
            found = self._image(source, parsed_args)
        return ('path', 'kind', 'rule', 'mend', 'why'), [
            (
                base.visible(one.path),
                one.kind.name,
                one.kind.rule,
                str(one.kind.mend),
                one.kind.why,
            )
            for one in found
        ]

    def _folder(
        self, source: Path, parsed_args: argparse.Namespace
    ) -> 'list[residue.Residue]':
        from image_pipeline.audit import generalise
        from image_pipeline.audit.guest import residue
        from image_pipeline.disk import files, folder

        if parsed_args.output:
            raise exceptions.InvalidInput(
                f'{source} is a folder, which is changed itself: --output is '
                'for image files',
            )
        if source.resolve() == Path('/'):
            raise exceptions.InvalidInput(
                'that is the system that runs here, not a tree of another',
                hint='give the folder of a tree, or an image file',
            )
        tree = files.FileTree(folder.FolderFiles(source))
        if not tree.is_folder('/etc'):
            raise exceptions.InvalidInput(
                f'{source} is not the root of a system: it has no /etc'
            )
        found = list(residue.found(tree, generalise.kinds(parsed_args.leave)))
        if not parsed_args.dry_run:
            changes = list(generalise.changes(tree, found))
            folder.FolderEditor(source).apply(changes)
        return found

    def _image(
        self, source: Path, parsed_args: argparse.Namespace
    ) -> 'list[residue.Residue]':
        from image_pipeline.audit import generalise, rework, rule, view
        from image_pipeline.disk import reader
        from image_pipeline.host import cancellation, process

        output = _output(source, parsed_args)
        with reader.open_disk(source) as disk:
            image = view.ImageView(disk)
            try:
                found = generalise.found_in(image, parsed_args.leave)
            except rule.CannotTell as exc:
                raise exceptions.ImageUnreadable(
                    f'{source} cannot be generalised: {exc}'
                ) from exc
            changes = list(generalise.changes(image.files, found))
        if output is not None:
            cancelled = cancellation.CancellationToken()
            with cancellation.cancel_on_signals(cancelled):
                rework.rewrite(
                    source,
                    output,
                    changes,
                    host=process.Host(cancelled=cancelled),
                    cancelled=cancelled,
                )
        return found


def _output(source: Path, parsed_args: argparse.Namespace) -> Path | None:
    """Return where the result goes; None for a dry run."""
    if parsed_args.dry_run:
        return None
    if not parsed_args.output:
        raise exceptions.InvalidInput(
            f'{source} is not changed itself: say where the result goes',
            hint='add --output FILE, or --dry-run',
        )
    return base.new_file(parsed_args.output)
