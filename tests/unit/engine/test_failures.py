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

import errno

from image_pipeline import exceptions
from image_pipeline.engine import failures

SECRETS = {'fake-make': {'TOKEN': 'sesame'}}


def test_error_of_ours_is_shown_as_it_is(plan, job):
    there = job(plan())
    error = exceptions.StageFailed('no')
    step = there.plan.step('fake-make')
    assert failures.explain(there, step, error) is error


def test_error_of_the_system_is_a_sentence(plan, job):
    there = job(plan())
    error = OSError(errno.ENOSPC, 'No space left on device')
    found = failures.explain(there, there.plan.step('fake-make'), error)
    assert 'no space is left on the file system of' in found.message
    assert 'work/fake-make' in found.message
    assert found.hint


def test_any_other_error_names_the_stage_and_leaves_its_trace_in_the_log(
    plan, job
):
    there = job(plan(), secrets=SECRETS)
    step = there.plan.step('fake-make')
    try:
        raise ZeroDivisionError('by sesame')
    except ZeroDivisionError as exc:
        found = failures.explain(there, step, exc)
    assert found.message.startswith(
        'the stage fake-make failed unexpectedly: ZeroDivisionError'
    )
    assert found.hint.startswith('this is an error in the stage')
    log = there.run.log('fake-make').read_text()
    assert 'Traceback' in log
    assert 'ZeroDivisionError: by ***' in log


def test_last_lines_of_the_log_come_with_a_failure(plan, job):
    there = job(plan())
    lines = [f'line {number}' for number in range(100)]
    there.run.log('fake-make').write_text('\n'.join(lines))
    found = failures.record(
        there, there.plan.step('fake-make'), exceptions.StageFailed('no')
    )
    assert found.tail == tuple(lines[-20:])
    assert found.log == str(there.run.log('fake-make'))


def test_lines_that_the_error_brings_are_nearer_than_the_logs(plan, job):
    there = job(plan())
    there.run.log('fake-make').write_text('of the log')
    error = exceptions.CommandFailed('no', tail=['of the program'], log='/l')
    found = failures.record(there, there.plan.step('fake-make'), error)
    assert (found.tail, found.log) == (('of the program',), '/l')


def test_log_of_one_endless_line_is_read_from_its_end_only(plan, job):
    there = job(plan())
    there.run.log('fake-make').write_bytes(b'x' * 10**6 + b'\xff')
    (line,) = failures.record(
        there, there.plan.step('fake-make'), exceptions.StageFailed('no')
    ).tail
    assert len(line) <= 8192


def test_evidence_is_kept_with_the_logs(plan, job, tmp_path):
    there = job(plan())
    evidence = tmp_path / 'report.json'
    evidence.write_text('{}')
    error = exceptions.StageFailed('no')
    error.evidence = (evidence, tmp_path / 'gone.json')
    found = failures.record(there, there.plan.step('fake-make'), error)
    kept = there.run.logs / 'fake-make.report.json'
    assert found.evidence == (str(kept),)
    assert kept.read_text() == '{}'


def test_failure_holds_no_secret(plan, job):
    there = job(plan(), secrets=SECRETS)
    there.run.log('fake-make').write_text('open sesame')
    found = failures.record(
        there,
        there.plan.step('fake-make'),
        exceptions.StageFailed('sesame is wrong', hint='not sesame'),
    )
    assert (found.message, found.hint, found.tail) == (
        '*** is wrong',
        'not ***',
        ('open ***',),
    )


def test_failure_without_a_log_is_told_all_the_same(plan, job):
    there = job(plan())
    found = failures.record(
        there, there.plan.step('fake-make'), exceptions.AuditFailed('no')
    )
    assert (found.message, found.tail, found.exit_status) == ('no', (), 3)
