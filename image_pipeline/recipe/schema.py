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

"""The closed schema of a recipe."""

from collections.abc import Mapping
from typing import Any

from image_pipeline import exceptions
from image_pipeline.documents import kinds

#: What a recipe is, for whoever reads documents.
KIND = kinds.Kind(what='recipe', error=exceptions.RecipeInvalid)

_NAME = '^[^/.\\x00-\\x1f\\x7f][^/\\x00-\\x1f\\x7f]*$'

_PROPERTIES: Mapping[str, Any] = {
    'type': 'object',
    'description': 'Image properties; they override what is derived from the '
    'image itself',
    'propertyNames': {'pattern': '^[A-Za-z0-9_.:-]{1,255}$'},
    'additionalProperties': {'type': ['string', 'integer', 'boolean']},
}

_WORDS: Mapping[str, Any] = {
    'type': 'array',
    'items': {'type': 'string', 'minLength': 1},
    'uniqueItems': True,
}

#: What a recipe may set for one target; the names of ``[target:NAME]``.
TARGET: Mapping[str, Any] = {
    'type': 'object',
    'additionalProperties': False,
    'properties': {
        'name': {
            'description': 'Name of the image at this target',
            'type': 'string',
            'pattern': _NAME,
            'maxLength': 200,
        },
        'properties': _PROPERTIES,
        'formats': {
            **_WORDS,
            'items': {'type': 'string', 'pattern': '^[a-z0-9]+$'},
            'minItems': 1,
            'description': 'Image formats that this target takes; the first '
            'one is registered',
        },
        'visibility': {
            'description': 'What a promoted image gets',
            'enum': ['private', 'shared', 'community', 'public'],
        },
        'promote': {
            'description': 'Whether the bake promotes, or a person',
            'enum': ['auto', 'manual'],
        },
        'keep': {
            'description': 'How many former images stay in service',
            'type': 'integer',
            'minimum': 0,
        },
        'tags': {**_WORDS, 'description': 'Tags of the image'},
        'members': {
            **_WORDS,
            'description': 'Projects that a shared image is shared with',
        },
        'stores': {**_WORDS, 'description': 'Glance stores'},
        'flavor': {
            'description': "Flavor of the smoke test's server",
            'type': 'string',
            'minLength': 1,
        },
        'network': {
            'description': "Network of the smoke test's server",
            'type': 'string',
            'minLength': 1,
        },
    },
}

#: One entry of ``stages``: a name, or a name with its options.
STAGE: Mapping[str, Any] = {
    'anyOf': [
        {'type': 'string', 'minLength': 1},
        {
            'description': 'one stage an entry, its options indented below '
            'its name',
            'type': 'object',
            'minProperties': 1,
            'maxProperties': 1,
            'additionalProperties': {'type': ['object', 'null']},
        },
    ],
}

#: The whole recipe.
RECIPE: Mapping[str, Any] = {
    '$schema': 'https://json-schema.org/draft/2020-12/schema',
    'type': 'object',
    'additionalProperties': False,
    'required': ['version', 'image', 'stages'],
    'properties': {
        'version': {
            'description': 'write "version: 1"',
            'type': 'integer',
            'const': 1,
        },
        'description': {
            'description': 'One line about the image',
            'type': 'string',
        },
        'extends': {
            'description': 'A recipe to start from: its name, or its path '
            'relative to this file',
            'type': 'string',
            'minLength': 1,
        },
        'image': {
            'description': 'what is made; it has at least a name',
            'type': 'object',
            'additionalProperties': False,
            'required': ['name'],
            'properties': {
                'name': {
                    'description': 'a name must not hold "/" or begin '
                    'with "."',
                    'type': 'string',
                    'pattern': _NAME,
                    'maxLength': 200,
                },
                'properties': _PROPERTIES,
            },
        },
        'stages': {
            'description': 'the stages to run, in order',
            'type': 'array',
            'minItems': 1,
            'items': STAGE,
        },
        'targets': {
            'description': 'what the image needs else at one target',
            'type': 'object',
            'additionalProperties': TARGET,
        },
    },
}
