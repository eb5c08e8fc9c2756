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

import dataclasses

from image_pipeline.conf import opts, settings


def test_every_option_has_help_for_the_sample():
    for group, options in opts.list_opts():
        for option in options:
            assert option.help and option.help.endswith('.'), (
                group,
                option.name,
            )


def test_groups_are_listed_once():
    groups = [group for group, _ in opts.list_opts()]
    assert len(groups) == len(set(groups))


def test_target_has_an_option_for_every_field_that_a_site_sets():
    fields = {field.name for field in dataclasses.fields(settings.Target)}
    options = {
        option.dest for option in dict(opts.list_opts())['target:local']
    }
    # The name is the group's; the option "name" is the image's.
    assert options - {'name'} == fields - {
        'name',
        'image_name',
        # Of a group of its own.
        'requests',
    }
