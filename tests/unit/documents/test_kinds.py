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

from image_pipeline import exceptions
from image_pipeline.documents import kinds, nodes

RECIPE = kinds.Kind(what='recipe', error=exceptions.RecipeInvalid)


def test_all_problems_come_at_once_as_they_stand_in_the_file():
    later, first = (
        exceptions.Problem(file='f', line=line, message='is wrong')
        for line in (7, 2)
    )
    error = RECIPE.invalid([later, first, later], 'f')
    assert isinstance(error, exceptions.RecipeInvalid)
    assert error.message == 'f has 2 problems'
    assert error.problems == (first, later)


def test_one_problem_stands_where_its_mark_is():
    mark = nodes.Mark('f', 3, 4)
    error = RECIPE.wrong('f', 'is wrong', mark=mark, hint='mend it')
    assert error.message == 'f has 1 problem'
    assert [str(one) for one in error.problems] == [
        'f:3:4: is wrong (mend it)'
    ]


def test_what_has_no_kind_of_error_is_invalid_input():
    error = kinds.Kind(what='profile').wrong('f', 'is wrong')
    assert type(error) is exceptions.InvalidInput
    assert [str(one) for one in error.problems] == ['f: is wrong']
