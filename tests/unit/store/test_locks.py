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

from image_pipeline.store import locks


@pytest.fixture
def every(tmp_path):
    return locks.Locks(tmp_path / 'locks')


def test_one_recipe_has_one_lock_and_it_says_who_holds_it(every):
    with every.recipe('debian-12', run='run-1'):
        with pytest.raises(locks.Held) as caught:
            every.recipe('debian-12').acquire(wait=False)
        assert caught.value.holder['run'] == 'run-1'
        with every.recipe('debian-13'):
            pass
    with every.recipe('debian-12'):
        pass


def test_a_recipe_and_an_image_of_one_name_do_not_meet(every):
    with every.recipe('x'), every.name('x'):
        pass


@pytest.mark.parametrize('name', ['../../etc/passwd', 'a/b', 'ü' * 200, ''])
def test_any_name_is_safe(every, name):
    with every.name(name) as lock:
        assert lock.path.parent == every.root
        assert len(lock.path.name) < 255


def test_names_that_look_alike_have_locks_of_their_own(every):
    assert every.name('a/b').path != every.name('a:b').path
