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

"""Where packages come from: the group ``[mirrors]``."""

from oslo_config import cfg

GROUP = 'mirrors'


def _mirror(name: str, what: str) -> cfg.StrOpt:
    # URIOpt wants a host, which file:///srv/mirror has not.
    return cfg.StrOpt(
        name,
        regex='^(https?://[^/\\s]|file:///)\\S*$',
        help=f'Base URL of {what}. The default is what the apt of this host '
        'uses.',
    )


opts = [
    _mirror('debian', 'the Debian archive'),
    _mirror('debian_security', 'the Debian security archive'),
    _mirror('ubuntu', 'the Ubuntu archive'),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group's options.

    :param conf: where to.
    """
    conf.register_opts(opts, group=GROUP)
