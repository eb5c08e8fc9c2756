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

"""What a document is: how messages call it, and what they are raised as."""

import dataclasses
from collections.abc import Sequence

from image_pipeline import exceptions
from image_pipeline.documents import nodes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """What a document is.

    :param what: what a person calls it: ``recipe``, ``waivers file``.
    :param error: what is raised if it is wrong.
    """

    what: str
    error: type[exceptions.InvalidInput] = exceptions.InvalidInput

    def invalid(
        self, problems: Sequence[exceptions.Problem], file: str
    ) -> exceptions.InvalidInput:
        """Return the error that carries all problems of a document.

        :param problems: at least one; they are sorted.
        :param file: the document, as the user named it.
        """
        found = nodes.in_order(problems)
        count = len(found)
        return self.error(
            f'{file} has {count} problem{"s" if count > 1 else ""}',
            problems=found,
        )

    def wrong(
        self,
        file: str,
        message: str,
        *,
        mark: nodes.Mark | None = None,
        hint: str | None = None,
    ) -> exceptions.InvalidInput:
        """Return the error that carries one problem.

        :param file: the document, as the user named it.
        :param message: what is wrong.
        :param mark: where it is wrong, if it is known.
        :param hint: what to do next.
        """
        problem = exceptions.Problem(
            file=file,
            line=mark.line if mark else None,
            column=mark.column if mark else None,
            message=message,
            hint=hint,
        )
        return self.invalid([problem], file)
