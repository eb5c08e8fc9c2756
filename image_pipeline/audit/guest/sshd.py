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

"""Read sshd's configuration as sshd does.

A keyword's first value wins; an Include is read where it stands; what is in
a Match block overrides the rest for the connections that it fits, and the
first block that fits wins (sshd_config(5)).  A Match in an included file ends
with that file (OpenSSH's own test, regress/servcfginclude.sh).
"""

import dataclasses
import re
import shlex
from collections.abc import Iterator

from image_pipeline.audit.guest import release, text
from image_pipeline.disk import files

MAIN = '/etc/ssh/sshd_config'
#: Where openSUSE keeps what it ships; the other one comes first.
VENDOR = '/usr/etc/ssh/sshd_config'
PROGRAMS = ('/usr/sbin/sshd', '/usr/bin/sshd', '/usr/local/sbin/sshd')

#: servconf.c, SERVCONF_MAX_DEPTH.
_DEEPEST = 16
_MOST_FILES = 256
#: Deprecated names of the same.
_ALIASES = {
    'challengeresponseauthentication': 'kbdinteractiveauthentication',
    'skeyauthentication': 'kbdinteractiveauthentication',
    'dsaauthentication': 'pubkeyauthentication',
    'pubkeyacceptedkeytypes': 'pubkeyacceptedalgorithms',
}
#: What sshd does if nothing is said: fill_default_server_options() in
#: OpenSSH's servconf.c.
_DEFAULTS = {
    'authorizedkeyscommand': 'none',
    'authorizedkeysfile': '.ssh/authorized_keys .ssh/authorized_keys2',
    'clientaliveinterval': '0',
    'kbdinteractiveauthentication': 'yes',
    'logingracetime': '120',
    'maxauthtries': '6',
    'passwordauthentication': 'yes',
    'permitemptypasswords': 'no',
    'permitrootlogin': 'prohibit-password',
    'port': '22',
    'pubkeyauthentication': 'yes',
    'usepam': 'no',
    'x11forwarding': 'no',
}
#: Where the words of a command line are kept that go before any file.
_ARGUMENTS = (
    ('/etc/default/ssh', 'SSHD_OPTS'),
    ('/etc/sysconfig/sshd', 'OPTIONS'),
    ('/etc/sysconfig/ssh', 'SSHD_OPTS'),
)
_ASSIGNMENT = re.compile(r'^\s*(\w+)=(.*)$')
_KEYWORD = re.compile(r'^\s*"?([A-Za-z0-9]+)"?(?:\s*=\s*|\s+)(.*)$')
_TIME = re.compile(r'(\d+)([smhdw]?)', re.IGNORECASE)
_SECONDS = {'': 1, 's': 1, 'm': 60, 'h': 3600, 'd': 86_400, 'w': 604_800}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """One keyword with its value.

    :param line: where it is.
    :param keyword: in lower case; today's name of it.
    :param value: without quotes and comments; words are joined by one blank.
    :param match: the criteria of the Match block it is in, or None.
    """

    line: text.Line
    keyword: str
    value: str
    match: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """All of sshd's settings.

    :param settings: in the order in which sshd reads them.
    :param defaults: what holds if nothing is said, by keyword.
    """

    settings: tuple[Setting, ...]
    defaults: dict[str, str]

    def setting(self, keyword: str) -> Setting | None:
        """Return what holds for every connection, or None: the default.

        :param keyword: in lower case.
        """
        said = [one for one in self.settings if one.keyword == keyword]
        for one in said:
            if one.match == 'all':
                return one
        for one in said:
            if one.match is None:
                return one
        return None

    def value(self, keyword: str) -> str:
        """Return a keyword's value in lower case, or the default.

        :param keyword: in lower case.
        """
        found = self.setting(keyword)
        if found is None:
            return self.defaults.get(keyword, '')
        return found.value.lower()

    def conditional(self, keyword: str) -> list[Setting]:
        """Return what holds for some connections only.

        :param keyword: in lower case.
        """
        return [
            one
            for one in self.settings
            if one.keyword == keyword and one.match not in (None, 'all')
        ]


