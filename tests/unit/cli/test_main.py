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

import io
import logging

import pytest

from image_pipeline import exceptions
from image_pipeline.cli import base, main


class Outcome:
    """What a command left: its exit status and what it printed."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


@pytest.fixture(autouse=True)
def quiet_root():
    """Give the log back as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv(main.STATE_DIR_VARIABLE, str(tmp_path / 'state'))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'config'))

    def call(*argv, raises=None):
        out, err = io.StringIO(), io.StringIO()
        app = main.App(stdout=out, stderr=err)
        if raises is not None:
            app.command_manager.add_command('try', _raising(raises))
        status = app.run([*argv] if raises is None else [*argv, 'try'])
        return Outcome(status, out.getvalue(), err.getvalue())

    return call


def _raising(error):
    class Try(base.Command):
        """Try something."""

        def take_action(self, parsed_args):
            raise error

    return Try


def test_help_lists_every_command_with_what_it_does(run):
    done = run('--help')
    assert done.status == 0 and done.err == ''
    assert '  plan             Show what `bake` would do, why' in done.out
    assert 'cannot be loaded' not in done.out


def test_no_command_shows_help_and_is_bad_input(run):
    done = run()
    assert (done.status, done.out) == (2, '')
    assert 'commands:' in done.err


@pytest.mark.parametrize(
    'argv', [['plan', '--help'], ['help', 'plan'], ['--help', 'plan']]
)
def test_help_of_a_command_is_its_own(run, capsys, argv):
    assert run(*argv).status == 0
    assert '--until STAGE' in capsys.readouterr().out


def test_version_is_told(run):
    assert run('--version').out.startswith('image-pipeline ')


@pytest.mark.parametrize(
    ('argv', 'message', 'hint'),
    [
        (['bakke'], 'there is no command "bakke"', 'did you mean "bake"?'),
        (
            ['recipe'],
            '"recipe" is not a command by itself',
            'commands are recipe list, recipe show, recipe validate',
        ),
        (
            ['recipe', 'lst'],
            'there is no command "recipe lst"',
            'did you mean "recipe list"?',
        ),
        (
            ['--nope', 'plan'],
            'there is no option "--nope" before the command',
            'see `image-pipeline --help`',
        ),
    ],
)
def test_unknown_command_is_bad_input(run, argv, message, hint):
    done = run(*argv)
    assert (done.status, done.out) == (2, '')
    assert done.err == f'error: {message}\nhint: {hint}\n'


def test_option_that_argparse_refuses_is_bad_input(run, capsys):
    assert run('plan', '--nope', 'x').status == 2
    assert 'unrecognized arguments: --nope' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('error', 'status'),
    [
        (exceptions.StageFailed('it broke'), 1),
        (exceptions.NotFound('it broke'), 2),
        (exceptions.AuditFailed('it broke'), 3),
        (exceptions.SmokeTestFailed('it broke'), 4),
        (exceptions.Unavailable('it broke'), 5),
        (exceptions.Interrupted('it broke'), 130),
    ],
)
def test_exit_status_is_that_of_the_error(run, error, status):
    done = run(raises=error)
    assert (done.status, done.out) == (status, '')
    assert done.err == 'error: it broke\n'


def test_error_tells_problems_and_what_to_do_next(run):
    problem = exceptions.Problem(
        file='r.yaml', line=1, column=2, path='a', message='wrong', hint='so'
    )
    error = exceptions.RecipeInvalid(
        'r.yaml has 1 problem', problems=[problem], hint='mend it'
    )
    assert run(raises=error).err == (
        'error: r.yaml has 1 problem\n'
        '  r.yaml:1:2: a: wrong (so)\n'
        'hint: mend it\n'
    )


def test_failed_program_tells_its_last_lines_and_its_log(run):
    error = exceptions.CommandFailed(
        '`mke2fs` failed with exit status 1',
        tail=[f'line {number}' for number in range(12)],
        log='/runs/1/compose.log',
    )
    told = run(raises=error).err.splitlines()
    assert told[0] == 'error: `mke2fs` failed with exit status 1'
    assert told[1] == '  | line 2' and told[10] == '  | line 11'
    assert told[11:] == ['log: /runs/1/compose.log']


