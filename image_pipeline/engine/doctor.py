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
    :param version: a library's version.
    """

    host: process.Runner
    firmware: Callable[[], firmware.Firmware]
    acceleration: Callable[[Path], acceleration.Acceleration]
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
        *_libraries(probes),
        _root(together, facts),
        _state_dir(settings, facts),
        # Recipes are baked one by one: the largest says how much.
        _disk(_most(steps), settings, facts),
        *_programs(together, facts),
        *_namespaces(together, facts, probes),
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
    return Finding(
        subject=f'recipe {name}',
        verdict=Verdict.WARNING,
        found=exc.message,
        remedy=f'image-pipeline recipe validate {name}',
    )


def _libraries(probes: Probes) -> Iterable[Finding]:
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
        yield Finding(
            subject='Python libraries',
            verdict=Verdict.MISSING,
            found=f'not installed: {", ".join(missing)}',
            remedy=f'pip install {" ".join(missing)}',
        )
    else:
        yield Finding(
            subject='Python libraries',
            verdict=Verdict.OK,
            found=f'{count}, all installed',
        )


def _root(together: needs.Needs, facts: needs.HostFacts) -> Finding:
    if facts.is_root or not together.root:
        return Finding(
            subject='root',
            needed_by=together.root,
            verdict=Verdict.OK,
            found='yes' if facts.is_root else 'not needed',
        )
    return Finding(
        subject='root',
        needed_by=together.root,
        verdict=Verdict.MISSING,
        found='run as another user',
        remedy='use sudo',
    )


def _state_dir(
    settings: conf_settings.Settings, facts: needs.HostFacts
) -> Finding:
    writable = facts.writable(settings.state_dir)
    return Finding(
        subject='state folder',
        verdict=Verdict.OK if writable else Verdict.MISSING,
        found=f'{settings.state_dir}'
        f'{"" if writable else " cannot be written"}',
        remedy=None if writable else 'use sudo, or set state_dir',
    )


def _most(steps: Iterable[plan.Step]) -> int:
    """Return the bytes that the recipe needs that needs most."""
    by_recipe: dict[object, int] = {}
    for step in steps:
        recipe = step.context.recipe_file
        needed = step.needs().disk_bytes
        by_recipe[recipe] = by_recipe.get(recipe, 0) + needed
    return max(by_recipe.values(), default=0)


def _disk(
    needed: int, settings: conf_settings.Settings, facts: needs.HostFacts
) -> Finding:
    free = facts.free_bytes(settings.state_dir)
    found = f'{free / _GIB:.1f} GiB free, {needed / _GIB:.1f} GiB needed'
    if needed > free:
        return Finding(
            subject='disk space',
            verdict=Verdict.MISSING,
            found=found,
            remedy='make room, or set state_dir to another file system',
        )
    return Finding(subject='disk space', verdict=Verdict.OK, found=found)


def _programs(
    together: needs.Needs, facts: needs.HostFacts
) -> Iterable[Finding]:
    for name, (least, stages) in together.executables.items():
        path = facts.which(name)
        remedy = packages.remedy([name], facts.which)
        if path is None:
            verdict, found = Verdict.MISSING, 'not installed'
        else:
            verdict, found, remedy = Verdict.OK, str(path), None
            version = facts.version_of(name) if least else None
            if version and least and needs.later(version, least) != version:
                verdict = Verdict.MISSING
                found = f'version {version}, and {least} is needed'
                remedy = 'update the package that it comes from'
        yield Finding(
            subject=f'program {name}',
            needed_by=stages,
            verdict=verdict,
            found=found,
            remedy=remedy,
        )


def _namespaces(
    together: needs.Needs, facts: needs.HostFacts, probes: Probes
) -> Iterable[Finding]:
    """Tell whether mount and PID namespaces may be made."""
    _, stages = together.executables.get('unshare', (None, ()))
    if not stages or not facts.is_root or facts.which('unshare') is None:
        return
    argv = ['unshare', '--mount', '--pid', '--fork', '--mount-proc', 'true']
    try:
        probes.host.run(argv, timeout=10)
    except exceptions.CommandFailed as exc:
        yield Finding(
            subject='namespaces',
            needed_by=stages,
            verdict=Verdict.MISSING,
            found=next(iter(exc.tail), exc.message),
            remedy='in a container: give it CAP_SYS_ADMIN (--privileged)',
        )
    else:
        yield Finding(
            subject='namespaces',
            needed_by=stages,
            verdict=Verdict.OK,
            found='mount and PID namespaces can be made',
        )


def _guests(
    together: needs.Needs, facts: needs.HostFacts, probes: Probes
) -> Iterable[Finding]:
    qemu = next(
        (one for one in together.executables if one.startswith('qemu-sys')),
        None,
    )
    if qemu is None:
        return
    _, stages = together.executables[qemu]
    try:
        code = probes.firmware().code
    except exceptions.PipelineError as exc:
        yield Finding(
            subject='UEFI firmware',
            needed_by=stages,
            verdict=Verdict.MISSING,
            found=exc.message,
            remedy=exc.hint,
        )
    else:
        yield Finding(
            subject='UEFI firmware',
            needed_by=stages,
            verdict=Verdict.OK,
            found=str(code),
        )
    path = facts.which(qemu)
    if path is None:
        return
    guests = probes.acceleration(path)
    fast = guests.name == 'kvm'
    yield Finding(
        subject='acceleration',
        needed_by=stages,
        verdict=Verdict.OK if fast else Verdict.WARNING,
        found=f'{guests.name}: {guests.reason}',
        remedy=None
        if fast
        else 'guests run in software: it works, about ten times slower',
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
    )