def read(tree: files.FileTree) -> Config:
    """Return sshd's configuration.

    :param tree: the image's files.
    """
    main = MAIN if tree.exists(MAIN) or not tree.exists(VENDOR) else VENDOR
    left = [_MOST_FILES]
    return Config(
        settings=(*_arguments(tree), *_file(tree, main, None, 0, left)),
        defaults=_defaults(tree),
    )


def program(tree: files.FileTree) -> str | None:
    """Return where sshd is, or None.

    :param tree: the image's files.
    """
    return next((path for path in PROGRAMS if tree.is_file(path)), None)


def seconds(value: str) -> int | None:
    """Return the seconds of a time such as ``2m`` or ``1h30m``, or None.

    :param value: as sshd_config(5), "TIME FORMATS", has it.
    """
    parts = _TIME.findall(value)
    if not parts or _TIME.sub('', value).strip():
        return None
    return sum(
        int(number[:9]) * _SECONDS[unit.lower()] for number, unit in parts
    )


def _defaults(tree: files.FileTree) -> dict[str, str]:
    """Return the defaults that a distribution compiles in."""
    said = release.os_release(tree)
    changed = {}
    if release.family(said) == 'suse' and said.get(
        'VERSION_ID', ''
    ).startswith(('12', '15')):
        # SLES and Leap let root in by password until 15 (DISA's STIG for
        # SLES 15, SLES-15-020040: a finding if the keyword is missing).
        changed['permitrootlogin'] = 'yes'
    return _DEFAULTS | changed


def _file(
    tree: files.FileTree,
    path: str,
    match: str | None,
    depth: int,
    left: list[int],
) -> Iterator[Setting]:
    """Give a file's settings, and those of the files that it includes."""
    if depth > _DEEPEST or left[0] <= 0:
        return
    left[0] -= 1
    outer = match
    for line in text.said(tree, path):
        found = _KEYWORD.match(line.text)
        if not found:
            continue
        keyword = found[1].lower()
        keyword = _ALIASES.get(keyword, keyword)
        words = _words(found[2])
        if keyword == 'match':
            criteria = ' '.join(words).lower()
            # A block within a block holds where both do.
            match = criteria if outer in (None, 'all') else outer
        elif keyword == 'include':
            for pattern in words:
                if not pattern.startswith('/'):
                    pattern = f'/etc/ssh/{pattern}'
                for included in tree.glob(pattern):
                    yield from _file(tree, included, match, depth + 1, left)
        else:
            yield Setting(
                line=line,
                keyword=keyword,
                value=' '.join(words),
                match=match,
            )


def _arguments(tree: files.FileTree) -> Iterator[Setting]:
    """Give the settings of sshd's command line."""
    for path, variable in _ARGUMENTS:
        for line in text.said(tree, path):
            found = _ASSIGNMENT.match(line.text)
            if not found or found[1] != variable:
                continue
            words = _words(text.unquote(found[2]))
            for before, word in zip(['', *words], words, strict=False):
                if word.startswith('-o') and len(word) > 2:
                    option = _KEYWORD.match(word[2:])
                elif before == '-o':
                    option = _KEYWORD.match(word)
                elif before == '-p':
                    option = _KEYWORD.match(f'Port {word}')
                else:
                    continue
                if option:
                    keyword = option[1].lower()
                    yield Setting(
                        line=line,
                        keyword=_ALIASES.get(keyword, keyword),
                        value=option[2],
                    )


def _words(value: str) -> list[str]:
    """Split a value as sshd does: quotes, and a comment at the end."""
    lexer = shlex.shlex(value, posix=True)
    lexer.whitespace_split = True
    lexer.escape = lexer.commenters = ''
    try:
        words = list(lexer)
    except ValueError:
        words = value.split()
    comment = next(
        (at for at, word in enumerate(words) if word.startswith('#')), None
    )
    return words[:comment]