def test_text_of_others_does_not_command_the_terminal(run):
    error = exceptions.CommandFailed('\x1b[2J\x07', tail=['a\tb\x9b'])
    assert run(raises=error).err == 'error: \\x1b[2J\\x07\n  | a\tb\\x9b\n'


def test_interrupt_is_130(run):
    done = run(raises=KeyboardInterrupt())
    assert (done.status, done.err) == (130, 'error: interrupted\n')


def test_closed_pipe_is_quiet(run, monkeypatch):
    monkeypatch.setattr(main, '_forget_stdout', lambda: None)
    done = run(raises=BrokenPipeError())
    assert (done.status, done.err) == (141, '')


def test_full_disk_names_the_file(run):
    done = run(raises=OSError(28, 'No space left on device', '/x/y'))
    assert done.status == 1
    assert done.err == 'error: /x/y: No space left on device\n'


def test_bug_is_one_line_and_a_traceback_only_with_debug(run):
    done = run(raises=RuntimeError('oops'))
    assert done.status == 1
    assert done.err == (
        'error: internal error: RuntimeError: oops\n'
        'hint: this is a bug; `--debug` shows where\n'
    )
    assert 'Traceback' in run('--debug', raises=RuntimeError('oops')).err


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ([], 'warning: odd\n'),
        (['-q'], ''),
        (['-v'], 'new\nwarning: odd\n'),
        (['-vv'], 'detail\nnew\nwarning: odd\n'),
    ],
)
def test_log_goes_to_standard_error(run, options, expected):
    class Chatty(base.Command):
        """Say things."""

        def take_action(self, parsed_args):
            log = logging.getLogger('image_pipeline.x')
            log.debug('detail')
            log.info('new')
            log.warning('odd')
            logging.getLogger('taskflow').warning('chatter')

    out, err = io.StringIO(), io.StringIO()
    app = main.App(stdout=out, stderr=err)
    app.command_manager.add_command('chat', Chatty)
    assert app.run([*options, 'chat']) == 0
    assert (out.getvalue(), err.getvalue()) == ('', expected)


def test_exit_status_of_a_command_is_its_own():
    class Seven(base.Command):
        """Return seven."""

        def take_action(self, parsed_args):
            return 7

    app = main.App(stdout=io.StringIO(), stderr=io.StringIO())
    app.command_manager.add_command('seven', Seven)
    assert app.run(['seven']) == 7


def test_program_options_may_stand_behind_the_command(run, tmp_path):
    config = tmp_path / 'site.conf'
    config.write_text('[target:edge]\nformats = raw\n')
    done = run('target', 'list', '-f', 'value', '--config-file', str(config))
    assert 'edge' in done.out


def test_bad_configuration_is_bad_input(run, tmp_path):
    config = tmp_path / 'site.conf'
    config.write_text('[cache]\nmax_aeg = 1\n')
    done = run('--config-file', str(config), 'target', 'list')
    assert (done.status, done.out) == (2, '')
    assert (
        f'{config}:2: there is no option "max_aeg" in [cache] (did you mean '
        '"max_age"?)' in done.err
    )


def test_state_folder_is_that_of_option_then_variable(monkeypatch, tmp_path):
    monkeypatch.setenv(main.STATE_DIR_VARIABLE, '/from/variable')
    app = main.App(stdout=io.StringIO(), stderr=io.StringIO())
    app.run(['target', 'list'])
    assert str(app.settings.state_dir) == '/from/variable'
    app = main.App(stdout=io.StringIO(), stderr=io.StringIO())
    app.run(['--state-dir', '/from/option', 'target', 'list'])
    assert str(app.settings.state_dir) == '/from/option'


def test_two_commands_of_one_name_are_an_error(monkeypatch):
    from importlib import metadata

    found = [
        metadata.EntryPoint('a_b', value, main.NAMESPACE)
        for value in ('one:A', 'two:B')
    ]
    monkeypatch.setattr(metadata, 'entry_points', lambda group: found)
    with pytest.raises(exceptions.StateConflict) as caught:
        main.Commands(main.NAMESPACE)
    assert str(caught.value) == (
        'two commands are called "a b": one:A and two:B'
    )
