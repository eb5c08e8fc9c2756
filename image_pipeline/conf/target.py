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

"""Where images go: one group ``[target:NAME]`` for each target.

``local`` is there without a group: a directory as the catalogue, QEMU as the
hypervisor.
"""

import re

from oslo_config import cfg

PREFIX = 'target:'
#: A target's name is a part of file names.
NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,63}')

opts = [
    cfg.StrOpt(
        'cloud',
        help='Cloud of clouds.yaml. Without one the target is this host.',
    ),
    cfg.StrOpt('region', help='Region of that cloud.'),
    cfg.StrOpt(
        'catalogue',
        sample_default='directory',
        help='Where images are registered. The default is glance for a '
        'cloud, and directory for this host.',
    ),
    cfg.StrOpt(
        'hypervisor',
        sample_default='qemu',
        help='Where images are smoke-tested. The default is nova for a '
        'cloud, and qemu for this host.',
    ),
    cfg.ListOpt(
        'formats',
        default=['qcow2'],
        help='Image formats that the target takes, such as raw on RBD. The '
        'first one is registered.',
    ),
    cfg.StrOpt('name', help="Name of the image. The default is the recipe's."),
    cfg.StrOpt(
        'visibility',
        default='private',
        choices=['private', 'shared', 'community', 'public'],
        help='What a promoted image gets.',
    ),
    cfg.StrOpt(
        'promote',
        choices=[
            ('auto', 'the bake promotes'),
            ('manual', 'a person promotes'),
        ],
        sample_default='auto',
        help='Who promotes an image that passed. The default is manual for a '
        'cloud, and auto for this host.',
    ),
    cfg.IntOpt(
        'keep',
        default=3,
        min=0,
        help='Former images that stay in service.',
    ),
    cfg.ListOpt('tags', default=[], help='Tags of the image.'),
    cfg.DictOpt(
        'properties',
        default={},
        help='Image properties, as NAME:VALUE,NAME:VALUE.',
    ),
    cfg.ListOpt(
        'members',
        default=[],
        help='Ids of the projects that a shared image is shared with.',
    ),
    cfg.ListOpt('stores', default=[], help='Glance stores for the image.'),
    cfg.StrOpt(
        'import_method',
        default='auto',
        choices=[
            ('auto', 'upload, or glance-direct for more than one store'),
            ('upload', 'the image is active when it is sent'),
            ('glance-direct', 'sent, and then imported by Glance'),
            ('web-download', 'fetched by Glance from import_url'),
        ],
        help="How the image's data get to Glance.",
    ),
    cfg.StrOpt(
        'import_url',
        help='Where Glance fetches the image from, for web-download; {name}, '
        '{sha256} and {format} are replaced.',
    ),
    cfg.BoolOpt(
        'protect',
        default=True,
        help='Whether promoted images are protected from deletion until they '
        'are retired.',
    ),
    cfg.BoolOpt(
        'delete',
        default=False,
        help='Whether retired images may be deleted: by image retire '
        '--delete.',
    ),
    cfg.StrOpt('flavor', help="Flavor of the smoke test's server."),
    cfg.StrOpt('network', help="Network of the smoke test's server."),
    cfg.StrOpt(
        'availability_zone',
        help="Availability zone of the smoke test's server.",
    ),
    cfg.FloatOpt(
        'time_factor',
        min=1,
        sample_default=10,
        help='By how much slower than on hardware servers run there: limits '
        'of the smoke test are multiplied by it. Without one it is 10, for a '
        'cloud may emulate its servers; 1 is right for one that does not.',
    ),
    cfg.IntOpt(
        'keep_hours',
        default=24,
        min=1,
        help='Hours for which a failed server stays with --keep-on-failure.',
    ),
]


def register_opts(conf: cfg.ConfigOpts, name: str) -> None:
    """Register the options of one target.

    :param conf: where to.
    :param name: the target's name.
    """
    group = PREFIX + name
    conf.register_group(cfg.OptGroup(group, title=f'Target {name}'))
    conf.register_opts(opts, group=group)
