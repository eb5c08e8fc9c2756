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

"""Probes of cloud-init: whether it ran, and from where it had its orders."""

import json
import re
from typing import Any

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

_RESULT = """\
echo '== result'
cat /run/cloud-init/result.json
echo
echo '== log'
grep -hE ' - [^ ]+\\[(WARNING|ERROR|CRITICAL)\\]: ' \\
    /var/log/cloud-init.log | cut -c 1-200 | tail -n 5
"""
_SOURCE = """\
[ -d /run/cloud-init ] || exit 0
echo there=1
cat /run/cloud-init/cloud-id 2>/dev/null | while read -r id; do
    echo "id=$id"
done
[ ! -e /run/cloud-init/disabled ] || echo disabled=1
grep -h '^ *datasource_list:' /run/cloud-init/cloud.cfg | tail -n 1 |
    while read -r _ list; do echo "list=$list"; done
for seed in /var/lib/cloud/seed/*/*; do
    [ ! -f "$seed" ] || echo "seed.$seed=1"
done
for file in /var/lib/cloud/instance/warnings/*; do
    [ ! -f "$file" ] || echo "warning.${file##*/}=1"
done
"""
#: What ds-identify may leave over: what it found, and None.
_MOST = 6
# What tools/ds-identify calls a machine whose metadata came from no cloud.
_NO_CLOUD = frozenset({'nocloud', 'none', 'fallback', 'unknown', ''})


def _json(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value['v1'], dict):
        raise ValueError('no version 1 of a status')
    return dict(value['v1'])


def _finished(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    parts = base.sections(answer.text)
    if not parts.get('result'):
        return base.failed(
            'cloud-init did not finish: /run/cloud-init/result.json is missing'
        )
    errors = [str(error) for error in _json(parts['result'])['errors']]
    if errors:
        return base.failed(*errors)
    # cloud-init (since 23.4) tells errors that it recovered from apart; its
    # own `status` exits 2 for them, so they are shown, but no failure.
    recovered = [
        f'recovered from: {line}' for line in parts.get('log', '').splitlines()
    ]
    return base.passed('cloud-init finished without error', *recovered)


def _datasource(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    parts = base.sections(answer.text)
    if not parts.get('result'):
        return base.failed('cloud-init found no datasource')
    full = str(_json(parts['result'])['datasource'])
    name = full.split()[0].removeprefix('DataSource')
    wanted = _wanted(expected)
    return base.compared(
        f'the datasource is {full}', name == wanted, wanted, datasource=name
    )


def _wanted(expected: base.Expected) -> str:
    return 'ConfigDrive' if expected.config_drive else 'OpenStack'


def _list(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    if 'there' not in read:
        return base.failed('cloud-init did not run: no /run/cloud-init')
    if 'list' not in read:
        return base.unknown('ds-identify did not say what it looked for')
    names = re.findall(r'\w+', read['list'].partition('#')[0])
    wanted = _wanted(expected)
    wrong = []
    if wanted not in names:
        wrong.append(f'{wanted} is not among {", ".join(names) or "nothing"}')
    if len(names) > _MOST:
        wrong.append(f'{len(names)} datasources are tried')
    return base.judged(wrong, f'ds-identify settled on {", ".join(names)}')


def _detected(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = base.values(answer.text)
    if 'there' not in read:
        return base.failed('cloud-init did not run: no /run/cloud-init')
    if 'disabled' in read:
        return base.failed('ds-identify found no cloud, and disabled it')
    name = read.get('id', '')
    return base.compared(
        f'cloud-init says that this is {name or "no cloud"}',
        name not in {'none', 'fallback', 'unknown', ''},
        'a cloud',
    )


def _strict(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    if 'there' not in read:
        return base.not_applicable('cloud-init did not run')
    wrong = [
        f'cloud-init warns of {name.partition(".")[2]}'
        for name in read
        if name.startswith('warning.') and 'ec2' in name.lower()
    ]
    return base.judged(wrong, 'cloud-init does not warn of its datasource')


def _seedless(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = base.values(answer.text)
    if 'there' not in read:
        return base.not_applicable('cloud-init did not run')
    wrong = [
        f'{name.partition(".")[2]} is a seed in the image'
        for name in read
        if name.startswith('seed.')
    ]
    name = read.get('id', '')
    if name in _NO_CLOUD:
        wrong.append(f'the metadata came from no cloud: {name or "no id"}')
    return base.judged(wrong, f'the metadata came from {name}, no seed')


#: It asks what :data:`DATASOURCE` asks as well.
CLOUD_INIT = base.Probe(
    id='EGI-CI-01',
    title='cloud-init finished without error',
    snippet=_RESULT,
    judge=_finished,
    # Units and stages that are missing may not be missed in this boot.
    refutes=False,
)
DATASOURCE = base.Probe(
    id='EGI-CI-03',
    title='the metadata came from where the instance was given them',
    snippet=_RESULT,
    judge=_datasource,
    # One boot is of one source; the rule wants both.
    refutes=False,
)
PROBES = (
    CLOUD_INIT,
    DATASOURCE,
    base.Probe(
        id='EGI-CI-02',
        title='ds-identify settled on few datasources, and the right one',
        snippet=_SOURCE,
        judge=_list,
        # What is found in this cloud says little of the others.
        refutes=False,
    ),
    base.Probe(
        id='EGI-CI-04',
        title='cloud-init knew in what cloud it is',
        snippet=_SOURCE,
        judge=_detected,
        severity=artifact.Severity.WARNING,
        refutes=False,
    ),
    base.Probe(
        id='EGI-CI-05',
        title='cloud-init does not warn of an Ec2 that is none',
        snippet=_SOURCE,
        judge=_strict,
        severity=artifact.Severity.INFO,
        refutes=False,
    ),
    base.Probe(
        id='EGI-CI-06',
        title='the metadata came from a cloud, not from a seed',
        snippet=_SOURCE,
        judge=_seedless,
        refutes=False,
    ),
)
