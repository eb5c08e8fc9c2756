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

from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.audit import profile, registry, rule

KNOWN = registry.rules()


@pytest.fixture
def write(tmp_path):
    def write_it(text: str, name: str = 'site.yaml') -> str:
        path = tmp_path / name
        path.write_text('version: 1\ndescription: ours\n' + text)
        return str(path)

    return write_it


def invalid(name: str) -> exceptions.InvalidInput:
    with pytest.raises(exceptions.InvalidInput) as caught:
        profile.load(name, KNOWN)
    return caught.value


def ids(found: profile.Profile) -> list[str]:
    return [chosen.rule.id for chosen in found.chosen]


@pytest.mark.parametrize('name', profile.names())
def test_shipped_profile_is_chosen_from(name):
    found = profile.load(name, KNOWN)
    assert found.name == name
    assert found.description
    assert found.chosen


@pytest.mark.parametrize('name', profile.names())
def test_shipped_profile_is_valid_where_profiles_are_checked(name, tmp_path):
    # Loading trusts what came with us; a copy of it is checked as anybody's.
    shipped = Path(profile.__file__).parent / 'profiles' / f'{name}.yaml'
    copy = tmp_path / 'copy.yaml'
    copy.write_text(shipped.read_text())
    assert ids(profile.load(str(copy), KNOWN)) == ids(
        profile.load(name, KNOWN)
    )


def test_egi_judges_every_rule_of_ours():
    assert ids(profile.load('egi', KNOWN)) == list(KNOWN)


def test_unknown_profile_is_guessed_at():
    with pytest.raises(exceptions.NotFound) as caught:
        profile.load('egy', KNOWN)
    assert caught.value.hint == 'did you mean "egi"?'


def test_profile_of_a_site_extends_a_shipped_one(write):
    path = write(
        'extends: egi\n'
        'exclude: [EGI-LAYOUT-0*]\n'
        'rules:\n'
        '  EGI-LAYOUT-11:\n'
        '    severity: warning\n'
        '    options: {max_mount_count: 9}\n'
    )
    found = profile.load(path, KNOWN)
    assert ids(found) == [
        one for one in KNOWN if not one.startswith('EGI-LAYOUT-0')
    ]
    (changed,) = (c for c in found.chosen if c.rule.id == 'EGI-LAYOUT-11')
    assert changed.severity is rule.Severity.WARNING
    assert changed.options == {'max_mount_count': 9}
    assert found.description == 'ours'


def test_profile_may_extend_one_beside_it(write):
    write('rules: {EGI-LAYOUT-02: {}}', 'base.yaml')
    path = write('extends: ./base.yaml')
    assert ids(profile.load(path, KNOWN)) == ['EGI-LAYOUT-02']


def test_base_is_found_beside_the_file_wherever_we_stand(write):
    write('rules: {EGI-LAYOUT-02: {}}', 'base.yaml')
    path = write('extends: base.yaml')
    assert ids(profile.load(path, KNOWN)) == ['EGI-LAYOUT-02']


def test_profile_that_extends_itself_is_refused_at_its_line(write):
    write('extends: site.yaml', 'base.yaml')
    path = write('extends: base.yaml')
    (problem,) = invalid(path).problems
    assert problem.message == '"extends" goes in a circle'
    assert problem.where.endswith('base.yaml:3:10')


def test_chain_without_an_end_is_refused(write):
    for number in range(20):
        write(f'extends: p{number + 1}.yaml', f'p{number}.yaml')
    (problem,) = invalid(write('extends: p0.yaml')).problems
    assert problem.message == 'more than 10 profiles extend one another'


def test_unknown_base_is_guessed_at_at_its_line(write):
    path = write('extends: egy')
    (problem,) = invalid(path).problems
    assert str(problem) == (
        f'{path}:3:10: extends: there is no profile egy (did you mean "egi"?)'
    )


def test_profile_is_found_by_name_in_the_folders_of_the_site(write, tmp_path):
    write('rules: {EGI-LAYOUT-02: {}}', 'ours.yaml')
    write('extends: ours', 'theirs.yml')
    path = [tmp_path / 'no such folder', tmp_path]
    assert set(profile.names(path)) == {*profile.names(), 'ours', 'theirs'}
    found = profile.load('theirs', KNOWN, path=path)
    assert (found.name, ids(found)) == ('theirs', ['EGI-LAYOUT-02'])


def test_profile_in_an_earlier_folder_wins(write, tmp_path):
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        write(f'rules: {{EGI-LAYOUT-0{number}: {{}}}}', f'{number}/ours.yaml')
    path = [tmp_path / '2', tmp_path / '1']
    assert ids(profile.load('ours', KNOWN, path=path)) == ['EGI-LAYOUT-02']


def test_profile_of_ours_cannot_be_replaced(write, tmp_path):
    path = write('rules: {}', 'egi.yaml')
    with pytest.raises(exceptions.InvalidInput) as caught:
        profile.load('egi', KNOWN, path=[tmp_path])
    assert caught.value.message == (
        f'{path}: a profile egi comes with image-pipeline'
    )
    assert 'another name' in caught.value.hint


def test_unknown_profile_lists_those_of_the_site_too(write, tmp_path):
    write('rules: {}', 'ours.yaml')
    with pytest.raises(exceptions.NotFound) as caught:
        profile.load('quux', KNOWN, path=[tmp_path])
    assert ', ours, ' in caught.value.hint


