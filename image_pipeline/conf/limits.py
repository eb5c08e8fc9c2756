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

"""How long stages may take and how much is kept: the group ``[limits]``."""

import types

from oslo_config import cfg
from oslo_config import types as cfg_types

GROUP = 'limits'

#: Seconds that a stage may take, where the site does not say.
STAGE_TIMEOUTS = types.MappingProxyType(
    {'compose': 7200, 'convert': 3600, 'smoke-test': 3600}
)

opts = [
    cfg.Opt(
        'stage_timeouts',
        type=cfg_types.Dict(cfg_types.Integer(min=1), bounds=False),
        default={},
        sample_default=','.join(
            f'{name}:{seconds}' for name, seconds in STAGE_TIMEOUTS.items()
        ),
        help='Seconds that a stage may take, by stage. The others may take '
        'as long as they like.',
    ),
    cfg.IntOpt(
        'keep_runs',
        default=20,
        min=1,
        help='Finished runs of a recipe that are kept.',
    ),
    cfg.IntOpt(
        'keep_candidates',
        default=3,
        min=0,
        help='Unpromoted candidates of an image that are kept.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group's options.

    :param conf: where to.
    """
    conf.register_opts(opts, group=GROUP)
