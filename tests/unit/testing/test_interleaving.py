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

"""Clients take turns as they are told to."""

import pytest

from image_pipeline.testing import fake_glance, interleaving

STEP, DIE, LATE = interleaving.Event


def clients(service, seen):
    def work(client):
        for _ in range(3):
            client.images.find(hidden=True)
            seen.append(client.name)

    return [interleaving.Client(name, service, work) for name in 'ab']


def run(service, made, schedule, look=lambda: None):
    interleaving.run(service, made, schedule, look=look)


def test_clients_take_turns_as_the_schedule_says():
    service, seen = fake_glance.FakeGlance(), []
    run(service, clients(service, seen), [(1, STEP), (1, STEP), (0, STEP)])
    assert ''.join(seen)[:3] == 'bba'
    assert sorted(seen) == list('aaabbb')


def test_client_dies_before_its_next_request():
    service, seen = fake_glance.FakeGlance(), []
    made = clients(service, seen)
    run(service, made, [(0, STEP), (0, DIE)])
    assert sorted(seen) == list('abbb')
    assert [one.dead for one in made] == [True, False]


def test_time_passes_while_a_client_is_late():
    service, seen = fake_glance.FakeGlance(), []
    before = service.time
    run(service, clients(service, seen), [(0, LATE)])
    assert (service.time - before).total_seconds() > 60


def test_what_a_look_finds_ends_all_clients():
    service, seen = fake_glance.FakeGlance(), []
    made = clients(service, seen)

    def look():
        raise AssertionError('two')

    with pytest.raises(AssertionError, match='two'):
        run(service, made, [], look)
    assert all(one.done for one in made)


def test_failure_of_a_client_is_a_failure_of_the_test():
    service = fake_glance.FakeGlance()

    def work(client):
        client.images.find(hidden=True)
        raise KeyError('x')

    with pytest.raises(KeyError):
        run(service, [interleaving.Client('a', service, work)], [])