def test_rules_are_chosen_by_pattern_and_taken_out_again(write):
    path = write('include: [EGI-LAYOUT-0*]\nexclude: ["EGI-LAYOUT-0[2-9]"]\n')
    assert ids(profile.load(path, KNOWN)) == ['EGI-LAYOUT-01']


def test_rule_that_is_named_is_chosen_though_a_pattern_took_it_out(write):
    path = write('extends: egi\nexclude: ["*"]\nrules: {EGI-LAYOUT-02: {}}')
    assert ids(profile.load(path, KNOWN)) == ['EGI-LAYOUT-02']


def test_pattern_sets_the_severity_of_what_is_chosen_and_chooses_nothing(
    write,
):
    path = write(
        'include: [EGI-LAYOUT-01, EGI-LAYOUT-02]\n'
        'rules:\n'
        '  EGI-LAYOUT-*: {severity: info}\n'
        '  EGI-LAYOUT-02: {severity: error}\n'
    )
    found = profile.load(path, KNOWN)
    assert [(c.rule.id, c.severity) for c in found.chosen] == [
        ('EGI-LAYOUT-01', rule.Severity.INFO),
        ('EGI-LAYOUT-02', rule.Severity.ERROR),
    ]


def test_layer_keeps_what_its_base_says_of_a_rule(write):
    write(
        'rules: {EGI-LAYOUT-11: {options: {max_mount_count: 9}}}', 'base.yaml'
    )
    path = write(
        'extends: base.yaml\nrules: {EGI-LAYOUT-11: {severity: info}}'
    )
    (chosen,) = profile.load(path, KNOWN).chosen
    assert chosen.severity is rule.Severity.INFO
    assert chosen.options == {'max_mount_count': 9}


def test_option_must_fit_every_rule_that_a_pattern_fits(write):
    path = write(
        'include: [EGI-LAYOUT-10, EGI-LAYOUT-11]\n'
        'rules:\n'
        '  EGI-LAYOUT-1*: {options: {max_mount_count: 9}}\n'
    )
    (problem,) = invalid(path).problems
    assert problem.path == 'rules.EGI-LAYOUT-1*.options'
    assert problem.message == 'unknown key "max_mount_count"'


def test_unknown_rule_is_refused_with_its_place_and_a_guess(write):
    path = write('rules:\n  EGI-LAYOUT-1: {}\n')
    (problem,) = invalid(path).problems
    assert problem.where == f'{path}:4:3'
    assert problem.hint is not None and 'EGI-LAYOUT-1' in problem.hint


def test_pattern_that_fits_nothing_is_refused(write):
    (problem,) = invalid(write('include: [EGI-LAYUOT-01]')).problems
    assert problem.path == 'include[0]'


def test_every_problem_is_given_at_once(write):
    error = invalid(
        write(
            'exlude: []\n'
            'rules:\n'
            '  EGI-LAYOUT-01: {severity: fatal}\n'
            '  EGI-LAYOUT-02: {serverity: error}\n'
        )
    )
    assert [str(problem).partition(': ')[2] for problem in error.problems] == [
        'unknown key "exlude" (did you mean "exclude"?)',
        'rules.EGI-LAYOUT-01.severity: "fatal" is none of "error", '
        '"warning", "info"',
        'rules.EGI-LAYOUT-02: unknown key "serverity" '
        '(did you mean "severity"?)',
    ]


def test_option_that_the_rule_does_not_have_is_refused(write):
    path = write('rules:\n  EGI-LAYOUT-11:\n    options: {max_mounts: 1}\n')
    (problem,) = invalid(path).problems
    assert problem.path == 'rules.EGI-LAYOUT-11.options'
    assert problem.message == 'unknown key "max_mounts"'
    assert problem.line == 5
    assert problem.hint is not None and 'max_mount_count' in problem.hint


def test_rule_with_nothing_said_is_chosen_as_it_is(write):
    found = profile.load(write('rules: {EGI-LAYOUT-02: }'), KNOWN)
    assert found.chosen == (profile.Chosen(rule=KNOWN['EGI-LAYOUT-02']),)


def test_some_rules_alone_keep_what_the_profile_says_of_them(write):
    path = write('rules: {EGI-LAYOUT-02: {severity: info}}')
    found = profile.load(path, KNOWN, ['EGI-LAYOUT-03', 'EGI-LAYOUT-02'])
    assert [(c.rule.id, c.severity) for c in found.chosen] == [
        ('EGI-LAYOUT-02', rule.Severity.INFO),
        ('EGI-LAYOUT-03', None),
    ]


def test_some_rules_that_there_are_not_are_guessed_at():
    with pytest.raises(exceptions.NotFound) as caught:
        profile.load('egi', KNOWN, ['egi-layout-02'])
    assert caught.value.hint == 'did you mean "EGI-LAYOUT-02"?'


def test_least_severity_is_that_of_the_last_layer_that_says_one(write):
    write('least: error\n', 'a.yaml')
    path = write('extends: ./a.yaml\n')
    assert profile.load(path, KNOWN).least == 'error'
    path = write('extends: ./a.yaml\nleast: warning\n')
    assert profile.load(path, KNOWN).least == 'warning'
    assert profile.load('egi', KNOWN).least == 'info'


def test_least_severity_is_one_of_three(write):
    assert 'least' in str(invalid(write('least: fatal\n')).problems)
