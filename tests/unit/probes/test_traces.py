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

from typing import ClassVar

from image_pipeline.probes import traces
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

GOOD = guest_answers.recorded()
changed = guest_answers.changed


class TestProbes(conformance.ProbeConformance):
    probes = traces.PROBES
    good = GOOD
    defects: ClassVar = [
        ('EGI-LOG-01', '', 'not-applicable', 'no rsyslog'),
        (
            'EGI-LOG-01',
            changed('EGI-LOG-01', 'control=1', 'control=1\nrenewal=1'),
            'fail',
            '/var/log/syslog has what dhclient says',
        ),
        ('EGI-LOG-01', '== checked\n== logged\n', 'unknown', 'main log'),
        ('EGI-LOG-02', '', 'not-applicable', 'no rsyslog'),
        (
            'EGI-LOG-02',
            "== checked\naction '~' is deprecated\n== logged\n",
            'fail',
            "action '~' is deprecated",
        ),
        (
            'EGI-LOG-03',
            changed('EGI-LOG-03', 'journald.SystemMaxUse=200M\n', ''),
            'fail',
            'SystemMaxUse',
        ),
        (
            'EGI-LOG-03',
            GOOD['EGI-LOG-03'] + 'error=error: a.conf:3 unknown option\n',
            'fail',
            'unknown option',
        ),
        ('EGI-LOG-03', '', 'unknown', 'logs'),
        (
            'EGI-DATA-01',
            changed('EGI-DATA-01', '4\t/srv', '204800\t/srv'),
            'fail',
            '/srv holds 200 MiB',
        ),
        ('EGI-DATA-01', '4\t/srv\n', 'unknown', 'not looked through'),
        (
            'HYG-08',
            changed('HYG-08', '== old\n', '== old\n70000 /var/log/dpkg.log\n'),
            'fail',
            '/var/log/dpkg.log',
        ),
        (
            'HYG-10',
            changed(
                'HYG-10',
                '== histories\n',
                '== histories\n/root/.bash_history\n',
            ),
            'fail',
            '/root/.bash_history',
        ),
        (
            'HYG-12',
            changed('HYG-12', '== old\n', '== old\n12 /var/tmp/build.log\n'),
            'fail',
            '/var/tmp/build.log',
        ),
        (
            'HYG-14',
            changed(
                'HYG-14',
                '== registered\n',
                '== registered\n/etc/pki/consumer/cert.pem\n',
            ),
            'fail',
            'cert.pem',
        ),
        ('HYG-18', '', 'not-applicable', 'locale'),
        ('HYG-18', 'lang=de_DE.UTF-8\n', 'fail', 'de_DE'),
        (
            'HYG-18',
            'lang=en_US.UTF-8\nwarning=locale: Cannot set LC_CTYPE\n',
            'fail',
            'Cannot set',
        ),
    ]
