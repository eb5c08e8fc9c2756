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

from image_pipeline.testing import disks


@pytest.fixture
def image(tmp_path):
    path = tmp_path / 'disk.raw'
    path.write_bytes(disks.gpt_disk([]))
    return path


def test_report_of_rules_that_pass_has_status_0(run, image):
    done = run('audit', str(image), '--rule', 'EGI-LAYOUT-08', '-f', 'json')
    assert done.status == 0
    (report,) = done.json
    assert report['results'][0]['outcome'] == 'pass'


def test_rule_that_cannot_be_judged_has_status_3(run, image):
    done = run('audit', str(image), '--rule', 'EGI-LAYOUT-02')
    assert done.status == 3
    assert 'unknown' in done.out


def test_file_that_cannot_be_read_has_status_2_and_no_output(run, tmp_path):
    done = run('audit', str(tmp_path))
    assert (done.status, done.out) == (2, '')
    assert 'is a directory' in done.err


def test_every_file_that_cannot_be_read_is_named(run, tmp_path):
    done = run('audit', str(tmp_path / 'a'), str(tmp_path / 'b'))
    assert done.status == 2
    assert f'{tmp_path}/a: ' in done.err and f'{tmp_path}/b: ' in done.err


def test_sound_file_is_printed_beside_one_that_cannot_be_read(
    run, image, tmp_path
):
    done = run(
        'audit', str(tmp_path), str(image), '--rule', 'EGI-LAYOUT-08',
        '-f', 'json',
    )  # fmt: skip
    assert done.status == 2
    assert [report['image'] for report in done.json] == [str(image)]


def test_table_is_silent_about_what_passes_unless_asked(run, image):
    arguments = ('audit', str(image), '--rule', 'EGI-LAYOUT-08')
    assert 'EGI-LAYOUT-08' not in run(*arguments).out
    assert 'EGI-LAYOUT-08' in run(*arguments, '--passed').out
    assert '1 rules: 1 pass' in run(*arguments).out


def test_yaml_has_the_same_as_json(run, image):
    import yaml

    arguments = ('audit', str(image), '--rule', 'EGI-LAYOUT-08', '-f')
    assert yaml.safe_load(run(*arguments, 'yaml').out) == (
        run(*arguments, 'json').json
    )


def test_junit_and_sarif_are_whole_documents(run, image):
    import junitparser

    arguments = ('audit', str(image), '--rule', 'EGI-LAYOUT-08', '-f')
    document = junitparser.JUnitXml.fromstring(
        run(*arguments, 'junit').out.encode()
    )
    assert [suite.tests for suite in document] == [1]
    (found,) = run(*arguments, 'sarif').json['runs']
    assert found['results'][0]['ruleId'] == 'EGI-LAYOUT-08'


def test_what_an_image_says_does_not_reach_the_terminal_as_a_command():
    from image_pipeline.cli import base

    shown = base.visible('\x1b[2J\udcff\u202e\n')
    assert shown == '\\x1b[2J\\udcff\u202e\n'
    shown.encode()


@pytest.fixture
def profile(tmp_path):
    """Write a profile of the site's, and give its file."""

    def write(text, name='ours'):
        path = tmp_path / 'config/image-pipeline/profiles' / f'{name}.yaml'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('version: 1\ndescription: ours\n' + text)
        return path

    return write


def test_profile_of_the_site_is_found_by_its_name(run, image, profile):
    profile('rules: {EGI-LAYOUT-08: {severity: info}}')
    done = run('audit', str(image), '--profile', 'ours', '-f', 'json')
    assert done.status == 0
    (report,) = done.json
    assert report['profile'] == 'ours'
    assert [one['rule'] for one in report['results']] == ['EGI-LAYOUT-08']


def test_unknown_rule_in_a_profile_is_one_clear_error(run, image, profile):
    path = profile('rules: {EGI-LAYUOT-08: {}}')
    done = run('audit', str(image), '--profile', 'ours')
    assert (done.status, done.out) == (2, '')
    assert f'{path}:3:9: rules.EGI-LAYUOT-08: there is no such rule' in (
        done.err
    )
    assert 'did you mean "EGI-LAYOUT-08"?' in done.err
    assert 'Traceback' not in done.err


@pytest.mark.parametrize(
    ('waiver', 'what'),
    [
        ('expires: 2999-01-01', '3:3: waivers[0]: "reason" is missing'),
        (
            'reason: " ", expires: 2999-01-01',
            '3:33: waivers[0].reason: " " does not match',
        ),
        (
            'reason: x, expires: 2020-01-01',
            '3:45: waivers[0].expires: the waiver of EGI-LAYOUT-08 expired on '
            '2020-01-01',
        ),
    ],
    ids=['no reason', 'empty reason', 'expired'],
)
def test_waiver_without_a_reason_or_past_its_day_is_refused(
    run, image, tmp_path, waiver, what
):
    path = tmp_path / 'w.yaml'
    path.write_text(
        f'version: 1\nwaivers:\n- {{rule: EGI-LAYOUT-08, {waiver}}}\n'
    )
    done = run('audit', str(image), '--waivers', str(path))
    assert (done.status, done.out) == (2, '')
    assert f'{path}:{what}' in done.err
