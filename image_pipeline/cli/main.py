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

"""The program ``image-pipeline``: options, commands, errors, exit status."""

import argparse
import contextlib
import dataclasses
import functools
import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from cliff import app, command, commandmanager

from image_pipeline import exceptions
from image_pipeline.cli import base
from image_pipeline.host import redaction
from image_pipeline.notifications import emit

if TYPE_CHECKING:
    from image_pipeline.conf import settings as conf_settings

#: The entry points that are commands.
NAMESPACE = 'image_pipeline.cli'
#: See :data:`image_pipeline.cli.base.STATE_DIR_VARIABLE`.
STATE_DIR_VARIABLE = base.STATE_DIR_VARIABLE
#: The reader of our output went away: 128 + SIGPIPE, as a shell says it.
BROKEN_PIPE = 141

LOG = logging.getLogger('image_pipeline')


class Commands(commandmanager.CommandManager):
    """The commands by name; none is imported before it is used."""

    def load_commands(self, namespace: str) -> None:
        """Find the commands of a namespace.

        :param namespace: the entry points' group.
        """
        self.group_list.append(namespace)
        for found in metadata.entry_points(group=namespace):
            name = found.name.replace('_', ' ')
            other = self.commands.get(name)
            if other is not None and other.value != found.value:
                raise exceptions.StateConflict(
                    f'two commands are called "{name}": {other.value} and '
                    f'{found.value}',
                    hint='uninstall one of the packages that they come from',
                )
            self.commands[name] = found

    def choose(self, words: Sequence[str]) -> tuple[str, list[str]]:
        """Return the name of a command, and the arguments behind it.

        :param words: what stands behind the program's own options.
        :raises InvalidInput: there is no such command.
        """
        plain: list[str] = []
        for word in words:
            if word.startswith('-'):
                break
            plain.append(word)
        for count in range(len(plain), 0, -1):
            name = ' '.join(plain[:count])
            if name in self.commands:
                return name, list(words[count:])
        if not plain:
            raise exceptions.InvalidInput(
                f'there is no option "{words[0]}" before the command',
                hint='see `image-pipeline --help`',
            )
        group = plain[0]
        within = sorted(n for n in self.commands if n.startswith(f'{group} '))
        if within:
            said = ' '.join(plain[:2])
            known = ', '.join(within)
            what = (
                f'there is no command "{said}"'
                if len(plain) > 1
                else f'"{group}" is not a command by itself'
            )
            raise exceptions.InvalidInput(
                what,
                hint=exceptions.did_you_mean(said, within)
                if len(plain) > 1 and exceptions.did_you_mean(said, within)
                else f'commands are {known}',
            )
        groups = {name.partition(' ')[0] for name in self.commands}
        raise exceptions.InvalidInput(
            f'there is no command "{group}"',
            hint=exceptions.did_you_mean(group, groups)
            or 'see `image-pipeline --help`',
        )


