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
import pytest

from image_pipeline.audit.guest import cloud_init_merge


def test_the_first_source_wins_and_mappings_are_joined():
    found = cloud_init_merge.merge(
        [
            {'a': 1, 'c': [1, 2, 3], 'd': {'a': 1, 'b': 2}},
            {'a': 10, 'c': [4], 'd': {'a': 3, 'f': 10}, 'e': 20},
        ]
    )
    assert found == {
        'a': 1,
        'c': [1, 2, 3],
        'd': {'a': 1, 'b': 2, 'f': 10},
        'e': 20,
    }


def test_sources_stay_as_they_are():
    first, second = {'d': {'a': 1}}, {'d': {'b': 2}, 'merge_how': 'dict()'}
    cloud_init_merge.merge([first, second])
    assert first == {'d': {'a': 1}}
    assert second == {'d': {'b': 2}, 'merge_how': 'dict()'}


@pytest.mark.parametrize(
    ('how', 'found'),
    [
        (None, [1, 2]),
        ('list(append)+dict(recurse_array)+str()', [1, 2, 3]),
        ('list(prepend)+dict(recurse_list)', [3, 1, 2]),
        ('list()+dict(recurse_list)', [3, 2]),
        ('list(no_replace)+dict(recurse_list)', [1, 2]),
        ('dict(replace)+list(append)', [3]),
        (
            [
                {'name': 'list', 'settings': ['append']},
                {'name': 'dict', 'settings': ['recurse_list']},
            ],
            [1, 2, 3],
        ),
        ([['dict', 'replace']], [3]),
    ],
)
@pytest.mark.parametrize('key', ['merge_how', 'merge_type'])
def test_a_later_source_says_how_it_is_merged(key, how, found):
    later = {'a': [3], key: how}
    assert cloud_init_merge.merge([{'a': [1, 2]}, later]) == {'a': found}


def test_text_is_appended_and_keys_are_deleted_where_that_is_asked_for():
    found = cloud_init_merge.merge(
        [
            {'a': 'x', 'b': 1},
            {'a': 'y', 'merge_how': 'dict(recurse_str)+str(append)'},
            {'b': None, 'merge_how': 'dict(allow_delete)'},
        ]
    )
    assert found == {'a': 'xy'}


@pytest.mark.parametrize('how', ['list', 'dict(', [1], [{}], 'dict()x'])
def test_a_merger_that_there_is_not_is_an_error(how):
    with pytest.raises(ValueError, match='merge_how'):
        cloud_init_merge.merge([{'a': 1}, {'a': 2, 'merge_how': how}])


def test_a_bomb_of_aliases_is_not_merged_out():
    def bomb():
        value = {'a': 1, 'b': 1}
        for _ in range(40):
            value = {'a': value, 'b': value}
        return value

    with pytest.raises(ValueError, match='too much'):
        cloud_init_merge.merge([bomb(), bomb()])
