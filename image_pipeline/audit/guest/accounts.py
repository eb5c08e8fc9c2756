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

"""Read a guest's accounts: passwd, shadow, group, gshadow, sudoers."""

import dataclasses
import enum
import re
from collections.abc import Iterator

from image_pipeline.audit.guest import text
from image_pipeline.disk import files

PASSWD = ('/etc/passwd', '/usr/lib/passwd', '/usr/etc/passwd')
SHADOW = ('/etc/shadow', '/usr/lib/shadow', '/usr/etc/shadow')
#: What shadow's tools leave beside them.
BACKUPS = ('/etc/passwd-', '/etc/shadow-', '/etc/group-', '/etc/gshadow-')
#: The ids that login.defs gives to people (UID_MIN and UID_MAX).
PEOPLE = range(1000, 60_000)

#: crypt(5): $id$…, BSDi's extended DES, DES.
_HASH = re.compile(
    r'\$[0-9a-z][0-9A-Za-z-]*\$.+|_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13}'
)
#: sudo follows as many (sudoers(5), "Including other files").
_MOST_INCLUDES = 128
_INCLUDE = re.compile(r'[@#]include(dir)?\s+(.+)')
_ALIAS = re.compile(r'User_Alias\s+(.*)')
_COMMA = re.compile(r'\s*,\s*')
_NO_GRANT = re.compile(r'(?:Defaults\b|(?:Cmnd|Cmd|Host|Runas)_Alias\s)')


class Password(enum.Enum):
    """What a password field says."""

    #: Nothing that anybody types fits: ``!``, ``*``, ``!!``, ``x``.
    LOCKED = enum.auto()
    #: Locked, and the hash of a password is still there: ``!$6$…``.
    LOCKED_HASH = enum.auto()
    #: No password is asked for.
    EMPTY = enum.auto()
    #: The hash of a password.
    HASH = enum.auto()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Account:
    """One line of passwd.

    :param line: where it is.
    :param name: of the account.
    :param password: the second field; ``x`` for what shadow says.
    :param uid: None if it is no number.
    :param gid: None if it is no number.
    :param home: the home folder.
    :param shell: the login shell.
    """

    line: text.Line
    name: str
    password: str
    uid: int | None
    gid: int | None
    home: str
    shell: str

    @property
    def is_person(self) -> bool:
        """Whether it has an id of those for people."""
        return self.uid in PEOPLE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Secret:
    """A name and its password field, of shadow, gshadow or group.

    :param line: where it is.
    :param name: of the account or the group.
    :param password: the second field.
    :param members: of a group.
    """

    line: text.Line
    name: str
    password: str
    members: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grant:
    """One rule of sudoers.

    :param line: where it is.
    :param who: users, ``%groups``, ``ALL``; aliases are resolved.
    :param what: hosts, run-as and commands, as they stand there.
    """

    line: text.Line
    who: tuple[str, ...]
    what: str

    @property
    def without_password(self) -> bool:
        """Whether sudo asks for none."""
        return 'NOPASSWD:' in self.what.replace(' ', '')


def password(field: str) -> Password:
    """Return what a password field says, as crypt(5) and shadow(5) have it.

    :param field: the second field of passwd, shadow, group or gshadow.
    """
    if not field:
        return Password.EMPTY
    if _HASH.fullmatch(field):
        return Password.HASH
    if field[0] in '!*' and _HASH.fullmatch(field.lstrip('!*')):
        return Password.LOCKED_HASH
    return Password.LOCKED


def passwd(tree: files.FileTree, path: str = '/etc/passwd') -> list[Account]:
    """Return the accounts of a passwd file.

    :param tree: the image's files.
    :param path: the file.
    """
    found = []
    for line in text.said(tree, path):
        fields = line.text.split(':')
        if len(fields) < 7:
            continue
        name, hashed, uid, gid, _, home, shell = fields[:7]
        found.append(
            Account(
                line=line,
                name=name,
                password=hashed,
                uid=_number(uid),
                gid=_number(gid),
                home=home,
                shell=shell,
            )
        )
    return found


