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
"""Read which log files are rotated."""

import fnmatch
import re

from image_pipeline.audit.guest import text
from image_pipeline.disk import files

PROGRAMS = ('/usr/sbin/logrotate', '/usr/bin/logrotate', '/sbin/logrotate')
_FILES = ('/etc/logrotate.conf', '/usr/etc/logrotate.conf')
_FOLDERS = ('/etc/logrotate.d', '/usr/etc/logrotate.d')
#: Files that logrotate passes over (``tabooext`` in logrotate.conf(5)).
_TABOO = re.compile(
    r'(,v|\.cfsaved|\.disabled|\.dpkg-\w+|\.rhn-cfg-tmp-.*|\.rpm\w+|\.swp'
    r'|\.ucf-\w+|~|\.bak|\.new|\.old|\.orig)$'
)
_WORD = re.compile(r'"([^"]*)"|\'([^\']*)\'|([^\s{}"\']+)')


def is_installed(tree: files.FileTree) -> bool:
    """Tell whether there is logrotate.

    :param tree: the image's files.
    """
    return any(tree.is_file(path) for path in PROGRAMS)


def patterns(tree: files.FileTree) -> list[str]:
    """Return the names and patterns of files that are rotated.

    :param tree: the image's files.
    """
    paths = [path for path in _FILES if tree.is_file(path)][:1]
    for folder in _FOLDERS:
        paths += [
            path
            for path in tree.glob(f'{folder}/*')
            if tree.is_file(path) and not _TABOO.search(path)
        ]
    return [found for path in paths for found in _stanzas(tree, path)]


def rotates(found: list[str], path: str) -> bool:
    """Tell whether a file is rotated.

    :param found: what :func:`patterns` returned.
    :param path: the file.
    """
    parts = path.strip('/').split('/')
    for pattern in found:
        wanted = pattern.strip('/').split('/')
        if len(wanted) == len(parts) and all(
            fnmatch.fnmatchcase(part, want)
            for part, want in zip(parts, wanted, strict=True)
        ):
            return True
    return False


def _stanzas(tree: files.FileTree, path: str) -> list[str]:
    """Return what stands before the braces of a file."""
    found: list[str] = []
    inside = script = False
    for line in text.said(tree, path):
        bare = line.text.strip()
        if inside:
            if script:
                script = bare != 'endscript'
            elif bare.startswith('}'):
                inside = False
            else:
                script = bare in {
                    'postrotate', 'prerotate', 'firstaction', 'lastaction',
                    'preremove',
                }  # fmt: skip
            continue
        before, brace, after = bare.partition('{')
        found += [
            word
            for match in _WORD.finditer(before)
            for word in (match[1] or match[2] or match[3] or '',)
            if word.startswith('/')
        ]
        inside = bool(brace) and '}' not in after
    return found
