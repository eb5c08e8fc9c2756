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

"""``image export``: the ids of current images, for other tools."""

import argparse
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from image_pipeline import artifact, exceptions
from image_pipeline.cli import image_targets

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base

#: The current images: by target, then by name.
_Images = Mapping[str, Mapping[str, artifact.ImageRecord]]
#: Terraform's, Ansible's and Heat's parameters have names of these.
_UNFIT = re.compile(r'[^A-Za-z0-9_]')
_PREFIX = re.compile(r'[A-Za-z_][A-Za-z0-9_]*')
#: What JSON says of an image.
_FACTS = (
    'id',
    'name',
    'sha256',
    'sha512',
    'format',
    'size',
    'visibility',
    'promoted_at',
    'recipe',
)


class ImageExport(image_targets.Targets):
    """Print the ids of current images for Heat, Terraform and Ansible.

    The same images always give the same text, so that it can be kept under
    version control.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'names',
            nargs='*',
            metavar='NAME',
            help='only images of this name (default: all that are current)',
        )
        parser.add_argument(
            '-f',
            '--format',
            choices=sorted(_WRITERS),
            default='json',
            dest='form',
            help='heat-env: parameter defaults of an environment file; '
            'tfvars: values of Terraform variables; ansible: a file of '
            'variables; json: everything by target and name (default: json)',
        )
        parser.add_argument(
            '--prefix',
            type=_prefix,
            default='image_',
            metavar='PREFIX',
            # A word that ends with an underscore is a link in the manual.
            help='what the names of variables begin with (default: as in '
            'image_debian_12)',
        )
        parser.add_argument(
            '--output',
            metavar='FILE',
            help='write to this file, at once, instead of to standard output',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print, or write, if every target has told.

        :param parsed_args: the arguments.
        """
        output = _output(parsed_args.output)
        catalogues = self.catalogues(parsed_args)
        if parsed_args.form == 'heat-env' and len(catalogues) > 1:
            raise exceptions.InvalidInput(
                'a Heat environment is for one cloud, and there are '
                f'{len(catalogues)} targets',
                hint='write a file for each target',
            )
        images = dict(
            self.each(
                catalogues,
                lambda catalogue: [_current(catalogue, parsed_args.names)],
            )
        )
        if len(images) < len(catalogues):
            # Half of the ids would pass for all of them.
            self.app.stderr.write('nothing is exported\n')
            return 1
        text = _WRITERS[parsed_args.form](images, parsed_args.prefix)
        if output is None:
            self.app.stdout.write(text)
        elif not output.is_file() or output.read_bytes() != text.encode():
            from image_pipeline.store import files

            files.save_text(output, text)
        return 0


def heat_env(images: _Images, prefix: str) -> str:
    """Return an environment for Heat.

    They are defaults: what a template does not declare is no error.

    :param images: of one target.
    :param prefix: what names of parameters begin with.
    """
    values = _variables(images, prefix)
    return _yaml({'parameter_defaults': values}, images)


def ansible(images: _Images, prefix: str) -> str:
    """Return a file of variables for Ansible.

    :param images: the images.
    :param prefix: what names of variables begin with.
    """
    return _yaml(_variables(images, prefix), images)


def tfvars(images: _Images, prefix: str) -> str:
    """Return values of variables for Terraform, as ``terraform fmt`` does.

    :param images: the images.
    :param prefix: what names of variables begin with.
    """
    lines = [f'# {_about(images)}']
    values = _variables(images, prefix)
    width = max(map(len, values), default=0)
    for name, value in values.items():
        if isinstance(value, str):
            lines.append(f'{name.ljust(width)} = {quoted(value)}')
            continue
        keys = {quoted(key): one for key, one in value.items()}
        inner = max(map(len, keys))
        lines += [
            f'{name} = {{',
            *(
                f'  {key.ljust(inner)} = {quoted(one)}'
                for key, one in keys.items()
            ),
            '}',
        ]
    return '\n'.join(lines) + '\n'


def as_json(images: _Images, prefix: str) -> str:
    """Return everything as JSON, by target and name.

    :param images: the images.
    :param prefix: not used: names stay as they are.
    """
    shown = {
        target: {
            name: {key: getattr(image, key) for key in _FACTS}
            for name, image in named.items()
        }
        for target, named in images.items()
    }
    return json.dumps(shown, indent=2, sort_keys=True) + '\n'


_WRITERS: Mapping[str, Callable[[_Images, str], str]] = {
    'ansible': ansible,
    'heat-env': heat_env,
    'json': as_json,
    'tfvars': tfvars,
}


def _current(
    catalogue: 'catalogue_base.Catalogue', names: Sequence[str]
) -> tuple[str, dict[str, artifact.ImageRecord]]:
    """Return a target's name, and its current images by name.

    :param catalogue: the target's.
    :param names: only those; none means all.
    :raises NotFound: there is no current image of one of them.
    """
    images = list(catalogue.list_images())
    found = {
        image.final_name: image
        for image in images
        if image.state == artifact.ImageState.CURRENT
    }
    missing = [name for name in names if name not in found]
    if missing:
        known = {image.final_name for image in images}
        raise exceptions.NotFound(
            f'there is no current image "{missing[0]}" at target '
            f'"{catalogue.target.name}"',
            hint=f'promote one: `image-pipeline image list {missing[0]}`'
            if missing[0] in known
            else exceptions.did_you_mean(missing[0], found)
            or '`image-pipeline image list` shows those that are there',
        )
    return catalogue.target.name, {
        name: found[name] for name in sorted(names or found)
    }


def _variables(
    images: _Images, prefix: str
) -> dict[str, str | dict[str, str]]:
    """Return an id a name; of several targets, ids by target."""
    names = sorted({name for named in images.values() for name in named})
    made: dict[str, list[str]] = {}
    for name in names:
        made.setdefault(prefix + _UNFIT.sub('_', name), []).append(name)
    problems = [
        exceptions.Problem(message=f'{" and ".join(same)} are both {variable}')
        for variable, same in sorted(made.items())
        if len(same) > 1
    ]
    if problems:
        raise exceptions.InvalidInput(
            'the names of images are too much alike to be names of variables',
            problems=problems,
            hint='say which images are meant, or take --format json',
        )
    if len(images) == 1:
        [only] = images.values()
        return {key: only[name].id for key, [name] in sorted(made.items())}
    return {
        key: {
            target: named[name].id
            for target, named in sorted(images.items())
            if name in named
        }
        for key, [name] in sorted(made.items())
    }


def _yaml(value: Mapping[str, object], images: _Images) -> str:
    import yaml

    dumped: str = yaml.safe_dump(
        dict(value), default_flow_style=False, sort_keys=True
    )
    return f'# {_about(images)}\n---\n{dumped}'


def _about(images: Iterable[str]) -> str:
    return (
        'Current images of '
        + ', '.join(sorted(images))
        + (' (image-pipeline image export)')
    )


def quoted(text: str) -> str:
    """Return a string of Terraform's language, where ${ and %{ are more.

    :param text: what it says.
    """
    said = json.dumps(text, ensure_ascii=False)
    return said.replace('${', '$${').replace('%{', '%%{')


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f'"{text}" is no beginning of a variable\'s name: letters, digits '
            'and _, no digit first'
        )
    return text


def _output(name: str | None) -> Path | None:
    if name is None:
        return None
    path = Path(name).absolute()
    if not path.parent.is_dir():
        raise exceptions.InvalidInput(f'there is no folder {path.parent}')
    if path.is_dir():
        raise exceptions.InvalidInput(f'{path} is a folder, not a file')
    return path
