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

from importlib import metadata

from image_pipeline.audit import registry
from image_pipeline.testing.conformance import rule


class TestOurs(rule.RuleConformance):
    rule_ids = tuple(
        sorted(
            one.name
            for one in metadata.entry_points(group=registry.NAMESPACE)
            if one.module.startswith('image_pipeline.')
        )
    )


def test_there_are_rules_to_be_tested():
    assert 'EGI-LAYOUT-01' in TestOurs.rule_ids
