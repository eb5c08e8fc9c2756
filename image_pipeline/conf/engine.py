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

"""How steps are run: the group ``[engine]``."""

import os

from oslo_config import cfg

GROUP = 'engine'

opts = [
    cfg.StrOpt(
        'connection',
        secret=True,
        help="SQLAlchemy URL of TaskFlow's persistence. The default is a "
        'SQLite file in the state folder.',
    ),
    cfg.IntOpt(
        'max_workers',
        default=os.cpu_count() or 1,
        sample_default=2,
        min=1,
        help='Steps that run at the same time. The default is the number of '
        'processors.',
    ),
    cfg.StrOpt(
        'accel',
        default='auto',
        choices=[
            ('auto', 'KVM if a probe shows that it works here'),
            ('kvm', 'KVM without a probe'),
            ('tcg', 'software emulation'),
        ],
        help='Acceleration of local virtual machines.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group's options.

    :param conf: where to.
    """
    conf.register_opts(opts, group=GROUP)
