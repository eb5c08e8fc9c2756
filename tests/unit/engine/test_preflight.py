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


import threading

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.engine import preflight, questions

Objection = artifact.Objection
NO_ROOM = Objection.error('there is no room', 'make some')
ODD = Objection.warning('it is odd')
DOWN = Objection(
    problem=exceptions.Problem(message='it is down'), unavailable=True
)


def question(*objections, target='cloud', steps=('a',), error=None):
    def ask():
        yield from objections
        if error is not None:
            raise error

    return questions.Question(
        target=target, steps=steps, who='its service', ask=ask
    )


def said(found):
    return [(one.target, one.objection.problem.message) for one in found]


def test_answers_come_in_the_order_of_the_questions():
    found = preflight.answers(
        [question(NO_ROOM), question(), question(ODD, target='b')], limit=60
    )
    assert said(found) == [('cloud', 'there is no room'), ('b', 'it is odd')]


def test_what_both_services_object_to_is_told_once():
    found = preflight.answers(
        [question(DOWN, steps=('a',)), question(DOWN, steps=('b',))], limit=60
    )
    assert [one.steps for one in found] == [('a', 'b')]


def test_an_error_is_an_objection_after_what_was_said_before():
    error = exceptions.Unavailable('no answer', hint='wait')
    found = preflight.answers([question(ODD, error=error)], limit=60)
    assert said(found) == [('cloud', 'it is odd'), ('cloud', 'no answer')]
    assert [one.stops for one in found] == [False, True]
    assert found[1].objection.unavailable
    assert found[1].objection.problem.hint == 'wait'


def test_each_problem_of_an_error_is_one():
    error = exceptions.InvalidInput(
        'two',
        problems=[
            exceptions.Problem(message='one'),
            exceptions.Problem(message='other'),
        ],
    )
    found = preflight.answers([question(error=error)], limit=60)
    assert said(found) == [('cloud', 'one'), ('cloud', 'other')]


def test_an_error_of_ours_is_said_and_stops_nothing():
    found = preflight.answers([question(error=KeyError('x'))], limit=60)
    assert "KeyError: 'x'" in said(found)[0][1]
    assert not found[0].stops


def test_who_does_not_answer_does_not_hold_up_the_others():
    end = threading.Event()

    def hang():
        end.wait()
        return []

    late = questions.Question(
        target='late', steps=('a',), who='its service', ask=hang
    )
    try:
        found = preflight.answers([late, question(NO_ROOM)], limit=0.5)
    finally:
        end.set()
    assert said(found)[0] == (
        'late',
        'its service has not answered within 0.5 s',
    )
    assert found[0].objection.unavailable


def found(*objections):
    return preflight.answers([question(*objections)], limit=60)


def test_nothing_is_refused_for_a_warning():
    preflight.refuse(found(ODD))


def test_run_that_would_fail_is_refused_with_every_problem():
    host = exceptions.Problem(message='a program is missing')
    with pytest.raises(exceptions.PlanInvalid) as caught:
        preflight.refuse(found(ODD, NO_ROOM, DOWN), [host])
    assert caught.value.exit_status == 2
    assert caught.value.message == 'the run would fail: 3 problems'
    assert [str(one) for one in caught.value.problems] == [
        'a program is missing',
        'cloud: there is no room (make some)',
        'cloud: it is down',
    ]


def test_what_may_be_gone_later_is_unavailable():
    with pytest.raises(exceptions.Unavailable) as caught:
        preflight.refuse(found(DOWN))
    assert caught.value.exit_status == 5
    assert 'cloud' in caught.value.message
    assert [one.message for one in caught.value.problems] == [
        'cloud: it is down'
    ]


def test_what_this_host_lacks_is_said_as_before():
    host = exceptions.Problem(message='a program is missing')
    with pytest.raises(exceptions.PlanInvalid, match='this host lacks'):
        preflight.refuse([], [host])


def test_problem_names_the_target_and_the_value():
    one = preflight.Found(
        target='cloud',
        steps=(),
        objection=Objection(
            problem=exceptions.Problem(path='properties.x', message='is odd')
        ),
    )
    assert str(preflight.problem(one)) == 'cloud: properties.x: is odd'


def test_json_has_what_a_program_needs():
    (one,) = found(NO_ROOM)
    assert one.to_json() == {
        'target': 'cloud',
        'severity': 'error',
        'message': 'there is no room',
        'hint': 'make some',
        'unavailable': False,
    }
