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

"""Keep secrets out of text that people and files get to see."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: Of a shorter one a log would be full.
_LEAST = 6

#: What this process has come to know: passwords of clouds, tokens.
_known: frozenset[str] = frozenset()
_lock = threading.Lock()


def register(*secrets: str | None) -> None:
    """Keep values out of every text that is shown, from now on.

    For what is known only while a program works, such as a token.

    :param secrets: the values; those of less than six characters would occur
        by chance, and are ignored.
    """
    global _known
    new = {one for one in secrets if one and len(one) >= _LEAST}
    with _lock:
        _known |= new


def redact(text: str) -> str:
    """Return text with each registered secret replaced by ``***``.

    :param text: what is to be shown.
    """
    return _without(text, _known)


def _without(text: str, secrets: Iterable[str]) -> str:
    # The longest first: one secret may be a part of another.
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, '***')
    return text


class Redactor:
    """Take secrets out of text, those that were registered as well.

    :param secrets: the values that must not be shown; empty ones are ignored.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._secrets = frozenset(filter(None, secrets))

    def __call__(self, text: str) -> str:
        """Return the text with each secret replaced by ``***``."""
        return _without(text, self._secrets | _known)

    def values(self, value: Any) -> Any:
        """Return JSON values with each secret in their texts replaced.

        Not what was registered: a person's password may be a word that a
        record needs, such as the name of a target.

        :param value: JSON values; keys stay as they are.
        """
        if isinstance(value, str):
            return _without(value, self._secrets)
        if isinstance(value, Mapping):
            return {key: self.values(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.values(one) for one in value]
        return value
