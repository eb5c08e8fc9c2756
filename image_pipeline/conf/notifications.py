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

"""Who is told of runs: the group ``[oslo_messaging_notifications]``.

The group and the meaning of its options are oslo.messaging's.  They are
declared here too, so that nothing of it is imported where no driver is set,
and a slip is an error as in every other group.
"""

from importlib import metadata
from urllib import parse

from oslo_config import cfg

from image_pipeline import exceptions

GROUP = 'oslo_messaging_notifications'
#: Where oslo.messaging and others have their drivers.
DRIVERS = 'oslo.messaging.notify.drivers'
#: Drivers that send over the transport; the others need none.
_SENDING = frozenset({'messaging', 'messagingv2', 'routing'})

opts = [
    cfg.MultiStrOpt(
        'driver',
        default=[],
        sample_default=['messagingv2'],
        help='How notifications of runs, stages and images are sent: '
        'messagingv2 (over the transport), log (to the log) or noop; may be '
        'given several times. By default none are sent. Needs '
        'image-pipeline[notifications].',
    ),
    cfg.StrOpt(
        'transport_url',
        secret=True,
        sample_default='rabbit://USER:PASSWORD@HOST:5672/',
        help='Where the message broker is; see the manual of '
        'oslo.messaging. Options of its drivers, such as TLS in '
        '[oslo_messaging_rabbit], are read from the same files.',
    ),
    cfg.ListOpt(
        'topics',
        default=['notifications'],
        help='Topics that notifications are sent to.',
    ),
    cfg.IntOpt(
        'retry',
        default=-1,
        min=-1,
        help='How often sending is tried again while the broker does not '
        'answer; -1: as long as the command runs. No command waits for that: '
        'what was not sent when it is done is given up after some seconds.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group's options.

    :param conf: where to.
    """
    conf.register_opts(opts, group=GROUP)


def problem(drivers: list[str], url: str | None) -> tuple[str, str] | None:
    """Return the option that does not fit, and what is wrong with it.

    :param drivers: the value of ``driver``.
    :param url: the value of ``transport_url``.
    """
    known: set[str] = set()
    if drivers:
        known = {one.name for one in metadata.entry_points(group=DRIVERS)}
    for name in drivers:
        if not known:
            return (
                'driver',
                'needs oslo.messaging, which is not installed: pip install '
                '"image-pipeline[notifications]"',
            )
        if name not in known:
            hint = exceptions.did_you_mean(name, known)
            return 'driver', f'there is no driver "{name}"' + (
                f'; {hint}' if hint else f': {", ".join(sorted(known))}'
            )
    if url is None:
        if _SENDING.intersection(drivers):
            return 'transport_url', 'is missing: drivers that send need it'
        return None
    if not parse.urlsplit(url).scheme:
        return (
            'transport_url',
            'must be a URL such as rabbit://USER:PASSWORD@HOST:5672/',
        )
    return None
