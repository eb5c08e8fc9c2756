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

from collections.abc import Mapping, Sequence
from typing import Any


class Redactor:
    """Take secrets out of text.

    :param secrets: the values that must not be shown; empty ones are ignored.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        # The longest first: one secret may be a part of another.
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text with each secret replaced by ``***``."""
        for secret in self._secrets:
            text = text.replace(secret, '***')
        return text

    def values(self, value: Any) -> Any:
        """Return JSON values with each secret in their texts replaced.

        :param value: JSON values; keys stay as they are.
        """
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {key: self.values(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.values(one) for one in value]
        return value
