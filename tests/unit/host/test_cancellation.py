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

import signal
import threading
import time

import pytest

from image_pipeline import exceptions
from image_pipeline.host import cancellation


@pytest.fixture
def token():
    return cancellation.CancellationToken()


def test_the_first_reason_stays(token):
    token.check()
    token.cancel('SIGINT')
    token.cancel('SIGTERM')
    assert token.cancelled
    with pytest.raises(exceptions.Interrupted, match='by SIGINT'):
        token.check()


def test_callbacks_are_called_once_and_can_be_taken_away(token):
    called = []
    token.on_cancel(lambda: called.append('a'))
    remove = token.on_cancel(lambda: called.append('b'))
    remove()
    token.cancel('x')
    token.cancel('x')
    assert called == ['a']


def test_a_late_callback_is_called_at_once(token):
    token.cancel('x')
    called = []
    token.on_cancel(lambda: called.append('a'))
    assert called == ['a']


def test_a_wait_ends_when_cancelled(token):
    threading.Timer(0.1, token.cancel, ['x']).start()
    with pytest.raises(exceptions.Interrupted):
        token.wait(60)


def test_a_child_is_cancelled_with_its_parent_but_not_the_other_way(token):
    child, _ = token.child()
    other, _ = token.child()
    child.cancel('its time limit')
    assert not token.cancelled
    assert not other.cancelled
    token.cancel('SIGINT')
    assert other.reason == 'SIGINT'
    assert child.reason == 'its time limit'


def test_a_child_that_parted_goes_its_own_way(token):
    child, forget = token.child()
    forget()
    token.cancel('x')
    assert not child.cancelled


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize('number', cancellation.SIGNALS)
def test_a_signal_cancels_and_further_ones_are_told(token, number):
    former = signal.getsignal(number)
    told = []
    with cancellation.cancel_on_signals(token, on_repeat=told.append):
        signal.raise_signal(number)
        wait_for(lambda: token.cancelled)
        assert token.reason == number.name
        signal.raise_signal(number)
        wait_for(lambda: told)
    assert told == [number.name]
    assert signal.getsignal(number) == former


def test_what_is_ignored_stays_ignored(token):
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with cancellation.cancel_on_signals(token):
            signal.raise_signal(signal.SIGHUP)
        assert not token.cancelled
    finally:
        signal.signal(signal.SIGHUP, former)


def test_outside_of_the_main_thread_signals_are_left_alone(token):
    former = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with cancellation.cancel_on_signals(token):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [former]


def test_work_without_a_token_in_force_is_done_here():
    assert cancellation.abandonable(threading.current_thread) is (
        threading.current_thread()
    )


def test_work_is_given_up_when_somebody_asks_to_stop():
    token = cancellation.CancellationToken()
    begun, free = threading.Event(), threading.Event()

    def work():
        begun.set()
        free.wait(60)

    def stop():
        begun.wait(60)
        token.cancel('SIGINT')

    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        with (
            cancellation.in_force(token),
            pytest.raises(exceptions.Interrupted, match='SIGINT'),
        ):
            cancellation.abandonable(work)
    finally:
        free.set()
        stopper.join()


def test_what_undoes_is_not_given_up():
    token = cancellation.CancellationToken()
    token.cancel('SIGINT')
    with cancellation.in_force(token):
        assert cancellation.abandonable(lambda: 'undone') == 'undone'


def test_work_returns_or_raises_what_it_does():
    token = cancellation.CancellationToken()

    def fail():
        raise ValueError('as it is')

    with cancellation.in_force(token):
        assert cancellation.abandonable(lambda: 7) == 7
        with pytest.raises(ValueError, match='as it is'):
            cancellation.abandonable(fail)


def test_work_within_work_has_no_thread_of_its_own():
    token = cancellation.CancellationToken()

    def outer():
        return threading.current_thread() is cancellation.abandonable(
            threading.current_thread
        )

    with cancellation.in_force(token):
        assert cancellation.abandonable(outer)
    assert token.cancelled is False
