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
"""EGI-CI-01: cloud-init is there, and all of its stages run."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import cloud_init, ds_identify, systemd
from image_pipeline.disk import files

#: Each stage by its units, the name of today first: cloud-init.service is
#: called cloud-init-network.service since 24.3.
_STAGES = (
    ('cloud-init-local.service',),
    ('cloud-init-network.service', 'cloud-init.service'),
    ('cloud-config.service',),
    ('cloud-final.service',),
)
#: One process for all stages, since 24.3; the others only wait for it.
_MAIN = 'cloud-init-main.service'
_TARGET, _GENERATOR = 'cloud-init.target', 'cloud-init-generator'
#: Other agents that set an instance up, and how they are known.
_AGENTS: Mapping[str, tuple[str, ...]] = {
    'glean': ('/usr/bin/glean', '/usr/local/bin/glean'),
    'ignition': ('/usr/bin/ignition', '/usr/lib/dracut/modules.d/30ignition'),
    'afterburn': ('/usr/bin/afterburn',),
    'one-context': ('/usr/sbin/one-contextd',),
    'tiny-cloud': ('/usr/bin/tiny-cloud', '/usr/lib/tiny-cloud'),
    'cirros-init': ('/sbin/cirros-ds', '/usr/sbin/cirros-ds'),
}


class EgiCi01(rule.Rule):
    """An instance learns its keys, its name and its network."""

    id = 'EGI-CI-01'
    severity = rule.Severity.ERROR
    statement = 'cloud-init is installed, enabled, configured, and not masked'
    rationale = (
        'Without it an instance has neither its keys nor its network: nobody '
        'can log in.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "cloud-init"; OpenStack image '
        'guide; cloud-init, doc/rtd/explanation/boot.rst'
    )
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        'install cloud-init; systemctl enable cloud-init-local cloud-init '
        'cloud-config cloud-final; remove /etc/cloud/cloud-init.disabled; '
        'mend the YAML that the evidence names'
    )
    fix = rule.Fix.BUILD_ONLY
    implies = frozenset({'EGI-GROW-01', 'EGI-GROW-02', 'OS-CI-07'})
    probe = 'EGI-CI-01'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what keeps a stage of cloud-init from running."""
        tree = subject.files
        if not cloud_init.is_installed(tree):
            for name, paths in _AGENTS.items():
                if any(map(tree.exists, paths)):
                    raise rule.NotApplicable(f'{name} sets instances up')
            yield found.said(
                'nothing reads what the cloud says of an instance',
                data='/usr/bin/cloud-init is not there',
            )
            return
        off = cloud_init.disabled(tree)
        if off is not None:
            yield found.at(off, 'cloud-init is turned off')
        yield from _configuration(subject)
        units = known.units(subject)
        yield from _start(tree, units)
        # The target is started by the generator, at boot.
        reached = units.reached(_TARGET) | units.started
        for names in _STAGES:
            yield from _stage(units, reached, names)
        if units.path(_MAIN):
            yield from _stage(units, reached, (_MAIN,))


def _configuration(subject: view.ImageView) -> Iterator[rule.Finding]:
    config = known.cloud_config(subject)
    for problem in config.problems:
        yield found.at(
            problem.line,
            f'cloud-init leaves the file out: it {problem.message}',
            severity=None
            if problem.line.path == cloud_init.MAIN
            else rule.Severity.WARNING,
        )
    if not config.problems and not any(
        config.modules(stage) for stage in ('init', 'config', 'final')
    ):
        yield found.said(
            'cloud-init is told to do nothing',
            data='no list of modules in cloud.cfg',
        )


def _start(
    tree: files.FileTree, units: systemd.Units
) -> Iterator[rule.Finding]:
    """Give why nothing starts cloud-init's target."""
    if units.is_masked(_TARGET):
        yield found.in_file(
            units.path(_TARGET) or _TARGET, f'{_TARGET} is masked'
        )
    elif units.path(_TARGET) and not units.starts(_TARGET):
        if _GENERATOR not in units.generators:
            yield found.said(
                f'nothing starts {_TARGET}',
                data=f'{_GENERATOR} is not there, or it is masked',
            )
        elif not ds_identify.is_there(tree):
            # The generator takes its exit status, 127, for an error.
            yield found.said(
                f'nothing starts {_TARGET}',
                data=f'{_GENERATOR} needs ds-identify, which is not there',
            )


def _stage(
    units: systemd.Units, reached: frozenset[str], names: tuple[str, ...]
) -> Iterator[rule.Finding]:
    there = [name for name in names if units.path(name)]
    if not there:
        yield found.said(
            f'{names[0]} is missing', data=f'no {" or ".join(names)}'
        )
    elif any(
        units.is_enabled(name) or name in reached
        for name in there
        if not units.is_masked(name)
    ):
        return
    elif units.is_masked(there[0]):
        yield found.in_file(
            units.path(there[0]) or there[0], f'{there[0]} is masked'
        )
    else:
        yield found.in_file(
            units.path(there[0]) or there[0], f'{there[0]} is not enabled'
        )
