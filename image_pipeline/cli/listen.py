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

"""``listen``: print the notifications that arrive."""

import argparse
import fnmatch
import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from image_pipeline import exceptions
from image_pipeline.cli import base

if TYPE_CHECKING:
    from image_pipeline.host import cancellation
    from image_pipeline.notifications import listen

LOG = logging.getLogger(__name__)

#: Seconds between two looks at whether to stop.
_TICK = 0.2
#: What a person wants to know of each kind of payload, in this order.
_FACTS: Mapping[str, tuple[str, ...]] = {
    'RunPayload': ('recipe', 'run', 'state', 'error'),
    'StagePayload': ('recipe', 'step', 'state', 'error'),
    'ImagePayload': ('target', 'name', 'id', 'state', 'reason', 'error'),
}


class Listen(base.Command):
    """Print what is told of runs, stages and images, as it arrives.

    Ctrl-C ends it.  It needs the message broker of
    [oslo_messaging_notifications] transport_url, and takes nothing away
    from others who listen there.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--event',
            metavar='PATTERN',
            action='append',
            default=[],
            dest='events',
            help='only these, such as run.end or "image.*"; may be given '
            'several times',
        )
        parser.add_argument(
            '--count',
            type=_positive,
            metavar='N',
            help='end after this many',
        )
        parser.add_argument(
            '--timeout',
            type=_positive,
            metavar='SECONDS',
            help='end after that time; with --count, the exit status is 5 '
            'if fewer arrived',
        )
        parser.add_argument(
            '--queue',
            metavar='NAME',
            help='listen through the queue of this name, which the broker '
            'keeps: what arrives while nobody listens is printed the next '
            'time (default: a queue that goes away in the end)',
        )
        parser.add_argument(
            '-f',
            '--format',
            choices=['text', 'json'],
            default='text',
            dest='form',
            help='text: a line for a person; json: one JSON object a line',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Listen and print; return the exit status.

        :param parsed_args: the arguments.
        :raises InvalidInput: no broker is configured.
        :raises Unavailable: it does not answer, or too little arrived.
        """
        import contextlib

        from image_pipeline.host import cancellation
        from image_pipeline.notifications import listen, messaging

        settings = self.settings.notifications
        if settings.transport_url is None:
            raise exceptions.InvalidInput(
                'no message broker is configured',
                hint='set [oslo_messaging_notifications] transport_url; see '
                'the manual on notifications',
            )
        cancelled = cancellation.CancellationToken()
        with contextlib.ExitStack() as stack:
            stack.enter_context(cancellation.cancel_on_signals(cancelled))
            name = parsed_args.queue or stack.enter_context(
                listen.queue_name(self.settings.state_dir / 'locks')
            )
            listener = stack.enter_context(
                listen.Listener(
                    settings, pool=name, keep=parsed_args.queue is not None
                )
            )
            if not self.app.options.quiet:
                self.app.stderr.write(
                    f'listening at {messaging.where(settings)}\n'
                )
                self.app.stderr.flush()
            count = 0
            for heard in self._arriving(listener, parsed_args, cancelled):
                self._print(heard, parsed_args.form)
                count += 1
                if count == parsed_args.count:
                    return 0
        if parsed_args.count is not None and not cancelled.cancelled:
            raise exceptions.Unavailable(
                f'{count} of {parsed_args.count} notifications arrived '
                f'within {parsed_args.timeout} seconds'
            )
        return 0

    def _arriving(
        self,
        listener: 'listen.Listener',
        parsed_args: argparse.Namespace,
        cancelled: 'cancellation.CancellationToken',
    ) -> Iterator['listen.Heard']:
        """Yield what arrives and is asked for, until it is time to end."""
        end = None
        if parsed_args.timeout is not None:
            end = time.monotonic() + parsed_args.timeout
        trouble = None
        while not cancelled.cancelled:
            if end is not None and time.monotonic() >= end:
                return
            heard = listener.next(_TICK)
            now = listener.trouble()
            if now and now != trouble:
                LOG.warning('%s', now)
                trouble = now
            if heard is None:
                continue
            trouble = None
            if _wanted(heard, parsed_args.events):
                yield heard

    def _print(self, heard: 'listen.Heard', form: str) -> None:
        if form == 'json':
            line = json.dumps(heard.to_json())
        else:
            line = base.visible(text(heard)).replace('\n', ' ')
        self.app.stdout.write(f'{line}\n')
        self.app.stdout.flush()


def text(heard: 'listen.Heard') -> str:
    """Return a notification as a line for a person.

    :param heard: the notification.
    """
    payload = heard.payload if isinstance(heard.payload, Mapping) else {}
    data = payload.get('data')
    if not isinstance(data, Mapping):
        data = {}
    facts = _FACTS.get(str(payload.get('name')), ())
    words: list[Any] = [
        heard.timestamp[:19],
        heard.publisher_id.partition('.')[2] or heard.publisher_id,
        _short(heard.event_type),
        *(data[name] for name in facts if data.get(name)),
    ]
    return ' '.join(str(word) for word in words)


def _wanted(heard: 'listen.Heard', patterns: list[str]) -> bool:
    names = (heard.event_type, _short(heard.event_type))
    return not patterns or any(
        fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
        for name in names
    )


def _short(event_type: str) -> str:
    return event_type.partition('.')[2]


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError('it is not positive')
    return number