def secrets(tree: files.FileTree, path: str) -> list[Secret]:
    """Return names and passwords of shadow, group or gshadow.

    :param tree: the image's files.
    :param path: the file.
    """
    found = []
    for line in text.said(tree, path):
        fields = line.text.split(':')
        if len(fields) < 2:
            continue
        # A line may be cut short; programs take what is missing as empty.
        last = fields[3] if len(fields) > 3 else ''
        members = last.split(',') if 'shadow' not in path[-8:] else []
        found.append(
            Secret(
                line=line,
                name=fields[0],
                password=fields[1],
                members=tuple(one for one in members if one),
            )
        )
    return found


def homes(tree: files.FileTree) -> list[str]:
    """Return the home folders that there are: of passwd, and in /home.

    :param tree: the image's files.
    """
    named = [
        account.home.rstrip('/')
        for path in PASSWD
        for account in passwd(tree, path)
    ]
    places = {'/root', *named, *tree.glob('/home/*')}
    return sorted(
        place
        for place in places
        # System accounts live in /, /bin, /dev and the like.
        if place.count('/') > 1 or place == '/root'
        if place.startswith('/') and tree.is_folder(place)
    )


def grants(tree: files.FileTree) -> list[Grant]:
    """Return what sudo allows, its includes in their places.

    :param tree: the image's files.
    """
    main = '/etc/sudoers'
    if not tree.exists(main):
        # Where a vendor keeps it (openSUSE), unless an administrator has one.
        main = '/usr/etc/sudoers'
    aliases: dict[str, tuple[str, ...]] = {}
    found: list[Grant] = []
    for line in _sudoers(tree, main, [_MOST_INCLUDES]):
        match = _ALIAS.match(line.text)
        if match:
            for alias in match[1].split(':'):
                name, _, members = alias.partition('=')
                aliases[name.strip()] = tuple(_COMMA.split(members.strip()))
            continue
        left, equals, what = line.text.partition('=')
        words = _COMMA.sub(',', left.strip()).split()
        if _NO_GRANT.match(line.text) or not equals or len(words) < 2:
            continue
        found.append(
            Grant(line=line, who=tuple(words[0].split(',')), what=what.strip())
        )
    return [
        dataclasses.replace(
            grant,
            who=tuple(
                member
                for one in grant.who
                for member in aliases.get(one, (one,))
            ),
        )
        for grant in found
    ]


def _sudoers(
    tree: files.FileTree, path: str, left: list[int]
) -> Iterator[text.Line]:
    """Give the lines that say something, in the order that sudo reads."""
    if left[0] <= 0:
        return
    left[0] -= 1
    for line in _joined(tree, path):
        match = _INCLUDE.match(line.text)
        if not match:
            if line.text and not re.match(r'#(?!\d)', line.text):
                yield line
            continue
        target = match[2].strip().strip('"')
        if not target.startswith('/'):
            target = f'{path.rpartition("/")[0]}/{target}'
        if not match[1]:
            yield from _sudoers(tree, target, left)
            continue
        for name in _names(tree, target):
            # sudoers(5): "that end in '~' or contain a '.' character".
            if '.' not in name and not name.endswith('~'):
                yield from _sudoers(tree, f'{target}/{name}', left)


def _joined(tree: files.FileTree, path: str) -> Iterator[text.Line]:
    """Give a file's lines; those that end in a backslash are one."""
    first: text.Line | None = None
    for line in text.lines(tree, path):
        before = first.text if first else ''
        joined = dataclasses.replace(
            first or line, text=f'{before} {line.text}'.strip()
        )
        if joined.text.endswith('\\'):
            first = dataclasses.replace(joined, text=joined.text[:-1].strip())
            continue
        first = None
        yield joined
    if first:
        yield first


def _names(tree: files.FileTree, path: str) -> list[str]:
    try:
        return tree.listdir(path)
    except OSError:
        return []


def _number(field: str) -> int | None:
    return int(field) if field.isascii() and field.isdigit() else None
