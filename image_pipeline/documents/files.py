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

"""Documents from files: read within bounds, checked against a schema."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline.documents import findings, kinds, nodes, text


def read(path: Path, kind: kinds.Kind) -> str:
    """Return a document's text, unread if it is too large to be one.

    :param path: the file.
    :param kind: what it is.
    :raises OSError: it cannot be read.
    :raises InvalidInput: the kind's error: it is too large, binary or not
        UTF-8.
    """
    with path.open('rb') as stream:
        data = stream.read(text.MAX_BYTES + 1)
    return text.decode(data, str(path), kind)


def load(
    path: Path, schema: Mapping[str, Any], kind: kinds.Kind
) -> nodes.Node:
    """Read a document and check it against its schema.

    :param path: the file.
    :param schema: JSON Schema 2020-12.
    :param kind: what it is.
    :raises InvalidInput: the kind's error: it cannot be read, or is not of
        that form; with every problem.
    """
    try:
        # Opening a pipe waits for whoever writes into it.
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise kind.error(f'{path}: the {kind.what} is not a regular file')
        source = read(path, kind)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise kind.error(
            f'{path}: the {kind.what} cannot be read: {reason}'
        ) from exc
    node = text.parse(source, str(path), kind)
    problems = findings.problems(schema, node)
    if problems:
        raise kind.invalid(problems, str(path))
    return node