class App(app.App):
    """The program.

    :param stdout: where results go.
    :param stderr: where everything else goes.
    """

    NAME = 'image-pipeline'

    def __init__(
        self, stdout: TextIO | None = None, stderr: TextIO | None = None
    ) -> None:
        super().__init__(
            description='Turn recipes into audited, smoke-tested, promoted '
            'OpenStack images.',
            version=None,
            command_manager=Commands(NAMESPACE),
            stdout=stdout,
            stderr=stderr,
        )
        self.command_manager.add_command('help', Help)
        self.options = argparse.Namespace(debug=False)

    @functools.cached_property
    def settings(self) -> 'conf_settings.Settings':
        """The site's settings; the files are read when first asked for."""
        from image_pipeline.clouds import names
        from image_pipeline.conf import loader

        state_dir = self.options.state_dir
        conf = loader.load(
            [Path(name) for name in self.options.config_files],
            state_dir=Path(state_dir).absolute() if state_dir else None,
        )
        found = loader.settings_from(conf)
        # A cloud of clouds.yaml is a target without being configured.
        return dataclasses.replace(
            found,
            targets=names.Targets(found.targets, requests=found.requests),
        )

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,
        argparse_kwargs: dict[str, Any] | None = None,
    ) -> argparse.ArgumentParser:
        """Return the parser of the options that every command takes.

        :param description: what the program is for.
        :param version: not used: asking for it takes time.
        :param argparse_kwargs: for the parser.
        """
        parser = argparse.ArgumentParser(
            prog=self.NAME,
            usage='%(prog)s [OPTIONS] COMMAND …',
            description=description,
            add_help=False,
            allow_abbrev=False,
            **argparse_kwargs or {},
        )
        parser.add_argument(
            '-h', '--help', action='store_true', help='show this and exit'
        )
        parser.add_argument(
            '--version', action='store_true', help='show the version and exit'
        )
        level = parser.add_mutually_exclusive_group()
        level.add_argument(
            '-v',
            '--verbose',
            action='count',
            default=0,
            help='tell more on standard error; -vv tells everything',
        )
        level.add_argument(
            '-q',
            '--quiet',
            action='store_true',
            help='tell errors only',
        )
        parser.add_argument(
            '--debug',
            action='store_true',
            help='show the traceback of an error',
        )
        parser.add_argument(
            '--config-file',
            metavar='FILE',
            action='append',
            default=[],
            dest='config_files',
            help='read this instead of the files in /etc and in the home '
            'folder; may be given several times',
        )
        parser.add_argument(
            '--state-dir',
            metavar='DIR',
            default=os.environ.get(STATE_DIR_VARIABLE),
            help='folder of runs, artifacts, cache and the local catalogue '
            f'(default: {STATE_DIR_VARIABLE}, or the configuration)',
        )
        return parser

    def configure_logging(self) -> None:
        """Send the log to standard error."""
        handler = logging.StreamHandler(self.stderr)
        handler.setFormatter(_Formatter())
        level = logging.WARNING
        if self.options.quiet:
            level = logging.ERROR
        elif self.options.verbose:
            level = logging.INFO if self.options.verbose < 2 else logging.DEBUG
        LOG.setLevel(level)
        root = logging.getLogger()
        # Other libraries' chatter only helps to find errors in us.
        root.setLevel(logging.DEBUG if self.options.debug else logging.ERROR)
        root.handlers[:] = [handler]

    def run(self, argv: list[str]) -> int:
        """Run one command and return the exit status.

        :param argv: the arguments, without the program's name.
        """
        try:
            with self._errors_told() as told:
                told.append(self._run(argv))
        except SystemExit as exc:
            # argparse has told what is wrong, or has printed help.
            return exc.code if isinstance(exc.code, int) else 2
        finally:
            for line in emit.close():
                LOG.warning('%s', line)
        return told[-1]

    def _run(self, argv: list[str]) -> int:
        # Help of a command is that command's; ours only stands alone.
        wants_help = {'-h', '--help'}
        rest = [word for word in argv if word not in wants_help]
        self.options, words = self.parser.parse_known_args(rest)
        self.configure_logging()
        if self.options.version:
            version = metadata.version('image-pipeline')
            self.stdout.write(f'{self.NAME} {version}\n')
            return 0
        if not words:
            out = self.stdout if wants_help & set(argv) else self.stderr
            self.print_help(out)
            return 0 if out is self.stdout else 2
        if wants_help & set(argv):
            words = [*words, '--help']
        return self.run_subcommand(words)

    def run_subcommand(self, argv: list[str]) -> int:
        """Run one command and return the exit status.

        :param argv: the command's words and its arguments.
        :raises PipelineError: it did not succeed.
        """
        commands = self.command_manager
        assert isinstance(commands, Commands)  # noqa: S101 - made so above
        name, rest = commands.choose(argv)
        made = commands.commands[name].load()(self, self.options)
        parser = made.get_parser(f'{self.NAME} {name}')
        return int(made.run(parser.parse_args(rest)) or 0)

    def print_help(self, out: TextIO) -> None:
        """Print the options and all commands.

        :param out: where to.
        """
        out.write(self.parser.format_help())
        out.write('\ncommands:\n')
        for name, found in sorted(self.command_manager):
            try:
                summary = (found.load().__doc__ or '').strip().splitlines()[0]
            except Exception as exc:
                summary = f'(cannot be loaded: {exc})'
            out.write(f'  {name:<16} {summary.rstrip(".")}\n')
        out.write('\nSee `image-pipeline COMMAND --help`.\n')

    @contextlib.contextmanager
    def _errors_told(self) -> Iterator[list[int]]:
        """Tell a person of an error, and give the exit status in a list."""
        status: list[int] = []
        try:
            yield status
            self.stdout.flush()
        except BrokenPipeError:
            _forget_stdout()
            status.append(BROKEN_PIPE)
        except KeyboardInterrupt:
            self._tell('error: interrupted')
            status.append(exceptions.Interrupted.exit_status)
        except exceptions.PipelineError as exc:
            self._tell(*base.explain(exc))
            status.append(exc.exit_status)
        except OSError as exc:
            name = f'{exc.filename}: ' if exc.filename else ''
            self._tell(f'error: {name}{exc.strerror or exc}')
            status.append(1)
        except Exception as exc:
            self._tell(
                f'error: internal error: {type(exc).__name__}: {exc}',
                'hint: this is a bug; `--debug` shows where',
            )
            status.append(1)

    def _tell(self, *lines: str) -> None:
        if self.options.debug:
            self.stderr.write(redaction.redact(traceback.format_exc()))
        for line in lines:
            self.stderr.write(f'{redaction.redact(line)}\n')


class Help(command.Command):
    """Show the help of a command."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = argparse.ArgumentParser(prog=prog_name)
        parser.add_argument('command', nargs='*', help='the command')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print it.

        :param parsed_args: the arguments.
        """
        assert isinstance(self.app, App)  # noqa: S101 - it is ours
        if parsed_args.command:
            return self.app.run_subcommand([*parsed_args.command, '--help'])
        self.app.print_help(self.app.stdout)
        return 0


class _Formatter(logging.Formatter):
    """``warning: what is odd``; information has no such mark."""

    def format(self, record: logging.LogRecord) -> str:
        text = redaction.redact(super().format(record))
        if record.levelno in (logging.INFO, logging.DEBUG):
            return text
        return f'{record.levelname.lower()}: {text}'


def _forget_stdout() -> None:
    """Keep Python from flushing to a closed pipe at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the entry point of ``image-pipeline``.

    :param argv: the arguments; None means those of the process.
    :returns: the exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the locale cannot write is no reason to fail.
            stream.reconfigure(errors='backslashreplace')
    # A command that has more to undo sets a handler of its own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return App().run(list(sys.argv[1:] if argv is None else argv))
    except exceptions.PipelineError as exc:
        for line in base.explain(exc):
            sys.stderr.write(f'{line}\n')
        return exc.exit_status
    except KeyboardInterrupt:
        return exceptions.Interrupted.exit_status


if __name__ == '__main__':
    sys.exit(main())
