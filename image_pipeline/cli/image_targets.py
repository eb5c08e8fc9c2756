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

"""Commands on the images of one target or of several."""

import argparse
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.cli import base

if TYPE_CHECKING:
    import contextlib

    from image_pipeline.catalogues import base as catalogue_base
    from image_pipeline.conf import settings as conf_settings
    from image_pipeline.engine import notify

LOG = logging.getLogger(__name__)

#: Names of columns and rows, as cliff takes them.
Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]
#: Formats that a person reads; a program gets every field.
FOR_PEOPLE = ('table', 'value', 'csv')
_LOCAL = 'local'
#: A command of ours, as hints quote it.
_COMMAND = re.compile(r'`image-pipeline image [^`]*`')


class Targets(base.Command):
    """A command that does the same at each of its targets.

    What fails at one of several is told, and the others do not suffer for
    it; the exit status is 1 then, or that of the failures if all failed
    alike.

    :cvar changes: whether it may leave something half done.
    """

    changes: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._failures: list[int] = []
        self._tried = 0
        self._refused = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        add_targets(parser)
        return parser

    def catalogues(
        self, parsed_args: argparse.Namespace
    ) -> list['catalogue_base.Catalogue']:
        """Return the catalogues that are meant, before any is asked.

        :param parsed_args: the arguments.
        :raises NotFound: there is no target of that name.
        """
        names = dict.fromkeys(parsed_args.targets or [_LOCAL])
        return [load(self.settings, name) for name in names]

    def each(
        self,
        catalogues: Sequence['catalogue_base.Catalogue'],
        act: Callable[['catalogue_base.Catalogue'], Iterable[Any]],
    ) -> Iterator[Any]:
        """Do something at each target; give what comes of it.

        :param catalogues: of the targets.
        :param act: what to do, and what gives the rows of the table.
        """
        self._tried += len(catalogues)
        for catalogue in catalogues:
            begun = False
            try:
                recover(catalogue)
                for row in act(catalogue):
                    begun = True
                    yield row
            except (KeyboardInterrupt, exceptions.Interrupted):
                self._interrupted(catalogue)
                raise
            except exceptions.PipelineError as exc:
                exc.hint = hint_at(exc.hint, catalogue.target.name)
                # Alone it is the command's own failure; what was done before
                # it is shown all the same.
                if len(catalogues) == 1 and not begun:
                    raise
                self.failed(exc, catalogue.target.name)

    def _interrupted(self, catalogue: 'catalogue_base.Catalogue') -> None:
        if self.changes:
            name = catalogue.target.name
            self.app.stderr.write(
                f'hint: what is half done at {name}, the next command on '
                'its images finishes or undoes\n'
            )

    def notified(
        self,
        action: str,
        catalogue: 'catalogue_base.Catalogue',
        image: artifact.ImageRecord,
        reason: str | None,
    ) -> 'contextlib.AbstractContextManager[notify.Ended]':
        """Tell those who listen of what is done with an image.

        See :func:`image_pipeline.engine.notify.image`.

        :param action: what is done.
        :param catalogue: where the image is.
        :param image: the image, before.
        :param reason: why.
        """
        from image_pipeline.engine import notify
        from image_pipeline.notifications import payloads

        return notify.image(
            self.settings,
            payloads.Action(action),
            catalogue.target,
            image,
            reason=reason,
        )

    def refused(self) -> None:
        """Remember that something was refused, as the table says."""
        self._refused = True

    def failed(self, exc: exceptions.PipelineError, target: str) -> None:
        """Tell that something failed at a target, and remember it.

        :param exc: what.
        :param target: the target's name.
        """
        self._failures.append(exc.exit_status)
        first, *rest = base.explain(exc)
        kind, _, message = first.partition(': ')
        for line in (f'{kind}: {target}: {message}', *rest):
            self.app.stderr.write(f'{line}\n')

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run, and return the exit status.

        :param parsed_args: the arguments.
        """
        status: int = super().run(parsed_args)
        kinds = set(self._failures)
        if not kinds:
            return 1 if self._refused else status
        everywhere = len(self._failures) == self._tried and len(kinds) == 1
        return kinds.pop() if everywhere else 1


class OnTargets(Targets, base.Lister):
    """Such a command that prints a table."""


def add_targets(parser: argparse.ArgumentParser) -> None:
    """Add the option that says whose catalogues are meant.

    :param parser: the command's.
    """
    parser.add_argument(
        '--target',
        action='append',
        default=[],
        dest='targets',
        metavar='TARGET',
        help='whose catalogue: a target of the site, or a cloud of '
        f'clouds.yaml; may be given several times (default: {_LOCAL})',
    )


def load(
    settings: 'conf_settings.Settings', name: str
) -> 'catalogue_base.Catalogue':
    """Return a target's catalogue; nothing is asked of it yet.

    :param settings: the site's settings.
    :param name: the target's name.
    :raises NotFound: there is no such target.
    """
    from image_pipeline.catalogues import registry

    return registry.load(find(settings, name), settings.state_dir)


def find(
    settings: 'conf_settings.Settings', name: str
) -> 'conf_settings.Target':
    """Return a target.

    :param settings: the site's settings.
    :param name: the target's name.
    :raises NotFound: there is no such target.
    """
    target = settings.targets.get(name)
    if target is None:
        raise exceptions.NotFound(
            f'there is no target "{name}"',
            hint=exceptions.did_you_mean(name, settings.targets)
            or f'targets are {", ".join(sorted(settings.targets))}',
        )
    return target


def hint_at(hint: str | None, target: str) -> str | None:
    """Return a hint whose commands can be called as they stand.

    :param hint: of an error.
    :param target: where it happened.
    """
    if hint is None or target == _LOCAL:
        return hint
    return _COMMAND.sub(
        lambda found: (
            found[0]
            if ' --target ' in found[0]
            else f'{found[0][:-1]} --target {target}`'
        ),
        hint,
    )


def recover(catalogue: 'catalogue_base.Catalogue') -> None:
    """Finish or undo what was left half done in a catalogue, and say so.

    :param catalogue: the catalogue.
    """
    name = catalogue.target.name
    try:
        lines = catalogue.recover()
    except (exceptions.Forbidden, exceptions.StateConflict) as exc:
        # Whoever may only look, looks; a change will tell what is wrong.
        lines = [f'what was left half done stays so: {exc.message}']
    for line in lines:
        LOG.warning('%s: %s', name, line)
