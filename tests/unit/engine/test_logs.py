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

import logging
import threading

import pytest

from image_pipeline.engine import logs
from image_pipeline.host import redaction
from image_pipeline.store import runs

LOG = logging.getLogger('image_pipeline.test')


@pytest.fixture
def run(store):
    made = store.runs.create('', manifest={}, run_id=runs.new_id('r'))
    yield made
    made.release()


def test_lines_go_to_the_log_of_the_step_that_writes_them(run):
    def work(key):
        with logs.step(key):
            LOG.info('from %s', key)

    with logs.kept(run, redaction.Redactor(['secret'])):
        threads = [
            threading.Thread(target=work, args=(key,)) for key in ('a', 'b')
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        LOG.warning('a secret of the run')
    LOG.warning('afterwards')
    assert 'from a' in run.log('a').read_text()
    assert 'from b' in run.log('b').read_text()
    text = run.log('run').read_text()
    assert 'WARNING image_pipeline.test a *** of the run' in text
    assert 'afterwards' not in text
    assert 'from' not in text


def test_loggers_are_left_as_they_were(run):
    loggers = [logging.getLogger(name) for name in logs._LOGGERS]
    before = [(one.level, one.propagate, len(one.handlers)) for one in loggers]
    with logs.kept(run, redaction.Redactor()):
        assert not loggers[1].propagate
    assert before == [
        (one.level, one.propagate, len(one.handlers)) for one in loggers
    ]
