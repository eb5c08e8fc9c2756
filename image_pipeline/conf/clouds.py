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

"""How the services of clouds are spoken to: the group ``[clouds]``."""

from oslo_config import cfg

GROUP = 'clouds'

opts = [
    cfg.IntOpt(
        'connect_timeout',
        default=10,
        min=1,
        help='Seconds that a connection to a service may take.',
    ),
    cfg.IntOpt(
        'read_timeout',
        default=60,
        min=1,
        help='Seconds that a service may be silent before it counts as '
        'unavailable.',
    ),
    cfg.IntOpt(
        'upload_timeout',
        default=600,
        min=1,
        help='The same while the image service takes or gives the data of an '
        'image: a slow store makes it wait.',
    ),
    cfg.IntOpt(
        'retries',
        default=5,
        min=0,
        help='How often a request that failed for now is repeated, if it may '
        'be: reading, deleting, and what never reached the service. Between '
        'two of them the wait doubles, or is what the service asks for.',
    ),
    cfg.IntOpt(
        'retry_seconds',
        default=120,
        min=0,
        help='After that many seconds a request is not repeated any more.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group's options.

    :param conf: where to.
    """
    conf.register_opts(opts, group=GROUP)
