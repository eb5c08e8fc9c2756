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

"""What is kept from one run to the next: the group ``[cache]``."""

from oslo_config import cfg

GROUP = 'cache'

opts = [
    cfg.IntOpt(
        'max_age',
        default=3600,
        min=0,
        help='Seconds for which a look at what a mirror offers holds.',
    ),
    cfg.IntOpt(
        'keep_days',
        default=30,
        min=0,
        help='Days after which an unused artifact or cache entry may be '
        'collected.',
    ),
    cfg.IntOpt(
        'max_size',
        default=20,
        min=0,
        help='GiB above which the least recently used cache entries are '
        'collected.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group's options.

    :param conf: where to.
    """
    conf.register_opts(opts, group=GROUP)
