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

"""What this host lacks, and how to mend it.

Everything is asked of the parts that need it: programs, root and room of the
plans of the recipes, acceleration and firmware of the hypervisor.  Nothing is
changed but what the acceleration probe remembers.
"""

import contextlib
import dataclasses
import enum
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.dib import packages as dib_packages
from image_pipeline.host import packages, process
from image_pipeline.hypervisors import acceleration, firmware
from image_pipeline.recipe import loader, model, needs, plan
from image_pipeline.store import store

_DISTRIBUTION = 'image-pipeline'
_GIB = 2**30


class Verdict(enum.StrEnum):
    """What a finding means."""

    OK = 'ok'
    #: It works, but not as well as it could.
    WARNING = 'warning'
    #: Something cannot be done here.
    MISSING = 'missing'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    :param subject: what: ``program qemu-img``.
    :param needed_by: the stages that need it; none: everything does.
    :param verdict: what it means.
    :param found: what is there, one line.
    :param remedy: what mends it: a command where there is one.
    """

    subject: str
    needed_by: tuple[str, ...] = ()
    verdict: Verdict
    found: str
    remedy: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probes:
    """What is asked of the host beside the facts that plans use.

    :param host: runs programs.
    :param firmware: where UEFI firmware is.
    :param acceleration: how guests run.
    :param mirrors: where packages come from.
    :param version: a library's version.
    """

    host: process.Runner
    firmware: Callable[[], firmware.Firmware]
    acceleration: Callable[[Path], acceleration.Acceleration]
    mirrors: Callable[[], conf_settings.Mirrors]
    version: Callable[[str], str] = metadata.version


def examine(
    settings: conf_settings.Settings,
    names: Iterable[str] = (),
    *,
    facts: needs.HostFacts | None = None,
    probes: Probes | None = None,
) -> list[Finding]:
    """Return what was looked at, in the order in which to mend it.

    :param settings: the site's settings.
    :param names: recipes, whose plans say what is needed; none means all
        in the recipe path.
    :param facts: the host's; None means this host.
    :param probes: of the host; None means this host.
    :raises InvalidInput: a recipe that was named is not there, or is wrong.
    """
    facts = facts or needs.host_facts()
    findings: list[Finding] = []
    steps = _steps(settings, list(names), facts, findings)
    probes = probes or _probes(settings)
    return [*findings, *judge(steps, settings, facts, probes)]


def judge(
    steps: Sequence[plan.Step],
    settings: conf_settings.Settings,
    facts: needs.HostFacts,
    probes: Probes,
) -> list[Finding]:
    """Return what was looked at for the steps of some plans.

    :param steps: of all plans.
    :param settings: the site's settings.
    :param facts: the host's.
    :param probes: of the host.
    """
    together = needs.together(steps)
    return [
        _libraries(probes),
        _root(together, facts),
        _state_dir(settings, facts),
        # Recipes are baked one by one: the largest says how much.
        _disk(_most(steps), settings, facts),
        *_programs(together, facts),
        *_namespaces(together, facts, probes),
        *_mirrors(together, probes),
        *_guests(together, facts, probes),
    ]


def _steps(
    settings: conf_settings.Settings,
    names: list[str],
    facts: needs.HostFacts,
    findings: list[Finding],
) -> list[plan.Step]:
    recipes: list[model.Recipe] = []
    if names:
        recipes = [
            loader.load(name, recipe_path=settings.recipe_path)
            for name in names
        ]
    else:
        for name in loader.names(settings.recipe_path):
            try:
                recipes.append(
                    loader.load(name, recipe_path=settings.recipe_path)
                )
            except exceptions.InvalidInput as exc:
                findings.append(_broken(name, exc))
    steps: list[plan.Step] = []
    for recipe in recipes:
        try:
            made = plan.make(
                recipe, settings=settings, check_host=False, host=facts
            )
        except exceptions.InvalidInput as exc:
            if names:
                raise
            findings.append(_broken(recipe.name, exc))
        else:
            steps.extend(made.steps)
    if not recipes:
        findings.append(
            Finding(
                subject='recipes',
                verdict=Verdict.WARNING,
                found='none, so nothing says which programs are needed',
                remedy='name one: image-pipeline doctor RECIPE',
            )
        )
    return steps


def _broken(name: str, exc: exceptions.PipelineError) -> Finding:
    return _finding(
        f'recipe {name}',
        exc.message,
        f'image-pipeline recipe validate {name}',
        verdict=Verdict.WARNING,
    )


def _finding(
    subject: str,
    found: str,
    remedy: str | None = None,
    *,
    needed_by: tuple[str, ...] = (),
    verdict: Verdict | None = None,
) -> Finding:
    """Return a finding; with a remedy, something is missing."""
    return Finding(
        subject=subject,
        needed_by=needed_by,
        verdict=verdict or (Verdict.MISSING if remedy else Verdict.OK),
        found=found,
        remedy=remedy,
    )


def _libraries(probes: Probes) -> Finding:
    missing = []
    count = 0
    for requirement in metadata.requires(_DISTRIBUTION) or ():
        if 'extra ==' in requirement:
            continue
        count += 1
        name = re.split(r'[\s<>=!~;\[(]', requirement, maxsplit=1)[0]
        try:
            probes.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return _finding(
            'Python libraries',
            f'not installed: {", ".join(missing)}',
            f'pip install {" ".join(missing)}',
        )
    return _finding('Python libraries', f'{count}, all installed')


def _root(together: needs.Needs, facts: needs.HostFacts) -> Finding:
    stages = together.root
    if facts.is_root:
        return _finding('root', 'yes', needed_by=stages)
    if not stages:
        return _finding('root', 'not needed')
    return _finding(
        'root', 'run as another user', 'use sudo', needed_by=stages
    )


def _state_dir(
    settings: conf_settings.Settings, facts: needs.HostFacts
) -> Finding:
    folder = str(settings.state_dir)
    if facts.writable(settings.state_dir):
        return _finding('state folder', folder)
    return _finding(
        'state folder',
        f'{folder} cannot be written',
        'use sudo, or set state_dir',
    )


def _most(steps: Iterable[plan.Step]) -> int:
    """Return the bytes that the recipe needs that needs most."""
    by_recipe: dict[Path, int] = {}
    for step in steps:
        recipe = step.context.recipe_file
        needed = step.needs().disk_bytes
        by_recipe[recipe] = by_recipe.get(recipe, 0) + needed
    return max(by_recipe.values(), default=0)


def _disk(
    needed: int, settings: conf_settings.Settings, facts: needs.HostFacts
) -> Finding:
    free = facts.free_bytes(settings.state_dir)
    return _finding(
        'disk space',
        f'{free / _GIB:.1f} GiB free, {needed / _GIB:.1f} GiB needed',
        'make room, or set state_dir to another file system'
        if needed > free
        else None,
    )


def _programs(
    together: needs.Needs, facts: needs.HostFacts
) -> Iterable[Finding]:
    for name, (least, stages) in together.executables.items():
        path = facts.which(name)
        remedy = None
        if path is None:
            found = 'not installed'
            remedy = (
                packages.remedy([name], facts.which)
                or 'install the package that has it'
            )
        else:
            found = str(path)
            version = facts.version_of(name) if least else None
            if version and least and needs.later(version, least) != version:
                found = f'version {version}, and {least} is needed'
                remedy = 'update the package that it comes from'
        yield _finding(f'program {name}', found, remedy, needed_by=stages)


def _namespaces(
    together: needs.Needs, facts: needs.HostFacts, probes: Probes
) -> Iterable[Finding]:
    """Tell whether mount and PID namespaces may be made."""
    _, stages = together.executables.get('unshare', (None, ()))
    if not stages or not facts.is_root or facts.which('unshare') is None:
        return
    argv = ['unshare', '--mount', '--pid', '--fork', '--mount-proc', 'true']
    found, remedy = 'mount and PID namespaces can be made', None
    try:
        probes.host.run(argv, timeout=10)
    except exceptions.CommandFailed as exc:
        found = next(iter(exc.tail), exc.message)
        remedy = 'in a container: give it CAP_SYS_ADMIN (--privileged)'
    yield _finding('namespaces', found, remedy, needed_by=stages)


def _mirrors(together: needs.Needs, probes: Probes) -> Iterable[Finding]:
    _, stages = together.executables.get('mmdebstrap', (None, ()))
    if not stages:
        return
    used = probes.mirrors()
    found = [url for url in dataclasses.astuple(used) if url]
    yield _finding(
        'mirrors',
        ', '.join(found) or "this host's apt names none",
        None if found else 'set debian in [mirrors]',
        needed_by=stages,
    )


def _guests(
    together: needs.Needs, facts: needs.HostFacts, probes: Probes
) -> Iterable[Finding]:
    for qemu, (_, stages) in together.executables.items():
        if not qemu.startswith('qemu-system-'):
            continue
        try:
            found, remedy = str(probes.firmware().code), None
        except exceptions.PipelineError as exc:
            found, remedy = exc.message, exc.hint or 'install OVMF'
        yield _finding('UEFI firmware', found, remedy, needed_by=stages)
        path = facts.which(qemu)
        if path is None:
            continue
        guests = probes.acceleration(path)
        found = f'{guests.name}: {guests.reason}'
        if guests.name == 'kvm':
            yield _finding('acceleration', found, needed_by=stages)
        else:
            yield _finding(
                'acceleration',
                found,
                'nothing to mend: guests run in software, and take longer',
                needed_by=stages,
                verdict=Verdict.WARNING,
            )


def _probes(settings: conf_settings.Settings) -> Probes:
    host = process.Host()

    def accelerate(qemu: Path) -> acceleration.Acceleration:
        with contextlib.ExitStack() as stack:
            folder = settings.state_dir
            if not os.access(folder, os.W_OK):
                # The answer cannot be remembered: ask, and forget it.
                made = tempfile.TemporaryDirectory(prefix='image-pipeline-')
                folder = Path(stack.enter_context(made))
            return acceleration.decide(
                settings.accel,
                qemu=qemu,
                cache=store.Store(folder).cache,
                host=host,
            )

    return Probes(
        host=host,
        firmware=firmware.find,
        acceleration=accelerate,
        mirrors=lambda: dib_packages.mirrors(settings.mirrors),
    )
